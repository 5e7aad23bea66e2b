/**
 * Why one task failed, from what the sources say. Pure.
 *
 * Rules, in order of strength; the first that says something decides, and what decided is the first piece of evidence:
 * 1. The scheduler's word: TIMEOUT, OUT_OF_MEMORY, NODE_FAIL, PREEMPTED, held in error, and the exit statuses that only a scheduler gives.
 * 2. What the scheduler or the kernel wrote into the log.
 * 3. What our job script and dispatcher wrote, when they could not start the task.
 * 4. What was measured: stopped at its time limit; killed with its memory at the limit; ended by a signal that only a crash gives.
 * 5. The program's last words, by how near they stand to the end.
 * 6. An exit status alone, and then the verdict is `guessed`. Status 1, 2 or 127 alone prove nothing.
 * A task that was cancelled has no verdict: it is not asked for one (`diagnoseRun.ts`).
 */
import type { AccountingRow } from '../../scheduler/port.ts';
import { elapsedOf, peakMiB, peakOf, type FailedTask } from './failedTask.ts';
import type { FailureClass } from './failureClass.ts';
import type { ScanGroup, ScanHit, ScanTrace } from './scan.ts';
import { classOfException, signatureOf } from './signatures.ts';

export type EvidenceSource = 'scheduler' | 'accounting' | 'task_events' | 'log';

export interface Evidence {
  readonly source: EvidenceSource;
  /** Verbatim where it is a line of a log; else a sentence. */
  readonly text: string;
  /** The log, and the line in it, from 1; null where the file is too long to count. */
  readonly path?: string;
  readonly line?: number | null;
}

/** Proved: a source says so. Likely: measured facts fit nothing else. Guessed: only an exit status, or a line far from the end. */
export type Certainty = 'proved' | 'likely' | 'guessed';

export interface Culprit {
  /** Below the run's folder where it is the user's own. */
  readonly file: string;
  readonly line: number;
  readonly function: string;
  readonly isUsersCode: boolean;
}

export interface Verdict {
  readonly failureClass: FailureClass;
  readonly certainty: Certainty;
  /** What to show in one line. */
  readonly message: string;
  /** Equal for tasks that failed in the same way. */
  readonly fingerprint: string;
  readonly culprit: Culprit | undefined;
  /** Memory that it wanted was refused, by its own words; it was not killed at a limit. */
  readonly refusedMemory: boolean;
  readonly evidence: readonly Evidence[];
}

interface Finding {
  readonly failureClass: FailureClass;
  readonly certainty: Certainty;
  readonly evidence: Evidence;
  readonly fingerprint: string;
  readonly culprit?: Culprit | undefined;
  /** Where more than the evidence itself is to be said in one line. */
  readonly message?: string;
  /** By the program's own words. */
  readonly own?: true;
}

const sigkill = 9;
/** Signals that a program gets for its own fault. SIGABRT is one that it sends itself, and says why. */
const crashSignals: Readonly<Record<number, string>> = { 4: 'SIGILL', 7: 'SIGBUS', 8: 'SIGFPE', 11: 'SIGSEGV' };
const nearLimit = 0.9;
/** Below this part of its limit, a task was not killed for its memory. */
const farFromLimit = 0.7;
/** Where no limit is known, a task of less memory than this was hardly the one that a node's kernel chose. */
const largePeakMiB = 2048;
/** Lines that say something after a line which still is the program's last, or among its last. */
const atEnd = 3;
const nearEnd = 25;

const mib = (value: number): string => (value >= 1024 ? `${(value / 1024).toFixed(1)} GiB` : `${value.toFixed(0)} MiB`);

function rowWords(row: AccountingRow): string {
  const status = row.exitCode !== null && row.exitCode !== 0 ? `, exit status ${row.exitCode}` : '';
  return `${row.rawState}${status}${row.signal === null ? '' : `, signal ${row.signal}`}${row.elapsedS === null ? '' : `, after ${row.elapsedS} s`}`;
}

