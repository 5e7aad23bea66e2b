/** One established way over the ssh program: sessions over a master's socket, or each with a sign-in of its own. */
import { Duplex } from 'node:stream';
import { SessionLimitError } from '../channel/byteChannel.ts';
import type { RemoteLink } from '../remoteConnection.ts';
import { lossIn } from './failures.ts';
import type { MuxControl } from './muxControl.ts';
import { endSsh, startSsh, type SshProgram } from './program.ts';
import { openSession, readLog, type SessionHost } from './session.ts';
import { openTerminalSession } from './terminalSession.ts';

export interface OpensshLinkOptions {
  readonly program: SshProgram;
  readonly logFile: () => string;
  readonly neededPerson: boolean;
  /** The master, where there is one. */
  readonly master: { readonly control: MuxControl; readonly ours: boolean; readonly pid: number } | undefined;
  readonly keepaliveIntervalMs: number;
  readonly keepaliveCount: number;
  /** Where every session signs in for itself: whether another one can, without a person. */
  readonly repeatable?: () => boolean;
  /** Told what ssh wrote about a session that was not opened. */
  readonly onUnopened?: (log: string) => void;
}

const refusedByServer = /session request failed|Session open refused/;
/** ssh wanted to connect by itself, which our proxy command forbids: it has found no master. */
const withoutMaster = /UNKNOWN port|exchange_identification/;
const beforeSession = /Permission denied|exchange_identification|Connection (closed|reset)|Could not resolve|connect to host|Host key|verification failed|Too many authentication|Unable to negotiate|banner exchange|Bad configuration|line \d+:/;

const aliveWithinMs = 3_000;

export function createOpensshLink(options: OpensshLinkOptions): RemoteLink {
  const { master, program } = options;
  let gone: string | undefined;
  let tell: (reason: string) => void = () => undefined;
  const closed = new Promise<string>((resolve) => (tell = resolve));
  const lose = (reason: string): void => {
    if (gone !== undefined) return;
    gone = reason;
    clearInterval(watch);
    tell(reason);
    if (master?.ours) master.control.terminate();
    else master?.control.release();
  };

  // A master that hangs answers nobody; a dead network ends it by its own keepalive.
  let asking = false;
  const watch = setInterval(() => {
    if (!master || asking || gone !== undefined) return;
    asking = true;
    void master.control.alive(Math.max(aliveWithinMs, options.keepaliveIntervalMs * options.keepaliveCount)).then((pid) => {
      asking = false;
      if (pid !== undefined || gone !== undefined) return;
      lose('the ssh master does not answer any more');
      if (master.ours) endHung(master.pid);
    });
  }, Math.max(1_000, options.keepaliveIntervalMs));
  watch.unref();
  void master?.control.closed.then(() => lose(master.ours ? 'the ssh process that held the connection has ended: the host or the network closed it' : 'your ssh master (ControlMaster) has ended'));

  const host: SessionHost = {
    program,
    logFile: options.logFile,
    closed,
    async lost(log) {
      if (gone !== undefined) return gone;
      if (!master) {
        const loss = lossIn(log);
        if (loss !== undefined) lose(loss);
        return loss;
      }
      const pid = await master.control.alive(aliveWithinMs);
      if (pid === undefined) lose('the ssh process that held the connection has ended or hangs');
      return gone;
    },
    async unopened(log) {
      if (master) {
        if (refusedByServer.test(log)) return new SessionLimitError('the server opens no further session');
        if (!withoutMaster.test(log)) return undefined;
        return new Error(`the connection was lost: ${(await host.lost(log)) ?? 'its ssh master takes no more sessions'}`);
      }
      if (!beforeSession.test(log)) return undefined;
      options.onUnopened?.(log);
      return new SessionLimitError(log.trim().split(/\r?\n/).pop() ?? '');
    },
  };
  const mayOpen = (): Promise<never> | undefined => {
    if (gone !== undefined) return Promise.reject(new Error(`the connection was lost: ${gone}`));
    if (opened > 0 && options.repeatable?.() === false) return Promise.reject(new SessionLimitError('every further session would ask for an answer of yours'));
    opened += 1;
    return undefined;
  };
  let opened = 0;

  return {
    closed,
    neededPerson: options.neededPerson,
    openChannel: (line, handlers) => mayOpen() ?? openSession(host, line, handlers),
    openTerminal: (request) => mayOpen() ?? openTerminalSession(host, request),
    connectTcp: (address, port) => {
      const logFile = options.logFile();
      const child = startSsh(program, logFile, ['-W', `${address.includes(':') ? `[${address}]` : address}:${port}`]);
      const stream = Duplex.from({ writable: child.stdin, readable: child.stdout });
      child.stderr.resume();
      child.once('error', (error) => stream.destroy(error));
      child.once('exit', (code) => {
        const log = readLog(logFile);
        if (code !== 0 && code !== null) stream.destroy(new Error(log.trim() || `ssh ended with ${code}`));
      });
      stream.once('close', () => endSsh(child));
      void closed.then(() => endSsh(child));
      return Promise.resolve(stream);
    },
    dispose: () => lose('it was closed here'),
  };
}

function endHung(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
}
