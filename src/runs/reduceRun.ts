/**
 * Runs the user's own reducer over a run's results, on the cluster, and keeps what it gave: `results/<run_id>/reduced.json`.
 *
 * Rules: it runs in the run's folder with the software of the profile; only results that passed the combiner's checks are listed to
 * it, and while some are missing it does not run unless that was asked for; the kept file says what made it, of which tasks, when.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as z from 'zod/mini';
import { writeJsonAtomic } from '../foundation/atomicFile.ts';
import { HpcError } from '../foundation/errors.ts';
import { sha256Hex } from '../foundation/ids.ts';
import type { CallOptions, RunDeps } from './deps.ts';
import { commandScriptOf } from './jobScripts.ts';
import { requireOwnRun } from './listRuns.ts';
import type { OpenRun } from './runView.ts';
import type { Sidecar } from './sidecar.ts';
import { resultsDirectory } from './workspace.ts';

/** hpc-agent's `aggregate_defaults` of the sidecar. */
const defaultsSchema = z.looseObject({
  aggregate_cmd: z.optional(z.nullable(z.string())),
  expect_output: z.optional(z.nullable(z.string())),
  require_outputs: z.optional(z.nullable(z.array(z.string()))),
});
export type AggregateDefaults = z.output<typeof defaultsSchema>;

export function aggregateDefaultsOf(sidecar: Sidecar): AggregateDefaults {
  const parsed = z.safeParse(defaultsSchema, sidecar.aggregate_defaults ?? {});
  if (parsed.success) return parsed.data;
  throw new HpcError('journal_corrupt', `aggregate_defaults of run ${sidecar.run_id} cannot be read: ${parsed.error.issues[0]?.path.join('.') ?? ''} ${parsed.error.issues[0]?.message ?? ''}.`, { remediation: 'Correct it in the sidecar: {"aggregate_cmd": "python scripts/reduce.py", "expect_output": "…", "require_outputs": ["…"]}.' });
}

export interface ReduceRequest {
  readonly runId: string;
  /** Default: the sidecar's. */
  readonly command?: string;
  /** Where the command writes its result, below the run's folder on the cluster. Default: the sidecar's, else `_aggregated/<run_id>.json`. */
  readonly output?: string;
  readonly partial: boolean;
  readonly timeoutS: number;
}

/** In the shape of the wire and of the kept file. */
export interface Reduced {
  run_id: string;
  reduced: unknown;
  partial: boolean;
  provenance: {
    command: string;
    cmd_sha: string;
    /** Task ids as ranges. */
    tasks: string;
    missing_tasks: string;
    /** Files of the workspace that the command names, with their SHA-256 on the cluster. */
    scripts: Record<string, string>;
    cluster: string;
    reduced_at: string;
    elapsed_s: number;
    source: 'file' | 'stdout';
    output_path_remote: string | null;
  };
  stderr_tail: string;
  file: string;
}

const replySchema = z.looseObject({
  problem: z.optional(z.enum(['missing', 'scripts', 'late', 'failed', 'output', 'other'])),
  message: z.optional(z.string()),
  present: z.optional(z.string()),
  missing: z.optional(z.string()),
  why: z.optional(z.array(z.string())),
  missing_outputs: z.optional(z.array(z.string())),
  scripts: z.optional(z.record(z.string(), z.string())),
  exit_code: z.optional(z.nullable(z.number())),
  stderr_tail: z.optional(z.string()),
  elapsed_s: z.optional(z.number()),
  source: z.optional(z.enum(['file', 'stdout'])),
  output: z.optional(z.string()),
  value: z.optional(z.string()),
});
type Reply = z.output<typeof replySchema>;

/** A reduced result is read whole by people and programs; what is larger is no reduction. */
const maxBytes = 16 * 1_048_576;