/** 1: the scheduler's word, of the whole allocation. */
function fromScheduler(task: FailedTask): Finding | undefined {
  const { accounted: row, held, walltimeS } = task;
  if (held) {
    const text = `the scheduler holds it in error: ${held.rawState}${held.reason === '' ? '' : ` (${held.reason})`}`;
    return { failureClass: 'node_failure', certainty: 'proved', evidence: { source: 'scheduler', text }, fingerprint: `held in error:${held.reason}` };
  }
  const proved = (failureClass: FailureClass, text: string): Finding => ({ failureClass, certainty: 'proved', evidence: { source: 'accounting', text }, fingerprint: `scheduler:${failureClass}` });
  if (row) {
    const said = `the scheduler says ${rowWords(row)}`;
    if (row.state === 'timeout') return proved('walltime', `${said}${walltimeS === undefined ? '' : `, of ${walltimeS} s allowed`}`);
    if (row.state === 'out_of_memory') return proved('system_oom', said);
    if (row.state === 'node_fail') return proved('node_failure', said);
    if (row.state === 'preempted') return proved('preempted', said);
    // PBS's own exit statuses, and Grid Engine's word for a limit of time.
    if (row.exitCode === -29) return proved('walltime', `${said}: over its limit of time`);
    if (row.exitCode === -27) return proved('system_oom', `${said}: over its limit of memory`);
    if (/\bh_rt\b|\bs_rt\b|wall ?time/i.test(row.rawState) && !row.rawState.includes('h_vmem')) return proved('walltime', said);
  }
  // Grid Engine's and PBS's words for a job that never came to its script.
  if (row?.state === 'failed' && row.exitCode === null && row.signal === null && !task.end) {
    const step = Number(/^failed (\d+)\b/.exec(row.rawState)?.[1] ?? Number.NaN);
    // Its folder, its shell or its log files could not be opened.
    if ([26, 27, 28].includes(step)) return { ...proved('file_not_found', `the scheduler could not start it: ${row.rawState}`), fingerprint: `scheduler:failed ${step}` };
    if (Number.isInteger(step) || row.rawState.includes('could not be started')) return { ...proved('node_failure', `the scheduler could not start it: ${row.rawState}`), certainty: 'likely', fingerprint: `scheduler:failed ${step}` };
  }
  // Without accounting the view may still hold what the queue said last.
  if (task.state === 'timeout') return proved('walltime', task.stateEvidence);
  return undefined;
}

const inLog = (group: ScanGroup, text: string, line: number | null): Evidence => ({ source: 'log', text, path: group.sample.path, line });

function fromHit(group: ScanGroup, hit: ScanHit, certainty: Certainty): Finding {
  const failureClass = signatureOf(hit.id)?.failureClass ?? 'unknown';
  return { failureClass, certainty, evidence: inLog(group, hit.text, hit.line), fingerprint: `${hit.id}:${hit.fingerprint}`, culprit: culpritOf(hit.place) };
}

function culpritOf(place: ScanTrace['place'] | undefined): Culprit | undefined {
  return place ? { file: place[0], line: place[1], function: place[2], isUsersCode: place[3] } : undefined;
}

/** 2 and 3: what was written by those who know. */
function fromWriters(group: ScanGroup, by: 'scheduler' | 'job_script'): Finding | undefined {
  const hits = group.hits.filter(({ id }) => signatureOf(id)?.by === by);
  // `dispatch_refused` matches what the others name more exactly.
  const hit = hits.find(({ id }) => id !== 'dispatch_refused') ?? hits[0];
  // One cause, however the scheduler words it: its state in accounting, or its line in the log.
  return hit && { ...fromHit(group, hit, 'proved'), ...(by === 'scheduler' ? { fingerprint: `scheduler:${signatureOf(hit.id)?.failureClass ?? hit.id}` } : {}) };
}

interface Ending {
  /** Signal of the executor or of the whole job. */
  readonly signal: number | null;
  readonly code: number | null;
  /** Somebody ended it: a signal came from outside, or it vanished after its start. */
  readonly stopped: boolean;
}

function endingOf({ end, accounted, start }: FailedTask): Ending {
  const code = end?.rc ?? accounted?.exitCode ?? null;
  const fromCode = code !== null && code > 128 && code < 160 ? code - 128 : code === 271 ? 15 : null;
  const signal = (end?.s ?? 0) > 0 ? (end?.s ?? null) : (accounted?.signal ?? fromCode);
  const stopped = end?.o === 'preempted' || (signal !== null && [2, sigkill, 10, 12, 15].includes(signal)) || (start !== undefined && end === undefined && signal === null && code === null);
  return { signal, code, stopped };
}

const measured = (failureClass: FailureClass, certainty: Certainty, source: EvidenceSource, text: string, fingerprint: string): Finding => ({ failureClass, certainty, evidence: { source, text }, fingerprint });

