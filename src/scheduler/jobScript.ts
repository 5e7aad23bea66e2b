/**
 * Job scripts, rendered from `templates/` or from a workspace's own template.
 *
 * Rules: every value enters a script through the filter `q` (the product's one quoting function); names of variables are
 * validated before they do. A template of the workspace is code: callers pass it only where the workspace is trusted.
 */
import * as path from 'node:path';
import type { Environment as NunjucksEnvironment } from 'nunjucks';
import * as z from 'zod/mini';
import { HpcError, messageOf } from '../foundation/errors.ts';
import { isEnvironmentName, quoteWord } from '../foundation/quoting.ts';
import { containerArguments, containerVariables, type JobContainer } from './containerArguments.ts';
import { dialectFor } from './dialects.ts';
import type { SchedulerName } from './port.ts';

/** What runs in the job: the dispatcher for each element of an array, or the combiner or a shell command once. */
export type JobProgram =
  | { readonly kind: 'array'; /** Absolute path of `_hpc_dispatch.py`. */ readonly dispatcher: string; /** Task index of array index 1. */ readonly taskOffset: number; /** The task of each array index instead, from index 1. */ readonly tasks?: readonly number[] }
  | { readonly kind: 'combiner'; /** Absolute path of `_hpc_combiner.py`. */ readonly combiner: string; readonly wave: number | 'all'; readonly extraArguments?: readonly string[] }
  | { readonly kind: 'command'; readonly command: string };

/** The software that the programs of a job find. */
export interface JobSoftware {
  readonly modules?: readonly string[];
  readonly condaSource?: string;
  readonly condaEnv?: string;
  readonly venv?: string;
  readonly runtime?: 'uv';
  readonly container?: JobContainer;
}

export interface JobScriptInput extends JobSoftware {
  readonly scheduler: SchedulerName;
  readonly program: JobProgram;
  /** Chooses the GPU template and its settings. */
  readonly gpu: boolean;
  readonly runId: string;
  readonly cmdSha: string;
  readonly taskCount: number;
  /** Absolute folder of the run's code on the cluster; the job's working folder. */
  readonly repoDir: string;
  /** What each task runs, for people and for hpc-agent's `EXECUTOR`. */
  readonly executor: string;
  /** Python for the dispatcher. Ignored inside conda, venv, uv and containers, which bring `python3`. */
  readonly python: string;
  /** Further variables that name the run: `HPC_DIR`, `HPC_STATE_DIR`, `HPC_ATTEMPT`. */
  readonly hpcVariables?: Readonly<Record<string, string>>;
  /** Variables of the profile and the run, set last. */
  readonly env?: Readonly<Record<string, string>>;
  /** Cores of one task where the scheduler does not say; default 1. */
  readonly cpus?: number;
  readonly nfsDataDir?: string;
  /** Absolute path; the first element that starts writes job id, host and time there. */
  readonly markerPath?: string;
  /** First comment line, and more: plain text, line breaks are taken out. */
  readonly title?: string;
  readonly description?: readonly string[];
}

export interface TemplateOverride {
  /** For messages: the file's path. */
  readonly name: string;
  readonly text: string;
}

