/**
 * Grid Engine's states: letters put together (`hqw`, `Eqw`, `dRr`), folded into ours.
 *
 * Rule: `E` comes before all: a job in error waits for a person (or for `qmod -cj`) and will not start by itself, so it is held and
 * never merely pending. A letter that is not known makes the state unknown.
 */
import type { JobState } from '../port.ts';

export interface SgeState {
  readonly state: JobState;
  readonly reason: string;
}

/** `waitsForJobs`: the queue still lists jobs that this one waits for. */
export function sgeState(raw: string, waitsForJobs = false): SgeState {
  const letters = new Set(raw);
  if (raw === '' || ![...letters].every((letter) => 'qwhtrRsSTNEdz'.includes(letter))) return { state: 'unknown', reason: '' };
  if (letters.has('z')) return { state: 'unknown', reason: '' };
  if (letters.has('d')) return { state: 'completing', reason: 'being deleted' };
  if (letters.has('E')) return { state: 'held', reason: 'in error, see qstat -j' };
  // A hold does not stop what runs; a suspended job keeps its node and will go on.
  if (['r', 't', 's', 'S', 'T', 'N'].some((letter) => letters.has(letter))) return { state: 'running', reason: '' };
  if (letters.has('h')) return waitsForJobs ? { state: 'pending', reason: 'Dependency' } : { state: 'held', reason: 'hold' };
  if (letters.has('q') || letters.has('w')) return { state: 'pending', reason: '' };
  return { state: 'unknown', reason: '' };
}

/** How a finished job ended, from the `failed` and `exit_status` of its accounting record. */
export interface SgeEnd {
  readonly state: JobState;
  readonly exitCode: number | null;
  readonly signal: number | null;
}

export interface EndFacts {
  readonly failed: number;
  readonly exitStatus: number;
  readonly wallclockS: number | null;
  readonly maxVmemBytes: number | null;
  /** What the job had asked for (`-l h_rt=300,h_vmem=1G`); empty where this version does not say. */
  readonly category: string;
  /** Univa's field; empty elsewhere. */
  readonly deletedBy: string;
}

/** `300`, `0:5:0`; undefined for INFINITY. */
export function parseSgeDurationS(text: string): number | undefined {
  const match = /^(?:(?:(\d+):)?(\d+):)?(\d+)$/.exec(text.trim());
  return match ? Number(match[1] ?? 0) * 3600 + Number(match[2] ?? 0) * 60 + Number(match[3]) : undefined;
}

/** `64G`, `23.541G`, `100M`, `512`, `3.414MB`, `1k` (small letters are powers of 1000): bytes. */
export function parseSgeBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([kKmMgGtT]?)B?$/.exec(text.trim());
  if (!match) return undefined;
  const letter = match[2] ?? '';
  const power = letter === '' ? 0 : 'kmgt'.indexOf(letter.toLowerCase()) + 1;
  return Number(match[1]) * (letter === letter.toLowerCase() ? 1000 : 1024) ** power;
}

export function sgeEnd(facts: EndFacts): SgeEnd {
  const { failed, exitStatus } = facts;
  const killed = exitStatus > 128 ? exitStatus - 128 : null;
  const asked = (name: string): string | undefined => new RegExp(`(?:^|[ ,])${name}=([^, ]+)`).exec(facts.category)?.[1];
  if (facts.deletedBy !== '' && facts.deletedBy !== 'NONE') return { state: 'cancelled', exitCode: null, signal: killed };
  // Migrating, rescheduled: this try is over and the job is in the queue again.
  if ([24, 25, 30].includes(failed)) return { state: 'pending', exitCode: null, signal: null };
  const vmemLimit = parseSgeBytes(asked('h_vmem') ?? '');
  const overMemory = vmemLimit !== undefined && facts.maxVmemBytes !== null && facts.maxVmemBytes >= vmemLimit * 0.98;
  if (failed === 37) {
    const limit = parseSgeDurationS(asked('h_rt') ?? '');
    const ranLong = limit !== undefined && facts.wallclockS !== null && facts.wallclockS >= limit - 1;
    return { state: overMemory && !ranLong ? 'out_of_memory' : 'timeout', exitCode: null, signal: killed };
  }
  if (failed === 100) return { state: overMemory && killed === 9 ? 'out_of_memory' : 'failed', exitCode: killed === null ? exitStatus : null, signal: killed };
  // Its host went away under it: what came back found a job without an end, or one that it did not know.
  if (failed === 19 || failed === 21) return { state: 'node_fail', exitCode: null, signal: null };
  // It never got as far as the script (no folder, no shell, no log file). That is no end: the queue keeps it, in error or to be tried
  // elsewhere, until somebody clears or deletes it.
  if (failed !== 0) return { state: 'held', exitCode: null, signal: null };
  return { state: exitStatus === 0 ? 'completed' : 'failed', exitCode: exitStatus, signal: null };
}
