/** How the ssh program is started for one session: over a master, or with a sign-in of its own. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';

export interface SshProgram {
  /** Words of ssh, before the host: how to get there without a question. */
  readonly options: readonly string[];
  readonly host: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Over a master's socket. Should the master not be there, ssh would sign in by itself: the proxy command that fails keeps it from that. */
export function overMaster(controlPath: string, host: string, environment: Readonly<Record<string, string>>): SshProgram {
  return { options: ['-F', process.platform === 'win32' ? 'NUL' : '/dev/null', '-S', controlPath.replaceAll('%', '%%'), '-o', 'BatchMode=yes', '-o', 'ProxyCommand=false'], host, environment };
}

/** `more` are words for this session; `command` is read by the far login shell. */
export function startSsh(program: SshProgram, logFile: string, more: readonly string[], command?: string): ChildProcessWithoutNullStreams {
  return spawn('ssh', [...program.options, '-a', '-x', '-e', 'none', '-E', logFile, ...more, '--', program.host, ...(command === undefined ? [] : [command])], {
    // A group of its own: what it starts ends with it, and no terminal of ours is asked or signalled.
    detached: process.platform !== 'win32',
    env: program.environment,
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  });
}

export function endSsh(child: ChildProcessWithoutNullStreams): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    if (process.platform === 'win32') child.kill();
    else process.kill(-child.pid, 'SIGTERM');
  } catch {
    // Already gone.
  }
}
