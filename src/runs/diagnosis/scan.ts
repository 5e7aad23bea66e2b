/**
 * What is asked of `hpc_diagnose.py`, and what it answers, parsed.
 *
 * Rule: logs go over the wire as path patterns with ranges of tasks, never one by one; what comes back is as many groups as there are different
 * ends, each with its tasks as ranges.
 */
import * as z from 'zod/mini';
import { HpcError } from '../../foundation/errors.ts';
import type { SchedulerDialect } from '../../scheduler/port.ts';
import { noise, signaturesOnWire } from './signatures.ts';

/** One element of an array whose log is to be read. */
export interface LoggedTask {
  readonly task: number;
  readonly jobId: string;
  readonly index: number;
  readonly patterns: { readonly out: string; readonly err: string };
}

interface FilePattern {
  readonly err: string;
  readonly out: string;
  /** First task, first index, count. */
  readonly elements: [number, number, number][];
}

/** An index that no array has, put in to see where the dialect writes it. */
const probeIndex = 7_310_249_586;

function patternOf(dialect: SchedulerDialect, pattern: string, task: LoggedTask): string {
  const path = dialect.resolveLogPath(pattern, task.jobId, task.index);
  const parts = dialect.resolveLogPath(pattern, task.jobId, probeIndex).split(String(probeIndex));
  // The path itself where the index stands in it more than once, or written in another way.
  return parts.length === 2 && parts.join(String(task.index)) === path ? parts.join('\0') : path;
}

/** The logs as patterns, `\0` where the index stands; `tasks` in ascending order makes the shortest request. */
export function filePatterns(dialect: SchedulerDialect, tasks: readonly LoggedTask[]): readonly FilePattern[] {
  const found = new Map<string, FilePattern>();
  for (const task of tasks) {
    const err = patternOf(dialect, task.patterns.err, task);
    const out = patternOf(dialect, task.patterns.out, task);
    const key = `${err}\n${out}`;
    let files = found.get(key);
    if (!files) found.set(key, (files = { err, out, elements: [] }));
    const last = files.elements.at(-1);
    if (last && last[0] + last[2] === task.task && last[1] + last[2] === task.index) last[2] += 1;
    else files.elements.push([task.task, task.index, 1]);
  }
  return [...found.values()];
}

export interface ScanOptions {
  /** Lines of a sample. */
  readonly lines: number;
  readonly seconds: number;
  readonly maxGroups: number;
}

export function scanRequest(files: readonly FilePattern[], remotePath: string, options: ScanOptions): Readonly<Record<string, unknown>> {
  return {
    files,
    signatures: signaturesOnWire(),
    noise,
    root: remotePath,
    err_bytes: 32_768,
    out_bytes: 16_384,
    lines: options.lines,
    max_groups: options.maxGroups,
    seconds: options.seconds,
  };
}

const ranges = z.array(z.tuple([z.number(), z.number()]));
/** File relative to the run's folder, line, function, and whether it is the user's own code. */
const place = z.nullable(z.tuple([z.string(), z.number(), z.string(), z.boolean()]));
/** Line in the whole file, from 1; null where the file is too long to count. `after`: lines that say something and come later. */
const hit = z.object({ id: z.string(), text: z.string(), fingerprint: z.string(), line: z.nullable(z.number()), after: z.number(), place: z.optional(place) });
const trace = z.object({ type: z.string(), text: z.string(), fingerprint: z.string(), line: z.nullable(z.number()), after: z.number(), place, chain: z.array(z.string()) });
const group = z.object({
  tasks: ranges,
  hits: z.array(hit),
  trace: z.nullable(trace),
  last: z.nullable(z.object({ text: z.string(), fingerprint: z.string(), line: z.nullable(z.number()) })),
  sample: z.object({ task: z.number(), stream: z.enum(['err', 'out']), path: z.string(), size: z.number(), line: z.nullable(z.number()), text: z.string() }),
});
const reply = z.object({ groups: z.array(group), missing: ranges, unreadable: ranges, unread: ranges });

export type ScanHit = z.output<typeof hit>;
export type ScanTrace = z.output<typeof trace>;
export type ScanGroup = z.output<typeof group>;

/** What is known of a task's log. */
export type LogFinding = ScanGroup | 'missing' | 'unreadable' | 'unread';

/** By task. Throws `remote_command_failed` where the answer cannot be understood. */
export function parseScan(value: unknown): ReadonlyMap<number, LogFinding> {
  const parsed = z.safeParse(reply, value);
  if (!parsed.success) throw new HpcError('remote_command_failed', `The answer about the logs cannot be understood: ${parsed.error.issues[0]?.path.join('.') ?? ''}.`, { remediation: 'Try again; if it stays, report it.' });
  const { groups, missing, unreadable, unread } = parsed.data;
  const found = new Map<number, LogFinding>();
  const put = (list: readonly (readonly [number, number])[], finding: LogFinding): void => {
    for (const [first, last] of list) for (let task = first; task <= last; task += 1) found.set(task, finding);
  };
  for (const each of groups) put(each.tasks, each);
  put(missing, 'missing');
  put(unreadable, 'unreadable');
  put(unread, 'unread');
  return found;
}
