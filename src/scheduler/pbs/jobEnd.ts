/**
 * How a job of PBS ended, from its record.
 *
 * Rules:
 * - No `Exit_status` is no success: the job was deleted before it ran, or its dependency could never hold.
 * - A subjob whose record lacks `array_index` is shown with the *parent's* attributes, `Exit_status` 0 among them: that says
 *   nothing about how it ended. (In TORQUE, whose ended jobs are `C`, every subjob has a record of its own.)
 * - 256 and more: PBS ended the job with that signal. Below zero: PBS itself gave up on it, for a reason with a number.
 */
import type { JobState } from '../port.ts';
import { parsePbsJobId } from './jobId.ts';
import type { PbsRecord } from './records.ts';

export interface JobEnd {
  readonly state: JobState;
  /** The scheduler's words: state, exit status, comment. */
  readonly rawState: string;
  readonly exitCode: number | null;
  readonly signal: number | null;
}

const endedLetters = ['F', 'X', 'C'];

export function isEnded(record: PbsRecord): boolean {
  return endedLetters.includes(record.attributes.get('job_state') ?? '');
}

/** False for a subjob that is shown with what belongs to its parent. */
export function hasOwnRecord(record: PbsRecord): boolean {
  return parsePbsJobId(record.id)?.index === undefined || record.attributes.get('job_state') === 'C' || /^\d+$/.test(record.attributes.get('array_index') ?? '');
}

/** `1-02:03:04`, `26:03:04`, `90`; null where it says nothing. */
export function parsePbsDurationS(text: string | undefined): number | null {
  const match = /^(?:(\d+)[-:])?(?:(\d+):)?(?:(\d+):)?(\d+)(?:\.\d+)?$/.exec(text?.trim() ?? '');
  if (!match) return null;
  const numbers = match.slice(1).filter((part) => part !== undefined).map(Number);
  const weights = [1, 60, 3600, 86_400];
  return numbers.reverse().reduce((sum, number, position) => sum + number * (weights[position] ?? 0), 0);
}

/** `7404kb`, `100mb`, `2gb`, `8192`, `3mw`; null where it says nothing. */
export function parsePbsSizeMiB(text: string | undefined): number | null {
  const match = /^(\d+(?:\.\d+)?)([kmgtp]?)([bw]?)$/i.exec(text?.trim() ?? '');
  if (!match) return null;
  const power = { '': -2, k: -1, m: 0, g: 1, t: 2, p: 3 }[(match[2] ?? '').toLowerCase()] ?? 0;
  return Number(match[1]) * 1024 ** power * (match[3]?.toLowerCase() === 'w' ? 8 : 1);
}

/** What PBS itself reports instead of an exit status. The two families use the same numbers for different things. */
const openPbsNegative: Readonly<Record<number, readonly [JobState, string]>> = {
  [-1]: ['failed', 'could not be started'], [-2]: ['failed', 'could not be started'], [-3]: ['node_fail', 'could not be started for now'],
  [-4]: ['node_fail', 'its node was restarted'], [-5]: ['node_fail', 'its node was restarted'], [-6]: ['node_fail', 'its node was restarted'],
  [-10]: ['failed', 'its user is not valid on the node'], [-11]: ['node_fail', 'was to be run again'], [-20]: ['node_fail', 'a sister node failed'],
  [-24]: ['failed', 'exceeded resource ncpus'], [-25]: ['failed', 'exceeded resource ncpus'], [-26]: ['out_of_memory', 'exceeded resource vmem'],
  [-27]: ['out_of_memory', 'exceeded resource mem'], [-28]: ['timeout', 'exceeded resource cput'], [-29]: ['timeout', 'exceeded resource walltime'],
};
const torqueNegative: Readonly<Record<number, readonly [JobState, string]>> = {
  [-1]: ['failed', 'could not be started'], [-2]: ['failed', 'could not be started'], [-3]: ['node_fail', 'could not be started for now'],
  [-4]: ['node_fail', 'its node was restarted'], [-5]: ['node_fail', 'its node was restarted'], [-6]: ['node_fail', 'its node was restarted'],
  [-9]: ['failed', 'its output files could not be made'], [-10]: ['out_of_memory', 'exceeded resource mem'], [-11]: ['timeout', 'exceeded resource walltime'], [-12]: ['timeout', 'exceeded resource cput'],
};

function overran(record: PbsRecord): boolean {
  const used = parsePbsDurationS(record.attributes.get('resources_used.walltime'));
  const limit = parsePbsDurationS(record.attributes.get('Resource_List.walltime'));
  return used !== null && limit !== null && limit > 0 && used >= limit;
}

/** Undefined while the job has not ended. `state` is `unknown` where the record does not prove how. */
export function endOf(record: PbsRecord): JobEnd | undefined {
  if (!isEnded(record)) return undefined;
  const { attributes } = record;
  const letter = attributes.get('job_state') ?? '';
  const comment = attributes.get('comment') ?? '';
  const substate = attributes.get('substate');
  if (!hasOwnRecord(record)) return { state: 'unknown', rawState: `${letter} (no record of its own: it may never have run)`, exitCode: null, signal: null };
  const text = attributes.get('Exit_status') ?? attributes.get('exit_status');
  const say = (state: JobState, reason: string, exitCode: number | null = null, signal: number | null = null): JobEnd => ({
    state,
    rawState: `${letter}${text === undefined ? '' : ` Exit_status=${text}`}${reason === '' ? '' : ` (${reason})`}`,
    exitCode,
    signal,
  });
  if (text === undefined) {
    if (substate === '91' || / and terminated\b/.test(comment)) return say('cancelled', comment === '' ? 'deleted before it ran' : comment);
    if (attributes.has('depend') && !attributes.has('stime')) return say('cancelled', `its dependency could not hold: ${attributes.get('depend') ?? ''}`);
    return say('unknown', comment === '' ? 'ended without an exit status' : comment);
  }
  const status = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(status)) return say('unknown', 'an exit status that cannot be read');
  if (status < 0) {
    const [state, reason] = (letter === 'C' ? torqueNegative : openPbsNegative)[status] ?? (['failed', 'ended by PBS'] as const);
    return say(state, comment.includes(' and exceeded resource ') ? comment : reason);
  }
  if (status >= 256) {
    const signal = status - 256;
    const deleted = substate === '91' || / and terminated\b/.test(comment);
    if (deleted) return say('cancelled', comment, null, signal);
    if (overran(record)) return say('timeout', 'used its whole walltime', null, signal);
    // TORQUE leaves no other trace of a deletion than the signal that it sent.
    if (letter === 'C' && (signal === 15 || signal === 9)) return say('cancelled', comment, null, signal);
    return say('failed', comment, null, signal);
  }
  // Ended through `qdel` while a trap of the script gave a status of its own.
  if (substate === '91') return say('cancelled', comment);
  if (status === 0) return say('completed', '', 0);
  if (status > 128 && status <= 128 + 64) return say('failed', comment, null, status - 128);
  return say('failed', comment, status);
}
