/**
 * How a command reaches a cluster. One interface for every transport; `test/contract/connection` runs the same suite
 * against each of them and against the fake.
 *
 * Rules that every implementation keeps:
 * - A program is read by a POSIX `sh` whatever the login shell is; its reply is framed by a nonce, so that banners and
 *   start-up files cannot mix with it.
 * - Output is always drained, and ends in the result even when the command fails. A non-zero exit is a result, not an error.
 * - What could not be asked throws: `ssh_unreachable` (no connection, or it broke), `cluster_timeout` (no reply in time),
 *   CancelledError. `details.outcome` says `not_sent` where the command certainly did not start, else `unknown`.
 * - Nothing ever loops on authentication: one attempt, then back-off, and a typed error until asked again.
 */
import type { Disposable } from '../foundation/disposable.ts';

/** A command as data. Exactly one of `argv` and `script`. */
export type RemoteCommand = CommandBase & ({ readonly argv: readonly string[]; readonly script?: never } | { /** POSIX sh text. */ readonly script: string; readonly argv?: never });

interface CommandBase {
  /** Text for the command's standard input; none means an empty one. NUL characters are refused. */
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Absolute folder on the far side. */
  readonly cwd?: string;
}

export type Priority = 'interactive' | 'normal' | 'background';

export interface ExecOptions {
  readonly signal?: AbortSignal;
  /** Until the reply is complete; default 60 000. */
  readonly timeoutMs?: number;
  readonly priority?: Priority;
}

export interface StreamOptions extends ExecOptions {
  /** A stream that has a callback is not kept: it is empty in the result. */
  readonly onStdout?: (chunk: Uint8Array) => void;
  readonly onStderr?: (chunk: Uint8Array) => void;
  /** Bytes for standard input, sent with back-pressure, then end of file. Instead of `stdin`. */
  readonly input?: AsyncIterable<Uint8Array>;
}

export interface ExecResult {
  /** UTF-8; malformed bytes become U+FFFD. */
  readonly stdout: string;
  readonly stderr: string;
  /** Null when a signal ended the command. */
  readonly exitCode: number | null;
}

/** Facts of the far side, read once per connection from its login environment. */
export interface RemoteEnvironment {
  readonly user: string;
  readonly home: string;
  readonly hostname: string;
  /** `uname -s`: `Linux`, `Darwin`. */
  readonly system: string;
  /** Changes with every boot of that host; empty where it cannot be read. */
  readonly bootId: string;
  /** The login shell's environment (`bash -lc env` where there is bash), without names that are not variables. */
  readonly variables: Readonly<Record<string, string>>;
  /** Absolute path of a Python ≥ 3.6, or undefined. */
  readonly python: string | undefined;
  /** Absolute paths of the scheduler's tools that the login PATH finds: `sbatch`, `squeue`, `sacct`, `qsub`, … */
  readonly tools: Readonly<Record<string, string>>;
}

export type ConnectionState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected'; readonly since: Date }
  /** The connection broke; the next command tries again, not before `retryAt`. */
  | { readonly kind: 'broken'; readonly reason: string; readonly retryAt: Date }
  /** Authentication or the host key was refused: nothing is tried until a person asks (`reconnect`). */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'closed' };

/** Counts that tests and budgets look at. */
export interface ConnectionStatistics {
  /** Request/reply exchanges with the far side, connecting and authenticating not included. */
  readonly roundTrips: number;
  readonly connects: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

export interface PtySession extends Disposable {
  write(data: string | Uint8Array): void;
  resize(size: { columns: number; rows: number }): void;
  /** Resolves at the end with the exit status, null after a signal or a broken connection. */
  readonly ended: Promise<number | null>;
}

export interface ForwardedPort extends Disposable {
  /** The port on this machine's loopback. */
  readonly localPort: number;
}

/** Which program speaks ssh, and a sentence that says why. */
export interface TransportChoice {
  /** `ssh`: ssh2, inside this process. `openssh`: the system's ssh program. */
  readonly transport: 'ssh' | 'openssh';
  readonly reason: string;
}

export interface Connection extends Disposable {
  readonly kind: 'ssh' | 'local';
  /** What speaks ssh for it, as last decided; undefined before the first attempt, and where there is no ssh. */
  readonly choice?: TransportChoice | undefined;
  /** For people: `alice@login.example.org` or the local host's name. */
  readonly label: string;
  readonly state: ConnectionState;
  onDidChangeState(listener: (state: ConnectionState) => void): Disposable;
  readonly statistics: ConnectionStatistics;

  /** A short command, through a kept `sh` channel: one round trip when warm. */
  run(command: RemoteCommand, options?: ExecOptions): Promise<ExecResult>;
  /** A long or streaming command, through a channel of its own. */
  exec(command: RemoteCommand, options?: StreamOptions): Promise<ExecResult>;
  environment(options?: ExecOptions): Promise<RemoteEnvironment>;
  /** An interactive login shell, or `command` in a terminal. */
  shell(options: { size: { columns: number; rows: number }; onData: (chunk: Uint8Array) => void; command?: RemoteCommand; signal?: AbortSignal }): Promise<PtySession>;
  /** Listens on this machine's loopback and forwards to `host:port` as seen from the far side. */
  forward(target: { host: string; port: number }, options?: { localPort?: number; signal?: AbortSignal }): Promise<ForwardedPort>;
  /** Forgets a refusal or back-off and connects now: what a person's "try again" does. */
  reconnect(signal?: AbortSignal): Promise<void>;
}

/** Questions that only a person can answer. A surface without one (an agent, a pipe) answers with `undefined`. */
export interface PromptPort {
  /** A passphrase, password or one-time code. */
  secret(question: { title: string; prompt: string; echo: boolean; signal?: AbortSignal }): Promise<string | undefined>;
  /** Whether to trust a host key seen for the first time; `fingerprint` is `SHA256:…` as ssh-keygen prints it. */
  trustHostKey(question: { host: string; keyType: string; fingerprint: string; signal?: AbortSignal }): Promise<'trust' | 'once' | 'refuse'>;
}

/** What is needed to make a connection; from a cluster profile. */
export type ConnectionTarget =
  | { readonly kind: 'local' }
  | {
      readonly kind: 'ssh';
      /** A host name or an alias of `~/.ssh/config`. */
      readonly host: string;
      /** Absent: chosen by what the host's configuration needs (`chooseTransport`). */
      readonly transport?: TransportChoice['transport'];
      readonly user?: string;
      readonly port?: number;
      readonly identityFile?: string;
      /** `user@host:port`, comma separated, as ssh's ProxyJump. */
      readonly proxyJump?: string;
      /** Instead of the user's own `~/.ssh/config`. */
      readonly sshConfigFile?: string;
      /** Instead of `~/.ssh/known_hosts`. */
      readonly knownHostsFile?: string;
      readonly connectTimeoutMs?: number;
      readonly keepaliveIntervalMs?: number;
    };
