/**
 * Slurm's job states, long, compact and cut, folded into ours.
 *
 * Rule: a state that is not in the table is `unknown` and keeps its word: a Slurm newer than this file must not make a
 * running job look ended.
 */
import type { JobState } from '../port.ts';

const table: readonly (readonly [long: string, compact: string, state: JobState])[] = [
  ['PENDING', 'PD', 'pending'],
  ['CONFIGURING', 'CF', 'pending'],
  ['POWER_UP_NODE', 'PO', 'pending'],
  ['REQUEUED', 'RQ', 'pending'],
  ['REQUEUE_FED', 'RF', 'pending'],
  ['REQUEUE_HOLD', 'RH', 'held'],
  ['SPECIAL_EXIT', 'SE', 'held'],
  ['RESV_DEL_HOLD', 'RD', 'held'],
  ['RUNNING', 'R', 'running'],
  ['EXPEDITING', 'EX', 'running'],
  ['RESIZING', 'RS', 'running'],
  ['SIGNALING', 'SI', 'running'],
  // The nodes are still this job's, and it will go on.
  ['STOPPED', 'ST', 'running'],
  ['SUSPENDED', 'S', 'running'],
  ['COMPLETING', 'CG', 'completing'],
  ['STAGE_OUT', 'SO', 'completing'],
  ['COMPLETED', 'CD', 'completed'],
  ['FAILED', 'F', 'failed'],
  ['CANCELLED', 'CA', 'cancelled'],
  ['REVOKED', 'RV', 'cancelled'],
  ['TIMEOUT', 'TO', 'timeout'],
  ['DEADLINE', 'DL', 'timeout'],
  ['OUT_OF_MEMORY', 'OOM', 'out_of_memory'],
  ['NODE_FAIL', 'NF', 'node_fail'],
  ['BOOT_FAIL', 'BF', 'node_fail'],
  ['LAUNCH_FAILED', 'LF', 'node_fail'],
  ['RECONFIG_FAIL', 'RCF', 'node_fail'],
  ['PREEMPTED', 'PR', 'preempted'],
];

const byWord = new Map(table.flatMap(([long, compact, state]) => [[long, state] as const, [compact, state] as const]));

/** `reason` tells a held job from a waiting one. */
export function slurmState(raw: string, reason = ''): JobState {
  // `CANCELLED by 1000`; sacct's narrow columns cut a long word and end it with `+`.
  const word = /^\S*/.exec(raw.trim())?.[0].toUpperCase() ?? '';
  let state = byWord.get(word);
  if (state === undefined && word.endsWith('+')) {
    const candidates = new Set(table.filter(([long]) => long.startsWith(word.slice(0, -1))).map(([, , folded]) => folded));
    if (candidates.size === 1) [state] = candidates;
  }
  if (state === 'pending' && /^JobHeld|^JobHoldMaxRequeue$/.test(reason)) return 'held';
  return state ?? 'unknown';
}

/** One state for several rows of the same job: what still moves first, then what is not plain success. */
export function foldStates(states: readonly JobState[]): JobState {
  for (const state of ['running', 'completing', 'pending', 'held', 'unknown'] as const) if (states.includes(state)) return state;
  return states.find((state) => state !== 'completed') ?? states[0] ?? 'unknown';
}
