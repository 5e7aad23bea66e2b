/**
 * A connection in memory, for tests of what stands on connections. It runs nothing: `reply` says what each command answers, and failures are
 * put where they are wanted. What it claims (states, typed errors, counts) is checked by the same suite as the real ones.
 */
import { CancelledError } from '../../../src/foundation/abort.ts';
import type { Disposable } from '../../../src/foundation/disposable.ts';
import { commandText } from '../../../src/connection/channel/frame.ts';
import { timedOut, unreachable } from '../../../src/connection/failure.ts';
import type { Connection, ConnectionState, ExecOptions, ExecResult, RemoteCommand, RemoteEnvironment, StreamOptions } from '../../../src/connection/port.ts';

export interface FakeCall {
  readonly how: 'run' | 'exec' | 'environment';
  readonly command: RemoteCommand;
  /** Of exec, live: a reply may read and write while the caller still sends, as a program does. */
  readonly input: StreamOptions['input'];
  readonly onStdout: StreamOptions['onStdout'];
  readonly priority: ExecOptions['priority'];
}

export interface FakeReply {
  readonly stdout?: string | Uint8Array;
  readonly stderr?: string;
  /** Default 0. */
  readonly exitCode?: number | null;
}

/** The answer to a command; `'never'` answers only at the time limit or abort. Thrown errors go to the caller. */
export type FakeReplies = (command: RemoteCommand, call: FakeCall) => FakeReply | 'never' | Promise<FakeReply | 'never'>;

export interface FakeConnection extends Connection {
  readonly calls: readonly FakeCall[];
  /** Replaces the replies from here on. */
  answer(replies: FakeReplies): void;
  /**
   * The next command (or the one after `skip` more) fails as if the connection broke: `not_sent` before it reached the far side (it is not in
   * `calls`), `unknown` after its reply was made and lost (it is in `calls`, and whatever the replies do to their own state is done).
   */
  failNext(outcome: 'not_sent' | 'unknown', options?: { skip?: number }): void;
  /** As if the connection were lost now: running commands reject with an unknown outcome; later ones connect again. */
  lose(reason?: string): void;
  /** As if signing in were refused: everything fails until `reconnect`. */
  refuse(reason?: string): void;
}

export const fakeEnvironment: RemoteEnvironment = {
  user: 'alice',
  home: '/home/alice',
  hostname: 'login1',
  system: 'Linux',
  bootId: '00000000-0000-4000-8000-000000000001',
  variables: { HOME: '/home/alice', PATH: '/usr/bin:/bin' },
  python: '/usr/bin/python3',
  tools: { sbatch: '/usr/bin/sbatch', squeue: '/usr/bin/squeue', sacct: '/usr/bin/sacct', scancel: '/usr/bin/scancel', scontrol: '/usr/bin/scontrol', sinfo: '/usr/bin/sinfo', tar: '/usr/bin/tar', gzip: '/usr/bin/gzip' },
};

