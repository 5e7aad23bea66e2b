/** A cluster in use: its profile, a connection and a scheduler's dialect put together, with what is known of the far side. */
import * as path from 'node:path';
import type { Connection, ExecOptions, RemoteEnvironment } from '../connection/port.ts';
import { HpcError, toHpcError } from '../foundation/errors.ts';
import type { Log } from '../foundation/log.ts';
import type { CommandOutput, Query, SchedulerCommand, SchedulerDialect, SchedulerTools } from '../scheduler/port.ts';
import { expandRemotePath, type ClusterProfile } from './profile.ts';
import { RemoteRuntime, schedulerEnvironment, type RuntimeFiles } from './remoteRuntime.ts';

export interface ClusterSessionDeps {
  readonly profile: ClusterProfile;
  readonly connection: Connection;
  readonly dialect: SchedulerDialect;
  readonly runtime: RuntimeFiles;
  readonly log: Log;
  /** Our folder on this machine, which is also the far side's where the connection is local. */
  readonly localHome: string;
}

/** What every call to the scheduler needs, read once. */
export interface ClusterFacts {
  readonly environment: RemoteEnvironment;
  readonly python: string;
  readonly tools: SchedulerTools;
  readonly runtime: RemoteRuntime;
  /** Environment for scheduler commands. */
  readonly commandEnvironment: Readonly<Record<string, string>>;
  readonly remoteHome: string;
}

export class ClusterSession {
  readonly profile: ClusterProfile;
  readonly connection: Connection;
  readonly dialect: SchedulerDialect;
  private known: Promise<ClusterFacts> | undefined;

  constructor(private readonly deps: ClusterSessionDeps) {
    this.profile = deps.profile;
    this.connection = deps.connection;
    this.dialect = deps.dialect;
  }

  environment(options: ExecOptions = {}): Promise<RemoteEnvironment> {
    return this.connection.environment(options);
  }

  async tools(options: ExecOptions = {}): Promise<SchedulerTools> {
    return (await this.facts(options)).tools;
  }

  /**
   * The site keeps no accounting, although its program is there (Slurm: accounting_storage/none). From now on it counts as missing: the
   * queue is then asked for what ended a moment ago, too. True the first time.
   */
  async noteNoAccounting(): Promise<boolean> {
    const facts = await this.facts();
    const { sacct, ...tools } = facts.tools.tools;
    if (sacct === undefined) return false;
    this.known = Promise.resolve({ ...facts, tools: { ...facts.tools, tools } });
    return true;
  }

  /** Throws `remote_command_failed` where the far side lacks Python or the scheduler's programs. */
  async facts(options: ExecOptions = {}): Promise<ClusterFacts> {
    this.known ??= this.learn(options);
    try {
      return await this.known;
    } catch (error) {
      this.known = undefined;
      throw error;
    }
  }

  private async learn(options: ExecOptions): Promise<ClusterFacts> {
    const { profile, connection, dialect, runtime } = this.deps;
    const environment = await connection.environment(options);
    const python = profile.python === undefined ? environment.python : expandRemotePath(profile.python, environment, `python of ${profile.name}`);
    if (python === undefined) {
      throw new HpcError('remote_command_failed', `There is no Python 3.6 or newer on ${connection.label}.`, {
        remediation: `Load a module that has one in the login shell's start-up files, or set \`python: /path/to/python3\` for ${profile.name} in clusters.yaml.`,
      });
    }
    const missing = dialect.requiredTools.filter((tool) => environment.tools[tool] === undefined);
    if (missing.length > 0) {
      throw new HpcError('remote_command_failed', `${connection.label} has no ${missing.join(', ')}: ${profile.name} cannot be used as ${dialect.name}.`, {
        remediation: 'Check the scheduler in clusters.yaml, and that a login shell there has its programs on the PATH.',
      });
    }
    const remoteHome = connection.kind === 'local' ? this.deps.localHome : path.posix.join(environment.home, '.hpc-agent');
    const remote = new RemoteRuntime({ connection, runtime, remoteHome, python });
    return {
      environment,
      python,
      runtime: remote,
      remoteHome,
      tools: { tools: environment.tools, python, user: environment.user, runtimeDirectory: remote.directory },
      commandEnvironment: schedulerEnvironment(environment, remoteHome),
    };
  }

  /** Runs scheduler commands in one round trip and parses what each printed. */
  async ask<T>(queries: readonly Query<T>[], options: ExecOptions = {}): Promise<readonly T[]> {
    const outputs = await this.outputsOf(queries, options);
    return queries.map((query, index) => query.parse(outputOnWire(outputs[index], this.connection.label), false));
  }

  /** The same where the questions stand for themselves: what one source did not answer is told apart from what another did. */
  async askEach<T>(queries: readonly Query<T>[], options: ExecOptions = {}): Promise<readonly (T | HpcError)[]> {
    const outputs = await this.outputsOf(queries, options);
    return queries.map((query, index) => {
      try {
        return query.parse(outputOnWire(outputs[index], this.connection.label), false);
      } catch (error) {
        return toHpcError(error);
      }
    });
  }

  private async outputsOf<T>(queries: readonly Query<T>[], options: ExecOptions): Promise<readonly unknown[]> {
    if (queries.length === 0) return [];
    const facts = await this.facts(options);
    const timeoutMs = 15_000 + queries.reduce((sum, query) => sum + query.command.timeoutS * 1000, 0);
    const reply = await facts.runtime.call('exec', { env: facts.commandEnvironment, commands: queries.map((query) => commandOnWire(query.command)) }, { timeoutMs, ...options });
    return Array.isArray(reply.outputs) ? (reply.outputs as unknown[]) : [];
  }

  /** The folder on the cluster that belongs to a workspace. */
  async remotePathFor(workspace: { id: string; name: string; directory: string }, options: ExecOptions = {}): Promise<string> {
    // On this machine (a login node under Remote-SSH too) the workspace itself is used: there is nothing to copy.
    if (this.connection.kind === 'local') return workspace.directory;
    const { environment } = await this.facts(options);
    const scratch = expandRemotePath(this.profile.scratch, environment, `scratch of ${this.profile.name}`);
    const name = workspace.name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replaceAll(/^[-.]+|[-.]+$/g, '').slice(0, 40) || 'workspace';
    return path.posix.join(scratch, 'hpc-agent', `${name}-${workspace.id.slice(0, 8)}`);
  }
}

export const isNoAccounting = (error: unknown): boolean => HpcError.is(error) && error.details?.reason === 'accounting_disabled';

export function commandOnWire(command: SchedulerCommand): Readonly<Record<string, unknown>> {
  return { argv: command.argv, stdin: command.stdin ?? '', unset: command.unset, env: command.env ?? {}, timeout: command.timeoutS };
}

export function outputOnWire(value: unknown, label: string): CommandOutput {
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  if (typeof fields.out !== 'string') throw new HpcError('remote_command_failed', `${label} left out the output of a command.`);
  return { stdout: fields.out, stderr: typeof fields.err === 'string' ? fields.err : '', exitCode: typeof fields.rc === 'number' ? fields.rc : null };
}