export async function commandFor(request: Pick<ReduceRequest, 'runId' | 'command'>, deps: RunDeps): Promise<{ run: OpenRun; command: string }> {
  const run = await requireOwnRun(request.runId, deps, 'reduced');
  const command = request.command ?? aggregateDefaultsOf(run.sidecar).aggregate_cmd ?? undefined;
  if (command !== undefined && command.trim() !== '') return { run, command };
  throw new HpcError('spec_invalid', `It is not said what reduces run ${request.runId}: its sidecar has no aggregate_defaults.aggregate_cmd.`, { remediation: 'Give --aggregate-cmd, or submit with aggregate_cmd; discover-reducers lists scripts that look like it.' });
}

export async function reduceRun(request: ReduceRequest, deps: RunDeps, call: CallOptions): Promise<Reduced> {
  if (!deps.trusted) throw new HpcError('spec_invalid', 'This workspace is not trusted: its reducer is not run.', { remediation: 'Trust the workspace first (Workspaces: Manage Workspace Trust).' });
  const { run, command } = await commandFor(request, deps);
  const { sidecar } = run;
  const defaults = aggregateDefaultsOf(sidecar);
  const output = (request.output ?? defaults.expect_output ?? undefined)?.replaceAll('{run_id}', sidecar.run_id);
  if (output !== undefined && (path.posix.isAbsolute(output) || output.split('/').includes('..') || output.endsWith('/'))) {
    throw new HpcError('spec_invalid', `${JSON.stringify(output)} is not a file below the run’s folder.`, { remediation: 'Name the reducer’s output relative to the folder, without `..`.' });
  }
  const session = await deps.session(sidecar.cluster ?? '');
  const facts = await session.facts({ signal: call.signal });
  const remotePath = sidecar.remote_path ?? '';
  call.progress({ message: `Running the reducer on ${session.profile.name}` });
  await facts.runtime.install({ signal: call.signal });
  const result = await session.connection.exec(
    {
      argv: [facts.python, '-E', path.posix.join(facts.runtime.directory, 'hpc_reduce.py')],
      cwd: remotePath,
      env: { ...facts.commandEnvironment, HPC_DIR: path.posix.join(remotePath, '.hpc') },
      stdin: JSON.stringify({
        run_id: sidecar.run_id,
        cmd_sha: sidecar.cmd_sha,
        command,
        script: await commandScriptOf(sidecar, command, session, facts, deps),
        partial: request.partial,
        require_outputs: defaults.require_outputs ?? [],
        expected_scripts: await scriptsHere(command, run.experimentDir),
        timeout_s: request.timeoutS,
        max_bytes: maxBytes,
        ...(output === undefined ? {} : { output }),
      }),
    },
    { signal: call.signal, timeoutMs: (request.timeoutS + 120) * 1000 },
  );
  const reply = replyOf(result.stdout);
  if (reply === undefined) {
    throw new HpcError('remote_command_failed', `${session.connection.label} gave no valid reply about the reducer (exit status ${result.exitCode ?? 'none'}): ${lastLine(result.stderr)}.`, { remediation: 'Run preflight on this cluster.', details: { stderr_tail: result.stderr.slice(-2000) } });
  }
  const problem = problemOf(reply, sidecar, command, request);
  if (problem) throw problem;
  const file = path.join(resultsDirectory(run.experimentDir, sidecar.run_id), 'reduced.json');
  const reduced: Reduced = {
    run_id: sidecar.run_id,
    reduced: JSON.parse(reply.value ?? 'null') as unknown,
    partial: reply.missing !== '' || (reply.missing_outputs ?? []).length > 0,
    provenance: {
      command,
      cmd_sha: sidecar.cmd_sha,
      tasks: reply.present ?? '',
      missing_tasks: reply.missing ?? '',
      scripts: reply.scripts ?? {},
      cluster: session.profile.name,
      reduced_at: deps.clock.now().toISOString(),
      elapsed_s: reply.elapsed_s ?? 0,
      source: reply.source ?? 'stdout',
      output_path_remote: reply.source === 'file' ? (reply.output ?? null) : null,
    },
    stderr_tail: reply.stderr_tail ?? '',
    file,
  };
  const { stderr_tail: _stderr, file: _file, ...kept } = reduced;
  await writeJsonAtomic(file, kept);
  return reduced;
}