/** A workspace's template as read from its file. It may `{% include "preamble.sh.njk" %}` and the other shared parts. */
const overrideSchema = z.object({
  name: z.string().check(z.minLength(1)),
  text: z.string().check(
    z.maxLength(200_000, { error: 'it is longer than 200,000 characters' }),
    z.refine((text) => /\S/.test(text), { error: 'it is empty' }),
    z.refine((text) => !text.includes('\0'), { error: 'it holds a NUL character' }),
    z.refine((text) => text.startsWith('#!') || /^\{[%#]/.test(text), { error: 'its first line must be an interpreter line such as #!/bin/sh' }),
  ),
});

/** Variables that the scheduler or the script itself sets; a profile that sets them would send tasks astray. */
const reservedName = /^(HPC_(TASK_ID|TASK_COUNT|RUN_ID|CMD_SHA|JOB_ID|STATE_DIR|DIR|ATTEMPT|KW_.*|BACKGROUND_.*)|SLURM_.*|SBATCH_.*|SGE_.*|PBS_.*|TASK_OFFSET|REPO_DIR|EXECUTOR)$/;

/** Set by the job for its own task; images of frameworks have values of their own. */
const imageMayNotChange = ['OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'PYTHONHASHSEED'];

function checkedEnvironment(env: Readonly<Record<string, string>>, reserved: RegExp | undefined): readonly (readonly [string, string])[] {
  return Object.entries(env).map(([name, value]) => {
    if (!isEnvironmentName(name)) throw new HpcError('spec_invalid', `${JSON.stringify(name)} is not a name for an environment variable.`, { remediation: 'Use letters, digits and underscores, and do not begin with a digit.' });
    if (reserved?.test(name)) throw new HpcError('spec_invalid', `The variable ${name} is set by the job itself and cannot be set by a profile or a run.`, { remediation: 'Choose another name for it.' });
    return [name, value] as const;
  });
}

function templateName({ scheduler, program, gpu }: JobScriptInput): string {
  if (program.kind !== 'array') return `${scheduler}/combiner.sh.njk`;
  if (scheduler === 'background') return 'background/array.sh.njk';
  return `${scheduler}/${gpu ? 'gpu' : 'cpu'}_array.sh.njk`;
}

function programWords(input: JobScriptInput): string[] {
  // An activated environment or a container brings its own; only the bare node needs the path that was found.
  const python = input.container || input.condaEnv || input.venv || input.runtime ? (input.container ? 'python3' : 'python') : input.python;
  const { program } = input;
  // It needs nothing but the standard library: without site packages and PYTHON* variables it starts in half the time.
  if (program.kind === 'array') return [python, '-S', '-E', program.dispatcher];
  if (program.kind === 'command') return ['/bin/sh', '-c', program.command];
  return [python, program.combiner, ...(program.wave === 'all' ? ['--all'] : ['--wave', String(program.wave)]), '--run-id', input.runId, ...(program.extraArguments ?? [])];
}

/** Everything that a template may use. Documented for workspace templates: names here are stable. */
function templateContext(input: JobScriptInput): Record<string, unknown> {
  const { program, container } = input;
  const exports = checkedEnvironment(
    { HPC_RUN_ID: input.runId, HPC_CMD_SHA: input.cmdSha, HPC_TASK_COUNT: String(input.taskCount), REPO_DIR: input.repoDir, EXECUTOR: input.executor, ...(program.kind === 'combiner' && program.wave !== 'all' ? { HPC_WAVE: String(program.wave) } : {}), ...input.hpcVariables },
    undefined,
  );
  const env = checkedEnvironment(input.env ?? {}, reservedName);
  const own = ['HPC_TASK_ID', 'HPC_JOB_ID', 'HPC_CORES', 'TASK_OFFSET', 'PYTHONPATH', 'PYTHONHASHSEED', 'PYTHONUTF8', 'PYTHONUNBUFFERED', 'OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'LOCAL_DATA_DIR'];
  return {
    title: input.title ?? `Run ${input.runId}`,
    description: input.description ?? [],
    jobKind: program.kind,
    gpu: input.gpu,
    job: dialectFor(input.scheduler).jobExpressions,
    exports,
    env,
    runId: input.runId,
    cmdSha: input.cmdSha,
    taskCount: input.taskCount,
    taskOffset: program.kind === 'array' ? String(program.taskOffset) : '0',
    tasks: (program.kind === 'array' ? program.tasks : undefined) ?? [],
    repoDir: input.repoDir,
    executor: input.executor,
    python: input.python,
    modules: input.modules ?? [],
    condaSource: input.condaSource ?? '',
    condaEnv: input.condaEnv ?? '',
    venv: input.venv?.replace(/\/+$/, '') ?? '',
    runtime: input.runtime ?? '',
    container: container ?? null,
    containerArguments: container ? containerArguments(container, input.repoDir, [...new Set([...Object.keys(container.env ?? {}), ...env.map(([name]) => name), ...imageMayNotChange])]) : [],
    containerVariables: container ? containerVariables(container) : [],
    passedNames: [...exports, ...env].map(([name]) => name).concat(own, program.kind === 'command' ? ['HPC_RESULTS_DIR', 'HPC_PARAMS', 'HPC_TASKS', 'HPC_PARTIAL', 'HPC_OUTPUT', 'HPC_AGGREGATED_OUTPUT'] : []),
    cpus: String(input.cpus ?? 1),
    nfsDataDir: input.nfsDataDir ?? '',
    markerPath: input.markerPath ?? '',
    program: programWords(input),
  };
}

function checkInput(input: JobScriptInput): void {
  const { program } = input;
  const paths = { repoDir: input.repoDir, ...(program.kind === 'array' ? { dispatcher: program.dispatcher } : program.kind === 'combiner' ? { combiner: program.combiner } : {}), ...(input.markerPath === undefined ? {} : { markerPath: input.markerPath }) };
  for (const [name, value] of Object.entries(paths)) {
    if (!path.posix.isAbsolute(value)) throw new HpcError('internal', `A job script needs an absolute path for ${name}, not ${JSON.stringify(value)}.`);
  }
  if (program.kind === 'array' && program.tasks?.some((task) => !Number.isSafeInteger(task) || task < 0)) throw new HpcError('internal', 'A job script cannot run tasks that are no whole numbers.');
  if (program.kind === 'array' && !(Number.isSafeInteger(program.taskOffset) && program.taskOffset >= 0)) throw new HpcError('internal', `A job script cannot begin at task ${program.taskOffset}.`);
  if (input.container?.runtime === 'pyxis' && input.scheduler !== 'slurm') {
    throw new HpcError('spec_invalid', `The container runtime pyxis is a part of Slurm; ${input.scheduler} cannot use it.`, { remediation: 'Set container.runtime to apptainer or singularity for this cluster.' });
  }
}

async function templateEnvironment(templatesDirectory: string): Promise<NunjucksEnvironment> {
  const { default: nunjucks } = await import('nunjucks');
  const loader = new nunjucks.FileSystemLoader(templatesDirectory, { watch: false, noCache: true });
  const environment = new nunjucks.Environment(loader, { autoescape: false, throwOnUndefined: true, trimBlocks: true, lstripBlocks: true });
  environment.addFilter('q', (value: unknown) => quoteWord(String(value)));
  environment.addFilter('comment', (value: unknown) => String(value).replaceAll(/[\u0000-\u001f\u007f\u0085\u2028\u2029]+/g, ' '));
  return environment;
}

/** The script's text. `templatesDirectory` is the product's `templates` folder. */
export async function renderJobScript(input: JobScriptInput, options: { readonly templatesDirectory: string; readonly override?: TemplateOverride }): Promise<string> {
  checkInput(input);
  const context = templateContext(input);
  const environment = await templateEnvironment(options.templatesDirectory);
  const { override } = options;
  const name = override ? override.name : templateName(input);
  const remediation = override ? `Correct ${name}, or remove it from the cluster profile to use the template that comes with HPC Agent.` : 'Install HPC Agent again: one of its own templates is missing or damaged.';
  let text: string;
  if (override) {
    const checked = overrideSchema.safeParse(override);
    if (!checked.success) throw new HpcError('config_invalid', `The job script template ${name} cannot be used: ${checked.error.issues.map(({ message }) => message).join('; ')}.`, { remediation });
  }
  try {
    // A carriage return after the interpreter's name would make the kernel look for a program that does not exist. Only the template
    // is mended: values stay as they are.
    text = override ? environment.renderString(override.text.replaceAll('\r\n', '\n'), context) : environment.render(name, context);
  } catch (error) {
    throw new HpcError(override ? 'config_invalid' : 'internal', `The job script template ${name} cannot be rendered: ${messageOf(error).replace(/^\(unknown path\)\s*/, '').trim()}`, { remediation, cause: error });
  }
  if (!text.startsWith('#!')) throw new HpcError(override ? 'config_invalid' : 'internal', `The job script template ${name} does not begin with an interpreter line (#!/bin/sh).`, { remediation });
  return text.endsWith('\n') ? text : `${text}\n`;
}

/** The same software for what runs outside of a job's script: in a node that is held. */
export interface SoftwareScript {
  /** For `sh` and shells like it, to be sourced where `hpc_fail <message>` is defined. */
  readonly text: string;
  /** Words before the program's: the container. */
  readonly wrap: readonly string[];
  /** What it sets up depends on the folder that it is in, and on what lies there at that moment. */
  readonly perFolder: boolean;
}

export async function renderSoftware(input: JobSoftware & Pick<JobScriptInput, 'scheduler' | 'env' | 'cpus'>, folder: string, options: { readonly templatesDirectory: string }): Promise<SoftwareScript> {
  const whole: JobScriptInput = { ...input, program: { kind: 'command', command: ':' }, gpu: false, runId: '', cmdSha: '', taskCount: 1, repoDir: folder, executor: '', python: 'python3' };
  checkInput(whole);
  const { containerArguments: words, ...context } = templateContext(whole) as { readonly containerArguments: readonly string[] };
  const text = (await templateEnvironment(options.templatesDirectory)).render('software.sh.njk', context);
  const { container } = input;
  // Beside the other programs in the same allocation.
  const wrap = container === undefined ? [] : container.runtime === 'pyxis' ? ['srun', '--overlap', '--ntasks=1', '--export=ALL', ...words] : [container.runtime, 'exec', ...words];
  return { text, wrap, perFolder: input.runtime === 'uv' };
}
