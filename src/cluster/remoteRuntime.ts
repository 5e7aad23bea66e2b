/**
 * Calls `templates/runtime/hpc_remote.py` on the far side: one request, one reply, one round trip.
 *
 * Rule: the runtime lies in a folder named by its content, made whole by a rename and never changed, so that a newer
 * version of ours cannot change what a running job or another window uses. A call finds it missing by exit status 97.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { inflateSync } from 'node:zlib';
import type { Connection, ExecOptions, RemoteEnvironment } from '../connection/port.ts';
import { HpcError } from '../foundation/errors.ts';
import { sha256Hex } from '../foundation/ids.ts';
import { quoteWord } from '../foundation/quoting.ts';
import { abortable } from '../foundation/abort.ts';

const missingRuntime = 97;
const protocolVersion = 1;

export interface RuntimeFiles {
  readonly hash: string;
  readonly files: Readonly<Record<string, string>>;
}

/** The Python files of `templates/runtime`, with a hash of all of them. */
export async function readRuntimeFiles(assetsDirectory: string): Promise<RuntimeFiles> {
  const directory = path.join(assetsDirectory, 'templates', 'runtime');
  const names = (await fs.readdir(directory)).filter((name) => name.endsWith('.py')).sort();
  const files = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await fs.readFile(path.join(directory, name), 'utf8')] as const)));
  return { hash: sha256Hex(JSON.stringify(files)).slice(0, 12), files };
}

// Reads {directory, files} on standard input; a folder that is there already is whole, whoever made it.
const installProgram = `
import json, os, shutil, sys, tempfile
request = json.load(sys.stdin)
target = request["directory"]
parent = os.path.dirname(target)
if not os.path.isdir(parent):
    os.makedirs(parent, 0o700)
if not os.path.isdir(target):
    staging = tempfile.mkdtemp(dir=parent)
    for name, text in request["files"].items():
        with open(os.path.join(staging, name), "w", encoding="utf-8") as handle:
            handle.write(text)
    try:
        os.rename(staging, target)
    except OSError:
        shutil.rmtree(staging, True)
        if not os.path.isdir(target):
            raise
print("installed")
`;

export interface RemoteRuntimeDeps {
  readonly connection: Connection;
  readonly runtime: RuntimeFiles;
  /** Our folder on the far side: `~/.hpc-agent` there. */
  readonly remoteHome: string;
  readonly python: string;
}

export class RemoteRuntime {
  readonly hash: string;
  readonly files: Readonly<Record<string, string>>;
  readonly directory: string;
  private installing: Promise<void> | undefined;

  constructor(private readonly deps: RemoteRuntimeDeps) {
    this.hash = deps.runtime.hash;
    this.files = deps.runtime.files;
    this.directory = path.posix.join(deps.remoteHome, 'runtime', deps.runtime.hash);
  }

  /** Sends the request; the reply's fields as they came, to be parsed by the caller. Throws `remote_command_failed` when there is no valid reply. */
  async call(verb: string, request: Readonly<Record<string, unknown>>, options: ExecOptions = {}): Promise<Readonly<Record<string, unknown>>> {
    const program = path.posix.join(this.directory, 'hpc_remote.py');
    const command = {
      script: `[ -r ${quoteWord(program)} ] || exit ${missingRuntime}\nexec ${quoteWord(this.deps.python)} -S -E ${quoteWord(program)}`,
      stdin: JSON.stringify({ v: protocolVersion, verb, ...request }),
    };
    let result = await this.deps.connection.run(command, options);
    if (result.exitCode === missingRuntime) {
      await this.install(options);
      result = await this.deps.connection.run(command, options);
    }
    return parseReply(result, this.deps.connection.label);
  }

  /** Puts the runtime files there; several callers share one installation. */
  async install(options: ExecOptions = {}): Promise<void> {
    this.installing ??= this.installNow(options).finally(() => {
      this.installing = undefined;
    });
    await abortable(this.installing, options.signal);
  }

  private async installNow(options: ExecOptions): Promise<void> {
    const { connection, runtime, python } = this.deps;
    const result = await connection.run({ argv: [python, '-E', '-c', installProgram], stdin: JSON.stringify({ directory: this.directory, files: runtime.files }) }, options);
    if (result.exitCode === 0) return;
    const full = /No space left|Disk quota/i.test(result.stderr);
    throw new HpcError('remote_command_failed', `Cannot install the runtime in ${this.directory} on ${connection.label}: ${lastLine(result.stderr)}.`, {
      remediation: full ? 'The home folder there is full: make room, then try again. Nothing was submitted.' : 'Check that the home folder there can be written.',
      details: { stderr_tail: result.stderr.slice(-2000) },
    });
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? 'no message';
}

export function parseReply(result: { stdout: string; stderr: string; exitCode: number | null }, label: string): Readonly<Record<string, unknown>> {
  const line = result.stdout.split('\n').find((candidate) => candidate.startsWith('HPC1 '));
  let reply: unknown;
  try {
    reply = line === undefined ? undefined : JSON.parse(inflateSync(Buffer.from(line.slice(5), 'base64')).toString('utf8'));
  } catch {
    reply = undefined;
  }
  if (typeof reply !== 'object' || reply === null) {
    throw new HpcError('remote_command_failed', `${label} gave no valid reply (exit status ${result.exitCode ?? 'none'}): ${lastLine(result.stderr)}.`, {
      remediation: 'Run preflight on this cluster.',
      details: { stderr_tail: result.stderr.slice(-2000), stdout_head: result.stdout.slice(0, 500) },
    });
  }
  const fields = reply as Record<string, unknown>;
  if (fields.ok === true) return fields;
  const full = fields.errno === 'ENOSPC' || fields.errno === 'EDQUOT';
  throw new HpcError('remote_command_failed', `${label}: ${String(fields.error)}.`, {
    remediation: full ? 'The disk there is full or the quota is used up: make room, then try again.' : 'The message names the file: check that it is there and may be used.',
    details: { errno: fields.errno ?? null },
  });
}

/** Login variables that scheduler programs may need; the rest of the environment stays as `sh` gives it. */
const passedVariables = /^(PATH|LD_LIBRARY_PATH|SLURM_CONF|SLURM_CLUSTERS|SGE_ROOT|SGE_CELL|SGE_CLUSTER_NAME|SGE_QMASTER_PORT|SGE_EXECD_PORT|PBS_.*|LANG|LC_ALL|TZ|SBATCH_(ACCOUNT|PARTITION|QOS)|MODULESHOME|MODULEPATH|LMOD_.*)$/;

export function schedulerEnvironment(environment: RemoteEnvironment, remoteHome: string): Readonly<Record<string, string>> {
  const passed = Object.fromEntries(Object.entries(environment.variables).filter(([name]) => passedVariables.test(name)));
  return { ...passed, HPC_AGENT_BACKGROUND_DIR: path.posix.join(remoteHome, 'background') };
}
