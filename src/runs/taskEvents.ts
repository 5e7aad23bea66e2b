/**
 * Task events: what the dispatcher appends on the node, one short JSON line per start and end, one log per node.
 * Unknown kinds and torn lines are skipped and counted; a reader never fails on them.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { systemCodeOf } from '../foundation/errors.ts';
import { parseJsonLines } from '../foundation/jsonLines.ts';

/** One line, with what a newer dispatcher may add left out. */
export interface TaskEvent {
  readonly e: 'start' | 'end';
  /** Task index. */
  readonly i: number;
  /** Attempt, from 1. */
  readonly a?: number | undefined;
  /** Seconds since the epoch, by the node's clock. */
  readonly t: number;
  /** `jobId_index` or what the scheduler calls it. */
  readonly j?: string | null | undefined;
  /** Exit status and signal of the executor. */
  readonly rc?: number | null | undefined;
  readonly s?: number | null | undefined;
  /** Elapsed seconds. */
  readonly el?: number | null | undefined;
  /** Peak resident memory of the task's largest single process, MiB. */
  readonly rss?: number | null | undefined;
  /** CPU seconds of the executor and all that it waited for. */
  readonly cpu?: number | null | undefined;
  /** Share of the time that its GPUs were busy, and their largest memory in MiB, where nvidia-smi could be asked. */
  readonly gu?: number | null | undefined;
  readonly gm?: number | null | undefined;
  /** Outcome: `done`, `skipped` (the result was there), `failed`, `preempted`, `paused` (at a checkpoint; the next job of its chain goes on). */
  readonly o?: string | undefined;
  readonly node: string;
}

type Fields = Readonly<Record<string, unknown>>;
const isNumber = (value: unknown): value is number => typeof value === 'number';
const isNumberIfGiven = (value: unknown): value is number | null | undefined => value === undefined || value === null || typeof value === 'number';

/**
 * Judged by hand: tens of thousands of lines are read for one view, and a schema took several times as long as JSON.parse.
 * Undefined where it is no event that we know.
 */
function readEvent(value: unknown, node: string): TaskEvent | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { e, i, a, t, j, rc, s, el, rss, cpu, gu, gm, o } = value as Fields;
  if ((e !== 'start' && e !== 'end') || !isNumber(i) || !isNumber(t)) return undefined;
  if ((a !== undefined && !isNumber(a)) || (j !== undefined && j !== null && typeof j !== 'string') || (o !== undefined && typeof o !== 'string')) return undefined;
  if (!isNumberIfGiven(rc) || !isNumberIfGiven(s) || !isNumberIfGiven(el) || !isNumberIfGiven(rss) || !isNumberIfGiven(cpu) || !isNumberIfGiven(gu) || !isNumberIfGiven(gm)) return undefined;
  return { e, i, a, t, j, rc, s, el, rss, cpu, ...(gu === undefined ? {} : { gu }), ...(gm === undefined ? {} : { gm }), o, node };
}

export interface TaskHistory {
  /** The latest start, and the end that belongs to it if it was seen. */
  readonly start?: TaskEvent;
  readonly end?: TaskEvent;
  /** The latest end with a result of its own: where `end` only found it there. */
  readonly done?: TaskEvent;
  /** Seconds of all tries that have ended, earlier attempts too: what the task has cost. */
  readonly spentS?: number;
}

/** The latest attempt of each task, by index. Order between nodes is by attempt, then by time. */
export function foldEvents(events: readonly TaskEvent[], totalTasks: number): { histories: readonly TaskHistory[]; foreign: number } {
  const histories: { start?: TaskEvent; end?: TaskEvent; done?: TaskEvent; spentS?: number }[] = Array.from({ length: totalTasks }, () => ({}));
  let foreign = 0;
  const isLater = (a: TaskEvent, b: TaskEvent | undefined): boolean => b === undefined || (a.a ?? 1) > (b.a ?? 1) || ((a.a ?? 1) === (b.a ?? 1) && a.t >= b.t);
  for (const event of events) {
    const history = histories[event.i];
    if (history === undefined) {
      foreign += 1;
    } else if (event.e === 'start') {
      if (isLater(event, history.start)) history.start = event;
    } else {
      if (typeof event.el === 'number') history.spentS = (history.spentS ?? 0) + event.el;
      if (isLater(event, history.end)) history.end = event;
      if (event.o === 'done' && isLater(event, history.done)) history.done = event;
    }
  }
  for (const history of histories) {
    // An end before the latest start is of an earlier try (a requeued task runs again).
    const { start, end } = history;
    if (start && end && ((start.a ?? 1) > (end.a ?? 1) || start.t > end.t)) delete history.end;
  }
  return { histories, foreign };
}

export function parseEvents(text: string, node: string): { events: readonly TaskEvent[]; skipped: number } {
  const lines = parseJsonLines(text);
  const events: TaskEvent[] = [];
  let { skipped } = lines;
  for (const value of lines.values) {
    const event = readEvent(value, node);
    if (event) events.push(event);
    else skipped += 1;
  }
  return { events, skipped };
}

/** Reads the local copies of a run's event logs. */
export async function readEvents(directory: string): Promise<{ events: readonly TaskEvent[]; skipped: number }> {
  let names: string[];
  try {
    names = (await fs.readdir(directory)).filter((name) => name.endsWith('.jsonl')).sort();
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return { events: [], skipped: 0 };
    throw error;
  }
  const parts = await Promise.all(names.map(async (name) => parseEvents(await fs.readFile(path.join(directory, name), 'utf8'), name.slice(0, -'.jsonl'.length))));
  return { events: parts.flatMap((part) => part.events), skipped: parts.reduce((sum, part) => sum + part.skipped, 0) };
}

/** How much of each remote log is held here, in bytes: the offsets of the next read. */
export async function eventOffsets(directory: string): Promise<Readonly<Record<string, number>>> {
  try {
    const names = (await fs.readdir(directory)).filter((name) => name.endsWith('.jsonl'));
    return Object.fromEntries(await Promise.all(names.map(async (name) => [name, (await fs.stat(path.join(directory, name))).size] as const)));
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return {};
    throw error;
  }
}

/** Adds what a reply brought. A part that does not begin where our copy ends replaces it (`from` 0) or is dropped. */
export async function storeEvents(directory: string, name: string, part: { from: number; text: string }): Promise<void> {
  const file = path.join(directory, path.basename(name));
  await fs.mkdir(directory, { recursive: true });
  const size = await fs.stat(file).then(
    (stat) => stat.size,
    () => 0,
  );
  if (part.from === 0 && size > 0) await fs.writeFile(file, part.text);
  else if (part.from === size) await fs.appendFile(file, part.text);
}
