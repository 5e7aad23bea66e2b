/**
 * What each task runs: a script with the task's kwargs as its own flags, or a shell command that reads them from the
 * environment (hpc-agent's contract). The dispatcher reads it from the sidecar's `executor` and `extra`.
 */
import { HpcError } from '../foundation/errors.ts';
import { quoteCommand } from '../foundation/quoting.ts';
import type { CallOptions, FoundExecutor, RunDeps } from './deps.ts';
import type { EvaluatedSweep } from './evaluateSweep.ts';
import { parseKwargs } from './kwargs.ts';
import type { Finding, RunRequest } from './planRun.ts';
import type { AskingScript } from './scriptResources.ts';

/** Put beside tasks.py where the workspace has none of its own. */
export const computeStarter = '.hpc/cli.py';

type Kwargs = Readonly<Record<string, unknown>>;

/** Kwarg to flag; `""` for a positional one, `[on, off]` for a pair of switches, `{each}` for one that is given once per value. */
type Flags = Readonly<Record<string, string | readonly [string, string] | { readonly each: string }>>;

interface ArgumentCommand {
  readonly argv: readonly string[];
  readonly flags: Flags;
  /** Comes after those flags, with its own behind it. */
  readonly subcommand?: { readonly name: string; readonly flags: Flags };
}

export interface TaskCommand {
  /** For people, and hpc-agent's `executor` of the sidecar. */
  readonly executor: string;
  /** Goes into the sidecar's `extra`; absent for a shell command. */
  readonly extra: { readonly command?: ArgumentCommand; readonly commands?: Readonly<Record<string, ArgumentCommand>> };
  readonly findings: readonly Finding[];
  /** Those of the executors that are job scripts. */
  readonly scripts: readonly AskingScript[];
}

export async function taskCommandFor(request: RunRequest, sweep: EvaluatedSweep, deps: RunDeps, options: CallOptions): Promise<TaskCommand> {
  if (request.command !== undefined) return { executor: request.command, extra: {}, findings: [], scripts: [] };
  const found = await deps.executors.discover(options.signal);
  const tasks = sweep.lines.map(parseKwargs);
  const swept = sweptExecutors(tasks);
  const names = sweep.keyOrder;
  if (request.executor === undefined && swept.length > 0) {
    const executors = swept.map((path) => requireExecutor(path, found));
    const flagged = new Set(executors.flatMap((executor) => executor.flags.map((flag) => flag.name)));
    return {
      executor: executors.map(({ path }) => path).join(', '),
      extra: { commands: Object.fromEntries(executors.map((executor, index) => [swept[index] ?? executor.path, commandOf(executor, names)])) },
      findings: unusedNames(names.filter((name) => name !== 'executor'), flagged, executors),
      scripts: askingScripts(executors),
    };
  }
  const path = request.executor ?? onlyModule(sweep, found);
  const executor = requireExecutor(path, found);
  const command = commandOf(executor, names);
  return { executor: wordsOf(command), extra: { command }, findings: unusedNames(names, new Set(executor.flags.map((flag) => flag.name)), [executor]), scripts: askingScripts([executor]) };
}

function askingScripts(executors: readonly FoundExecutor[]): readonly AskingScript[] {
  return executors.flatMap(({ path, resources }) => (resources ? [{ path, resources }] : []));
}

/** Values of the kwarg `executor`, in order of appearance, if every task has it. */
function sweptExecutors(tasks: readonly Kwargs[]): readonly string[] {
  const values = tasks.map((kwargs) => kwargs.executor);
  return values.every((value) => typeof value === 'string') ? [...new Set(values)] : [];
}

/** The script that FLAGS names, if it names one. */
function onlyModule(sweep: EvaluatedSweep, found: readonly FoundExecutor[]): string {
  const modules = sweep.flagModules;
  if (modules.length === 1 && modules[0] !== undefined) return modules[0];
  const choice = found.map(({ path }) => path);
  throw new HpcError('spec_invalid', modules.length === 0 ? 'It is not said which script the tasks run: .hpc/tasks.py has no FLAGS and no kwarg `executor`.' : `FLAGS of .hpc/tasks.py names ${modules.length} scripts and no task says which one it runs.`, {
    remediation: `Name one as executor: ${choice.slice(0, 10).join(', ') || 'no script was found in executors/, scripts/, src/ or here'}.`,
  });
}

/** Accepts a path or hpc-agent's dotted module (`executors.ml_ridge`). */
function requireExecutor(path: string, found: readonly FoundExecutor[]): FoundExecutor {
  const wanted = [path, path.replace(/^\.\//, ''), `${path.replaceAll('.', '/')}.py`];
  const executor = found.find((candidate) => wanted.includes(candidate.path));
  if (executor) return executor;
  throw new HpcError('executor_not_found', `There is no executor ${JSON.stringify(path)} in the workspace.`, { remediation: `Found: ${found.map((candidate) => candidate.path).slice(0, 20).join(', ') || 'none'}.` });
}

function commandOf(executor: FoundExecutor, names: readonly string[]): ArgumentCommand {
  const { file, subcommand } = executor;
  // `./` keeps a name that begins with a dash from being read as an option.
  const script = file.startsWith('-') ? `./${file}` : file;
  // hpc-agent's form: a module with only `compute(args)`, whose flags FLAGS lists, is started by `.hpc/cli.py`.
  const argv = executor.kind === 'compute' && executor.module !== undefined ? ['python3', computeStarter, executor.module] : file.endsWith('.py') ? ['python3', script] : [file.endsWith('.sh') ? 'bash' : 'sh', script];
  const flags = executor.flags.filter((flag) => names.includes(flag.name));
  if (subcommand === undefined) return { argv, flags: flagsOf(flags) };
  return { argv, flags: flagsOf(flags.filter((flag) => flag.beforeSubcommand === true)), subcommand: { name: subcommand, flags: flagsOf(flags.filter((flag) => flag.beforeSubcommand !== true)) } };
}

function flagsOf(flags: FoundExecutor['flags']): Flags {
  const entryOf = ({ option, ...flag }: FoundExecutor['flags'][number]): Flags[string] => {
    if (flag.isSwitch && flag.negativeOption !== undefined) return [option ?? '', flag.negativeOption];
    return flag.repeats === true && option !== undefined ? { each: option } : (option ?? '');
  };
  return Object.fromEntries(flags.map((flag): [string, Flags[string]] => [flag.name, entryOf(flag)]));
}

/** As a person would type it. */
function wordsOf({ argv, subcommand }: ArgumentCommand): string {
  return quoteCommand([...argv, ...(subcommand ? [subcommand.name] : [])]);
}

/** A parameter that no script takes reaches it through the environment only: right for scripts that read it there, a mistake for others. */
function unusedNames(names: readonly string[], flagged: ReadonlySet<string>, executors: readonly FoundExecutor[]): readonly Finding[] {
  if (executors.every((executor) => executor.flags.length === 0)) return [];
  return names
    .filter((name) => !flagged.has(name))
    .map((name) => ({ severity: 'warning' as const, code: 'parameter_not_a_flag', message: `${name} is no flag of ${executors.map(({ path }) => path).join(' or ')}: it is passed as HPC_KW_${name.toUpperCase()} only.`, suggestedFix: 'Check the spelling if the script should take it as a flag.' }));
}