const isSource = /\.(py|sh|bash|R|r|jl|pl|lua|rb|js|m)$/;

/** Source files of the workspace that the command names as words, with their SHA-256 here. Data may rightly be other there. */
async function scriptsHere(command: string, experimentDir: string): Promise<Readonly<Record<string, string>>> {
  const words = [...command.matchAll(/"([^"$`\\]*)"|'([^']*)'|([^\s"'$`\\;&|<>()]+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
  const found: Record<string, string> = {};
  for (const word of words) {
    if (!isSource.test(word) || path.isAbsolute(word) || word.split('/').includes('..')) continue;
    const data = await fs.readFile(path.join(experimentDir, word)).catch(() => undefined);
    if (data !== undefined) found[word] = sha256Hex(data);
  }
  return found;
}

function replyOf(stdout: string): Reply | undefined {
  const line = stdout.split('\n').find((candidate) => candidate.startsWith('HPC1R '));
  try {
    const parsed = z.safeParse(replySchema, JSON.parse(line?.slice(6) ?? ''));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';

function problemOf(reply: Reply, sidecar: Sidecar, command: string, request: ReduceRequest): HpcError | undefined {
  const details = { command, exit_code: reply.exit_code ?? null, stderr_tail: reply.stderr_tail ?? '' };
  const because = lastLine(reply.stderr_tail ?? '') || 'it said nothing on standard error';
  switch (reply.problem) {
    case undefined:
      return undefined;
    case 'missing': {
      const nothing = (reply.present ?? '') === '';
      const what = nothing ? 'no task has a result that counts' : reply.missing ? `tasks ${shortened(reply.missing)} have no result that counts` : `required files are missing (task:file): ${(reply.missing_outputs ?? []).slice(0, 10).join(', ')}`;
      return new HpcError('outputs_missing', `Run ${sidecar.run_id} is not reduced: ${what}.`, {
        remediation: nothing ? 'Wait for the first tasks, or look at their logs.' : 'Submit them again, or reduce what is there (partial).',
        details: { present_tasks: reply.present ?? '', missing_tasks: reply.missing ?? '', missing_outputs: reply.missing_outputs ?? [], why: reply.why ?? [] },
      });
    }
    case 'scripts':
      return new HpcError('spec_invalid', `Run ${sidecar.run_id} is not reduced, since its folder on ${sidecar.cluster ?? 'the cluster'} does not have the reducer that is here: ${reply.message ?? ''}.`, {
        remediation: `Copy the workspace there first: sync ${sidecar.cluster ?? '<cluster>'}. Then reduce again.`,
        details: { command, scripts_there: reply.scripts ?? {} },
      });
    case 'late':
      return new HpcError('cluster_timeout', `The reducer of run ${sidecar.run_id} did not end within ${request.timeoutS} s and was ended: ${because}.`, { remediation: 'Allow it more time (timeout_sec), or make it faster.', details, retrySafe: true });
    case 'failed':
      return new HpcError('remote_command_failed', `The reducer of run ${sidecar.run_id} ended with status ${reply.exit_code ?? 'none'}: ${because}.`, { remediation: `It is the workspace’s own command: ${command}`, details });
    case 'output':
      return new HpcError('remote_command_failed', `The reducer of run ${sidecar.run_id} gave no result: ${reply.message ?? ''}.`, { remediation: 'It must write JSON to the file that HPC_OUTPUT names, or print one line of JSON as its last.', details });
    case 'other':
      return new HpcError('remote_command_failed', `Run ${sidecar.run_id} cannot be reduced: ${reply.message ?? ''}.`, { remediation: 'The message names the file on the cluster.', details });
  }
}

const shortened = (ranges: string): string => (ranges.length > 200 ? `${ranges.slice(0, 200)}…` : ranges);
