/**
 * The master that sessions go over: the person's own where it is alive and works, else one that we start.
 *
 * Rules: a master that somebody else started is never ended by us; one that does not answer, whose network is dead, or whose login is older than the
 * account's present groups is left alone and not used. A master at the person's own path is started only where they let it persist, since it is theirs
 * to keep then; any other is ours and ends with the connection.
 */
import { spawn } from 'node:child_process';
import { newToken } from '../../foundation/ids.ts';
import { programLine } from '../channel/loginLine.ts';
import type { RawSettings } from '../ssh/config.ts';
import { openMuxControl, type MuxControl } from './muxControl.ts';
import { endSsh, overMaster, startSsh } from './program.ts';
import { readLog } from './session.ts';

export interface RunningMaster {
  readonly control: MuxControl;
  readonly pid: number;
  readonly controlPath: string;
  readonly ours: boolean;
}

export interface ConfiguredMaster {
  readonly controlPath: string;
  /** ssh would make one there that stays. */
  readonly persists: boolean;
}

const answersWithinMs = 3_000;
const provesWithinMs = 10_000;
/** How long a master of ours stays when this process was killed. */
const oursPersistsS = 20;
const longestControlPath = 103 - 17;

/** What the person has set for this host; undefined: no sharing. */
export function configuredMaster(printed: RawSettings): ConfiguredMaster | undefined {
  const controlPath = printed.get('controlpath')?.[0];
  if (controlPath === undefined || controlPath === '' || controlPath === 'none' || Buffer.byteLength(controlPath) > longestControlPath) return undefined;
  const makes = /^(auto|yes|true|ask|autoask)$/i.test(printed.get('controlmaster')?.[0] ?? '');
  const persist = printed.get('controlpersist')?.[0] ?? 'no';
  return { controlPath, persists: makes && !/^(no|false)$/i.test(persist) };
}

/** Whether a master listens there and answers. */
export async function isMasterAlive(controlPath: string): Promise<boolean> {
  const control = await openMuxControl(controlPath, answersWithinMs);
  if (typeof control === 'string') return false;
  control.release();
  return true;
}

/** Runs something over it; a sentence about what is wrong, or undefined. */
async function proveMaster(controlPath: string, host: string, environment: Readonly<Record<string, string>>, logFile: string): Promise<string | undefined> {
  const mark = newToken();
  const child = startSsh(overMaster(controlPath, host, environment), logFile, ['-T'], programLine(`printf '\\n${mark}:%s:%s:\\n' "$(id -G)" "$(id -G "$(id -un)" 2>/dev/null)"`).line);
  child.stdin.end();
  child.stderr.resume();
  let out = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString('latin1')));
  const timer = setTimeout(() => endSsh(child), provesWithinMs);
  await new Promise<void>((done) => child.once('close', () => done()).once('error', () => done()));
  clearTimeout(timer);
  const log = readLog(logFile);
  const [, session = '', account = ''] = new RegExp(`${mark}:([\\d ]*):([\\d ]*):`).exec(out) ?? [];
  if (session === '') return `nothing can be run over it${log.trim() === '' ? '' : ` (${log.trim().split(/\r?\n/)[0] ?? ''})`}`;
  const groups = new Set(session.split(' '));
  return account.split(' ').every((group) => group === '' || groups.has(group)) ? undefined : 'its login is older than the groups that the account has now';
}

/** The person's master, where there is one that works. `why`: what is wrong with the one that is there. */
export async function findMaster(configured: ConfiguredMaster, host: string, environment: Readonly<Record<string, string>>, logFile: string): Promise<RunningMaster | { readonly why: string | undefined }> {
  const control = await openMuxControl(configured.controlPath, answersWithinMs);
  if (control === 'absent') return { why: undefined };
  if (control === 'silent') return { why: 'it does not answer' };
  const why = await proveMaster(configured.controlPath, host, environment, logFile);
  if (why === undefined) return { control, pid: control.pid, controlPath: configured.controlPath, ours: false };
  control.release();
  return { why };
}

export interface MasterStart {
  /** ssh's options and the way to the host; the host itself last. */
  readonly options: readonly string[];
  readonly host: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly controlPath: string;
  readonly ours: boolean;
  /** Rejects when it is to be given up. */
  readonly stopped: Promise<never>;
}

/** The master, or what ssh wrote instead. */
export async function startMaster(start: MasterStart): Promise<RunningMaster | { readonly text: string }> {
  const words = [
    ...start.options,
    ...['-o', `ControlMaster=${start.ours ? 'yes' : 'auto'}`, '-S', start.controlPath.replaceAll('%', '%%'), ...(start.ours ? ['-o', `ControlPersist=${oursPersistsS}`] : [])],
    ...['-o', 'ClearAllForwardings=yes', '-o', 'RemoteCommand=none'],
    // Into the background once signed in: the end of this process says that it is.
    ...['-f', '-N', '-n', '-T', '-a', '-x', '--', start.host],
  ];
  const child = spawn('ssh', words, { detached: true, env: start.environment, stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.on('data', (data: Buffer) => (text = (text + data.toString('utf8')).slice(-64 * 1024)));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      // What stays in the background may hold the stream: what is there now is all.
      setTimeout(() => resolve(code), 20);
    });
  });
  ended.catch(() => undefined);
  try {
    const code = await Promise.race([ended, start.stopped]);
    child.stderr.destroy();
    if (code !== 0) return { text: text === '' && code === null ? 'ssh was ended' : text };
  } catch (error) {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      try {
        process.kill(-child.pid, 'SIGTERM');
      } catch {
        // Already gone.
      }
      await ended.catch(() => undefined);
    }
    // It may have signed in at that very moment.
    const late = await openMuxControl(start.controlPath, answersWithinMs);
    if (typeof late !== 'string' && start.ours) late.terminate();
    throw error;
  }
  const control = await openMuxControl(start.controlPath, answersWithinMs);
  if (typeof control === 'string') return { text: `${text}\nssh signed in, but its master does not answer at ${start.controlPath}` };
  return { control, pid: control.pid, controlPath: start.controlPath, ours: start.ours };
}
