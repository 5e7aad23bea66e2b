/**
 * Brings back what a job wrote: its log files, and files of its working folder.
 *
 * Rules: additive, below one folder of the workspace; nothing on the cluster is changed. Without a choice, the files of the working folder that
 * were written after our submission of the job are taken, told by the script that was put there just before; of a job that is not ours nobody
 * knows which those are, so they must be named.
 */
import * as path from 'node:path';
import type { ClusterSession } from '../cluster/session.ts';
import { pullTree } from '../connection/transfer/pullTree.ts';
import { HpcError } from '../foundation/errors.ts';
import type { Query } from '../scheduler/port.ts';
import type { CallOptions, JobDeps } from './deps.ts';
import { JobRecords } from './jobRecord.ts';

export interface FetchRequest {
  readonly cluster: string;
  readonly jobId: string;
  /** Relative to the working folder: names, or patterns such as `out/**`. */
  readonly paths?: readonly string[];
  /** Absolute, here. */
  readonly into: string;
}

export interface FetchOutcome {
  readonly workdir: string;
  /** Relative to `into`. */
  readonly files: readonly string[];
  readonly bytes: number;
  readonly unchanged: number;
  readonly missing: readonly string[];
  readonly skipped: readonly { readonly path: string; readonly message: string }[];
}

const mostFiles = 20_000;

interface Place {
  readonly workdir: string;
  readonly logs: readonly string[];
  /** Older than all that the job wrote; undefined where the job is not ours. */
  readonly mark: string | undefined;
}

async function placeOf({ cluster, jobId }: FetchRequest, session: ClusterSession, deps: JobDeps, call: CallOptions): Promise<Place> {
  const record = await new JobRecords(deps.home).find(cluster, jobId);
  const resolved = (patterns: readonly (string | undefined)[]): string[] => [...new Set(patterns.flatMap((pattern) => (pattern === undefined ? [] : [session.dialect.resolveLogPath(pattern, jobId, undefined)])))];
  if (record) return { workdir: record.workdir, logs: resolved([record.stdout, record.stderr]), mark: path.posix.join(record.state_dir, 'job.sh') };
  const { tools } = await session.facts({ signal: call.signal });
  const question = session.dialect.jobDetails?.(jobId, tools);
  const [details] = question ? await session.ask([question], { signal: call.signal }) : [];
  if (details?.workdir === undefined) throw new HpcError('spec_invalid', `In which folder job ${jobId} of ${cluster} works is not known.`, { remediation: 'The scheduler forgets jobs a while after they ended, and only jobs of job-run are remembered here.' });
  return { workdir: details.workdir, logs: resolved([details.stdout, details.stderr]).filter((file) => path.posix.isAbsolute(file)), mark: undefined };
}

/** Files below the folder that are newer than the mark, our own state left out. */
function newerFiles(workdir: string, mark: string): Query<readonly string[]> {
  return {
    command: { argv: ['find', `${workdir}/.`, '-name', '.hpc', '-prune', '-o', '-type', 'f', '-newer', mark, '-print'], unset: [], timeoutS: 120 },
    parse: ({ stdout, stderr, exitCode }) => {
      const prefix = `${workdir}/./`;
      const files = stdout.split('\n').flatMap((line) => (line.startsWith(prefix) ? [line.slice(prefix.length)] : []));
      // A folder that may not be read leaves the rest.
      if (exitCode !== 0 && files.length === 0) throw new HpcError('remote_command_failed', `The working folder ${workdir} cannot be searched: ${stderr.trim().split('\n').at(-1) ?? ''}.`, { remediation: 'Name the files in paths.' });
      return files;
    },
  };
}

export async function fetchJob(request: FetchRequest, deps: JobDeps, call: CallOptions): Promise<FetchOutcome> {
  const session = await deps.session(request.cluster);
  const { workdir, logs, mark } = await placeOf(request, session, deps, call);
  if (request.paths === undefined && mark === undefined) {
    throw new HpcError('spec_invalid', `Job ${request.jobId} was not submitted by job-run: which files it wrote is not known.`, { remediation: `Name them in paths, relative to ${workdir}.` });
  }
  const bad = request.paths?.find((name) => path.posix.isAbsolute(name) || name.split('/').includes('..'));
  if (bad !== undefined) throw new HpcError('spec_invalid', `${bad} is not a path below the job’s working folder.`, { remediation: `Write it relative to ${workdir}.` });
  const chosen = request.paths ?? (await session.ask([newerFiles(workdir, mark ?? '')], { signal: call.signal })).flat();
  if (chosen.length > mostFiles) throw new HpcError('spec_invalid', `More than ${mostFiles} files of ${workdir} were written since the job was submitted.`, { remediation: 'Name those that are wanted in paths.' });
  const isPattern = (name: string): boolean => request.paths !== undefined && /[*?[]/.test(name);
  const outcome = { workdir, files: [] as string[], bytes: 0, unchanged: 0, missing: [] as string[], skipped: [] as { path: string; message: string }[] };
  const pull = async (remoteRoot: string, folder: string, files: readonly string[], patterns: readonly string[]): Promise<void> => {
    const pulled = await pullTree(session.connection, {
      localRoot: path.join(request.into, folder),
      remoteRoot,
      runtimeDir: path.join(deps.assetsDirectory, 'templates', 'runtime'),
      files,
      patterns,
      signal: call.signal,
      log: deps.log,
      onProgress: ({ message }) => call.progress({ message }),
    });
    outcome.files.push(...pulled.pulled.map((name) => path.posix.join(folder, name)));
    outcome.bytes += pulled.pulledBytes;
    outcome.unchanged += pulled.unchangedFiles;
    outcome.missing.push(...pulled.missing.map((name) => path.posix.join(folder, name)));
    outcome.skipped.push(...pulled.skipped.map(({ path: name, message }) => ({ path: path.posix.join(folder, name), message })));
  };
  const isLog = (name: string): boolean => logs.includes(path.posix.join(workdir, name));
  const files = chosen.filter((name) => !isPattern(name) && !isLog(name));
  if (files.length > 0 || chosen.some(isPattern)) await pull(workdir, '', files, chosen.filter(isPattern));
  for (const folder of new Set(logs.map((file) => path.posix.dirname(file)))) await pull(folder, 'logs', logs.filter((file) => path.posix.dirname(file) === folder).map((file) => path.posix.basename(file)), []);
  return outcome;
}