export function createFakeConnection(options: { reply?: FakeReplies; environment?: Partial<RemoteEnvironment>; label?: string; kind?: Connection['kind'] } = {}): FakeConnection {
  const label = options.label ?? 'alice@fake';
  const environment = { ...fakeEnvironment, ...options.environment };
  const calls: FakeCall[] = [];
  const listeners = new Set<(state: ConnectionState) => void>();
  const counts = { roundTrips: 0, connects: 0, bytesSent: 0, bytesReceived: 0 };
  const running = new Set<(error: Error) => void>();
  const failures: ('not_sent' | 'unknown' | undefined)[] = [];
  let replies: FakeReplies = options.reply ?? ((command) => Promise.reject(new Error(`The fake has no reply for ${JSON.stringify(command)}`)));
  let state: ConnectionState = { kind: 'idle' };
  let environmentRead = false;

  const enter = (next: ConnectionState): void => {
    state = next;
    for (const listener of [...listeners]) listener(next);
  };
  const connect = (): void => {
    if (state.kind === 'connected') return;
    if (state.kind === 'closed') throw unreachable(label, 'the connection was closed.', { outcome: 'not_sent' });
    if (state.kind === 'refused') throw unreachable(label, state.reason, { outcome: 'not_sent', details: { refused: true } });
    enter({ kind: 'connecting' });
    counts.connects += 1;
    environmentRead = false;
    enter({ kind: 'connected', since: new Date() });
  };
  const lose = (reason: string): void => {
    if (state.kind !== 'connected') return;
    enter({ kind: 'broken', reason, retryAt: new Date() });
    for (const reject of [...running]) reject(unreachable(label, `the connection was lost while the command ran: ${reason}`, { outcome: 'unknown' }));
  };

  const perform = async (how: FakeCall['how'], command: RemoteCommand, given: StreamOptions, reply: FakeReplies): Promise<ExecResult> => {
    if (given.signal?.aborted) throw new CancelledError();
    connect();
    // The same refusals as the real ones have.
    commandText(command);
    if (command.stdin?.includes('\0')) commandText({ script: command.stdin });
    const failure = failures.shift();
    if (failure === 'not_sent') {
      lose('a failure of the test');
      throw unreachable(label, 'the connection was lost before the command was sent.', { outcome: 'not_sent' });
    }
    counts.roundTrips += 1;
    return await new Promise<ExecResult>((resolve, reject) => {
      const timeoutMs = given.timeoutMs ?? 60_000;
      const finish = (act: () => void): void => {
        clearTimeout(timer);
        given.signal?.removeEventListener('abort', onAbort);
        running.delete(fail);
        act();
      };
      const fail = (error: Error): void => finish(() => reject(error));
      const onAbort = (): void => fail(new CancelledError());
      const timer = setTimeout(() => fail(timedOut(label, timeoutMs, 'unknown', 'the command did not end')), timeoutMs);
      running.add(fail);
      given.signal?.addEventListener('abort', onAbort, { once: true });
      (async () => {
        const call: FakeCall = { how, command, input: given.input, onStdout: given.onStdout, priority: given.priority };
        calls.push(call);
        counts.bytesSent += JSON.stringify(command).length;
        const answer = await reply(command, call);
        if (answer === 'never') return;
        if (failure === 'unknown') {
          lose('a failure of the test');
          return;
        }
        const stdout = Buffer.from(answer.stdout ?? '');
        const stderr = Buffer.from(answer.stderr ?? '');
        counts.bytesReceived += stdout.length + stderr.length;
        if (stdout.length > 0) given.onStdout?.(stdout);
        if (stderr.length > 0) given.onStderr?.(stderr);
        finish(() => resolve({ stdout: given.onStdout ? '' : stdout.toString(), stderr: given.onStderr ? '' : stderr.toString(), exitCode: answer.exitCode === undefined ? 0 : answer.exitCode }));
      })().catch((error: unknown) => fail(error as Error));
    });
  };
  const notHere = (what: string): Promise<never> => Promise.reject(new Error(`The fake connection has no ${what}.`));

  return {
    kind: options.kind ?? 'ssh',
    label,
    calls,
    get state() {
      return state;
    },
    get statistics() {
      return { ...counts };
    },
    onDidChangeState: (listener): Disposable => {
      listeners.add(listener);
      return { dispose: () => listeners.delete(listener) };
    },
    run: (command, given = {}) => perform('run', command, given, replies),
    exec: (command, given = {}) => perform('exec', command, given, replies),
    environment: async (given = {}) => {
      connect();
      if (!environmentRead) await perform('environment', { argv: ['env'] }, given, () => ({}));
      environmentRead = true;
      return environment;
    },
    shell: () => notHere('terminal'),
    forward: () => notHere('forwarding'),
    reconnect: () =>
      new Promise((resolve) => {
        if (state.kind === 'refused' || state.kind === 'broken') enter({ kind: 'idle' });
        connect();
        resolve();
      }),
    answer: (next) => {
      replies = next;
    },
    failNext: (outcome, { skip = 0 } = {}) => {
      failures[skip] = outcome;
    },
    lose: (reason = 'a failure of the test') => lose(reason),
    refuse: (reason = 'signing in was refused') => {
      lose(reason);
      enter({ kind: 'refused', reason });
    },
    dispose: () => {
      if (state.kind === 'closed') return;
      lose('it was closed here');
      enter({ kind: 'closed' });
      listeners.clear();
    },
  };
}