/** 4: what was measured. */
function fromMeasures(task: FailedTask, ending: Ending, killedInLog: boolean): Finding | undefined {
  const elapsed = elapsedOf(task);
  const where = task.node === null ? '' : ` on ${task.node}`;
  const limit = task.walltimeS;
  if (ending.stopped && limit !== undefined && elapsed !== null) {
    const exact = task.accounted?.elapsedS !== null && task.accounted?.elapsedS !== undefined && task.accounted.elapsedS >= limit;
    if (exact || elapsed >= limit * 0.95) return measured('walltime', exact ? 'proved' : 'likely', exact ? 'accounting' : 'task_events', `was stopped after ${elapsed.toFixed(0)} s of ${limit} s allowed${where}`, 'stopped at its time limit');
  }
  const peak = peakMiB(peakOf(task));
  if ((ending.signal === sigkill || killedInLog) && peak !== null && task.memoryMiB !== undefined && peak >= nearLimit * task.memoryMiB) {
    const source = peak === task.accounted?.maxRssMiB ? 'accounting' : 'task_events';
    return measured('system_oom', 'likely', source, `was killed (SIGKILL) with ${mib(peak)} of ${mib(task.memoryMiB)} in use${where}`, 'killed at its memory limit');
  }
  const crash = ending.signal === null ? undefined : crashSignals[ending.signal];
  if (crash !== undefined) return measured('segv', 'proved', task.end ? 'task_events' : 'accounting', `was ended by ${crash} (signal ${ending.signal})${where}`, `signal:${crash}`);
  return undefined;
}

/**
 * 5: the program's last words. What it said long before its end is not why it ended: it went on. A traceback after which more was said counts less
 * where the exit status is not the one that Python gives for an exception.
 */
function fromProgram(group: ScanGroup, code: number | null): Finding | undefined {
  const candidates: (Finding & { readonly rank: number; readonly after: number })[] = [];
  const { trace } = group;
  const certaintyOf = (after: number): Certainty => (after <= atEnd ? 'proved' : 'likely');
  if (trace && trace.after <= nearEnd && trace.type !== 'KeyboardInterrupt') {
    const own = classOfException(trace.text);
    // An exception that was raised because the machine ran out of something: that is the cause.
    const root = own === 'python_traceback' ? trace.chain.map(classOfException).find((each) => each === 'gpu_oom' || each === 'system_oom' || each === 'disk_full') : undefined;
    const text = root === undefined ? trace.text : `${trace.text} (raised from: ${trace.chain.find((each) => classOfException(each) === root) ?? ''})`;
    candidates.push({
      failureClass: root ?? own,
      certainty: trace.after > atEnd && code !== null && code !== 1 ? 'guessed' : certaintyOf(trace.after),
      evidence: inLog(group, trace.text, trace.line),
      ...(text === trace.text ? {} : { message: text }),
      fingerprint: trace.fingerprint,
      culprit: culpritOf(trace.place),
      rank: trace.after <= atEnd ? 0 : 1,
      after: trace.after,
    });
  }
  for (const hit of group.hits) {
    const signature = signatureOf(hit.id);
    if (signature?.by !== 'program' || hit.after > nearEnd) continue;
    // A line of the traceback that was judged already, or one of the exceptions before it.
    if (trace && (hit.line === null ? hit.text === trace.text : hit.line === trace.line)) continue;
    const strong = ['gpu_oom', 'system_oom', 'disk_full', 'segv', 'node_failure'].includes(signature.failureClass);
    candidates.push({ ...fromHit(group, hit, certaintyOf(hit.after)), rank: strong ? 0 : 1, after: hit.after });
  }
  candidates.sort((a, b) => a.rank - b.rank || a.after - b.after);
  const [best] = candidates;
  if (!best) return undefined;
  const { rank: _rank, after: _after, ...finding } = best;
  return { ...finding, own: true };
}

/** Who was ended from outside did not end for what was said last, unless that was of memory. */
function lastWords(group: ScanGroup, ending: Ending): Finding | undefined {
  const found = fromProgram(group, ending.code);
  const fits = !ending.stopped || (found?.certainty === 'proved' && (found.failureClass === 'system_oom' || found.failureClass === 'gpu_oom'));
  return fits ? found : undefined;
}

