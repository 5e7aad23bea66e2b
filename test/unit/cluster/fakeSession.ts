/** A cluster whose far side is this machine's own `sh`, and whose every answer can be changed. */
import { spawn } from 'node:child_process';
import * as os from 'node:os';
import type { PreflightSession } from '../../../src/cluster/preflight.ts';
import type { ClusterProfile } from '../../../src/cluster/profile.ts';
import type { Connection, ConnectionState, ExecOptions, ExecResult, RemoteCommand, RemoteEnvironment } from '../../../src/connection/port.ts';
import { CancelledError } from '../../../src/foundation/abort.ts';
import type { Query, QueueRow, Rows, SchedulerDialect } from '../../../src/scheduler/port.ts';

export function localRun(command: RemoteCommand, options: ExecOptions = {}): Promise<ExecResult> {
  if (options.signal?.aborted) return Promise.reject(new CancelledError());
  const [file = '/bin/sh', ...args] = command.argv ?? ['/bin/sh', '-c', command.script ?? ''];
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env: { ...process.env, ...command.env }, stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString(), exitCode }));
    // A command that does not read its input may be gone before it is written.
    child.stdin.on('error', () => undefined);
    child.stdin.end(command.stdin ?? '');
  });
}

export function localEnvironment(home: string): RemoteEnvironment {
  return { user: 'me', home, hostname: os.hostname(), system: 'Linux', bootId: '', variables: {}, python: 'python3', tools: { sbatch: '/opt/sbatch', squeue: '/opt/squeue' } };
}

export interface FakeFarSide {
  profile: ClusterProfile;
  environment: RemoteEnvironment;
  state: ConnectionState;
  /** Thrown by everything that needs the connection. */
  unreachable?: Error;
  run: (command: RemoteCommand, options?: ExecOptions) => Promise<ExecResult>;
  queue: () => Rows<QueueRow>;
  /** Undefined: the site has none. */
  accounting: (() => Rows<never>) | undefined;
  /** How often the far side was asked anything. */
  calls: number;
}

export function fakeSession(far: FakeFarSide): PreflightSession {
  const reach = <T>(answer: () => T | Promise<T>, options?: ExecOptions): Promise<T> => {
    far.calls++;
    if (options?.signal?.aborted) return Promise.reject(new CancelledError());
    if (far.unreachable) return Promise.reject(far.unreachable);
    return Promise.resolve().then(answer);
  };
  const query = <T>(answer: () => T): Query<T> => ({ command: { argv: ['x'], unset: [], timeoutS: 1 }, parse: answer });
  const { accounting } = far;
  const dialect = {
    name: far.profile.scheduler,
    requiredTools: ['sbatch', 'squeue'],
    queue: () => query(far.queue),
    accounting: () => (accounting ? query(accounting) : undefined),
  } as unknown as SchedulerDialect;
  const connection = {
    kind: far.profile.connection.kind,
    label: 'far.example.org',
    get state() {
      return far.state;
    },
    run: (command: RemoteCommand, options?: ExecOptions) => reach(() => far.run(command, options), options),
    exec: (command: RemoteCommand, options?: ExecOptions) => reach(() => far.run(command, options), options),
  } as unknown as Connection;
  return {
    profile: far.profile,
    connection,
    dialect,
    environment: (options) => reach(() => far.environment, options),
    tools: (options) => reach(() => ({ tools: far.environment.tools, python: far.environment.python, user: 'me', runtimeDirectory: '/r' }), options),
    ask: (queries, options) => reach(() => queries.map((item) => item.parse({ stdout: '', stderr: '', exitCode: 0 }, false)), options),
  };
}