/** 6: what is left when nobody says why. */
function fromEnding(task: FailedTask, ending: Ending, group: ScanGroup | undefined, killedInLog: boolean): Finding | undefined {
  const where = task.node === null ? '' : ` on ${task.node}`;
  const source: EvidenceSource = task.end ? 'task_events' : 'accounting';
  if (task.state === 'lost' && !task.start && task.node === null) return measured('node_failure', 'guessed', 'scheduler', `${task.stateEvidence}; it never began: somebody deleted it, or the scheduler forgot it`, 'lost before its start');
  if (task.state === 'lost') return measured('node_failure', 'likely', 'scheduler', task.stateEvidence, 'lost');
  if (task.end?.o === 'preempted' || (ending.signal === 15 && !task.end)) {
    const stop = group?.hits.find(({ id }) => id === 'stopped');
    return measured('preempted', 'likely', source, `was asked to stop${where} before its time limit, and was not cancelled${stop ? ` (${stop.text})` : ''}`, 'stopped');
  }
  if (ending.signal === 6) return measured('segv', 'likely', source, `was ended by SIGABRT (signal 6)${where}`, 'signal:SIGABRT');
  if (ending.signal === sigkill || killedInLog) {
    const peak = peakMiB(peakOf(task));
    const limit = task.memoryMiB;
    if (peak === null) return measured('system_oom', 'guessed', source, `was killed (SIGKILL)${where}; its memory was not measured, but that is the usual reason`, 'killed');
    if (limit === undefined ? peak >= largePeakMiB : peak >= farFromLimit * limit) return measured('system_oom', 'guessed', source, `was killed (SIGKILL)${where}; its largest process had ${mib(peak)}${limit === undefined ? '' : ` of ${mib(limit)}`}`, 'killed large');
    return measured('unknown', 'guessed', source, `was killed (SIGKILL)${where} by somebody who does not say why; not for its memory: ${mib(peak)}${limit === undefined ? '' : ` of ${mib(limit)}`}`, 'killed small');
  }
  // What Python and our dispatcher end with where not even their log takes a word.
  if ((ending.code === 120 || ending.code === 28) && typeof task.log === 'object' && !task.log.last) return measured('disk_full', 'guessed', source, `ended with status ${ending.code}${where} and an empty log: what it wrote was not taken, as by a full disk or quota`, 'mute');
  // Statuses of our own job script and dispatcher, if the task was never begun and they could not write why.
  if (!task.start && ending.code !== null) {
    const own = ({ 13: 'permission_denied', 28: 'disk_full', 72: 'file_not_found', 78: 'import_error' } as const)[ending.code];
    if (own) return measured(own, 'guessed', source, `ended with status ${ending.code}${where} before the task began, which is the job script’s word for it`, `status:${ending.code}`);
  }
  return undefined;
}

/** Where nothing names a cause: the status, and the last thing that was said. */
function unexplained(task: FailedTask, ending: Ending): Finding {
  const { log } = task;
  const status = ending.signal !== null ? `was ended by signal ${ending.signal}` : ending.code !== null ? `ended with status ${ending.code}` : task.stateEvidence;
  if (typeof log === 'object' && log.last) return { failureClass: 'unknown', certainty: 'guessed', message: `${status}; its log ends with: ${log.last.text}`, evidence: inLog(log, log.last.text, log.last.line), fingerprint: `status:${ending.code ?? ending.signal ?? ''}:${log.last.fingerprint}` };
  const words = log === 'missing' ? '; it left no log' : log === 'unreadable' ? '; its log cannot be read' : log === 'unread' ? '; its log was not read, for lack of time' : log ? '; its log says nothing' : '';
  return { failureClass: 'unknown', certainty: 'guessed', evidence: { source: task.end ? 'task_events' : 'accounting', text: `${status}${words}` }, fingerprint: `status:${ending.code ?? ending.signal ?? ''}${words}` };
}

/** What else is known, whether it agrees or not. */
function otherEvidence(task: FailedTask, decided: Finding): readonly Evidence[] {
  const { accounted, end, log } = task;
  const all: Evidence[] = [];
  if (accounted && decided.evidence.source !== 'accounting') all.push({ source: 'accounting', text: `the scheduler says ${rowWords(accounted)}` });
  if (end && decided.evidence.source !== 'task_events') {
    const how = end.o === 'preempted' ? 'was asked to stop' : (end.s ?? 0) > 0 ? `was ended by signal ${end.s}` : `ended with status ${end.rc ?? 'unknown'}`;
    all.push({ source: 'task_events', text: `${how}${typeof end.el === 'number' ? ` after ${end.el.toFixed(0)} s` : ''} on ${end.node}` });
  }
  if (typeof log === 'object' && decided.evidence.source !== 'log') {
    const said = log.trace ?? log.hits.find(({ id }) => signatureOf(id)?.by !== 'stop') ?? log.last;
    if (said) all.push(inLog(log, said.text, said.line));
  }
  return all;
}

export function verdictOf(task: FailedTask): Verdict {
  const group = typeof task.log === 'object' ? task.log : undefined;
  const ending = endingOf(task);
  // Killed by the shell's word, and it is among the last.
  const killedInLog = group?.hits.some(({ id, after }) => id === 'killed' && after <= atEnd) ?? false;
  const decided =
    fromScheduler(task) ??
    (group && (fromWriters(group, 'scheduler') ?? fromWriters(group, 'job_script'))) ??
    fromMeasures(task, ending, killedInLog) ??
    (group && lastWords(group, ending)) ??
    fromEnding(task, ending, group, killedInLog) ??
    unexplained(task, ending);
  return {
    failureClass: decided.failureClass,
    certainty: decided.certainty,
    message: decided.message ?? decided.evidence.text,
    fingerprint: decided.fingerprint,
    culprit: decided.culprit,
    refusedMemory: decided.own === true && decided.failureClass === 'system_oom',
    evidence: [decided.evidence, ...otherEvidence(task, decided)],
  };
}
