/**
 * What the page was told of a real run, kept small, and the same run made larger: each task many times, so that the page's work on 100,000 tasks is that of real looks
 * at a cluster: bursts of ends and starts, on real nodes, with real times and memory.
 */
import * as fs from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { ParameterColumn, RunEvent, TasksEvent } from '../../webview/protocol/run.ts';

/** A task as it was seen from one look on. Null: not known. */
export interface Change {
  readonly task: number;
  readonly state: number;
  readonly attempt: number;
  /** Seconds since the epoch. */
  readonly started: number | null;
  readonly elapsed: number | null;
  readonly memory: number | null;
  readonly exit: number;
  readonly node: number;
}

export interface Recording {
  /** Seconds since the epoch. */
  readonly began: number;
  readonly total: number;
  readonly nodes: readonly string[];
  readonly axes: readonly { readonly name: string; readonly values: readonly unknown[] }[];
  /** `at`: seconds since it began. The first tells of every task. */
  readonly looks: readonly { readonly at: number; readonly changes: readonly Change[] }[];
}

/** As it came to the page, arrays as plain lists and NaN as null. */
export interface HeardEvent {
  readonly at: number;
  readonly event: RunEvent;
}

const known = (value: number | null | undefined): number | null => (value === undefined || value === null || Number.isNaN(value) ? null : value);
const sameTask = (a: Change, b: Change): boolean => a.state === b.state && a.attempt === b.attempt && a.started === b.started && a.elapsed === b.elapsed && a.memory === b.memory && a.exit === b.exit && a.node === b.node;

export function recordingOf(events: readonly HeardEvent[]): Recording {
  const first = events.find(({ event }) => event.kind === 'tasks');
  if (!first) throw new Error('The page was told of no tasks.');
  const began = first.at / 1000;
  const now = new Map<number, Change>();
  let nodes: readonly string[] = [];
  let axes: Recording['axes'] = [];
  const looks: { at: number; changes: Change[] }[] = [];
  for (const { at, event } of events) {
    if (event.kind === 'parameters') {
      axes = event.parameters.map(({ name, values }) => ({ name, values }));
      continue;
    }
    if (event.nodes) nodes = event.nodes;
    const tasks = event.kind === 'tasks' ? Array.from(event.state, (_, task) => task) : Array.from(event.tasks);
    const changes = tasks
      .map((task, place): Change => ({ task, state: event.state[place] ?? 0, attempt: event.attempt[place] ?? 1, started: known(event.started[place]), elapsed: known(event.elapsed[place]), memory: known(event.memory[place]), exit: event.exit[place] ?? 0, node: event.node[place] ?? 0 }))
      .filter((change) => {
        const before = now.get(change.task);
        now.set(change.task, change);
        return !before || !sameTask(before, change);
      });
    if (changes.length > 0) looks.push({ at: at / 1000 - began, changes });
  }
  return { began, total: now.size, nodes, axes, looks };
}

const tenth = (value: number | null): number | null => (value === null ? null : Math.round(value * 10) / 10);

/** Columns, times since the beginning in tenths of a second: what repeats is packed well. */
export function writeRecording(file: string, { began, total, nodes, axes, looks }: Recording): void {
  const columns = looks.map(({ at, changes }) => ({
    at: tenth(at),
    tasks: changes.map(({ task }, place) => task - (changes[place - 1]?.task ?? 0)),
    state: changes.map(({ state }) => state),
    attempt: changes.map(({ attempt }) => attempt),
    started: changes.map(({ started }) => tenth(started === null ? null : started - began)),
    elapsed: changes.map(({ elapsed }) => tenth(elapsed)),
    memory: changes.map(({ memory }) => tenth(memory)),
    exit: changes.map(({ exit }) => exit),
    node: changes.map(({ node }) => node),
  }));
  fs.writeFileSync(file, gzipSync(JSON.stringify({ began: Math.round(began), total, nodes, axes, looks: columns }), { level: 9 }));
}

export function readRecording(file: string): Recording {
  const { looks, ...rest } = JSON.parse(gunzipSync(fs.readFileSync(file)).toString('utf8')) as Omit<Recording, 'looks'> & { looks: readonly (Record<'tasks' | 'state' | 'attempt' | 'exit' | 'node', number[]> & Record<'started' | 'elapsed' | 'memory', (number | null)[]> & { at: number })[] };
  return {
    ...rest,
    looks: looks.map(({ at, tasks, state, attempt, started, elapsed, memory, exit, node }) => {
      let last = 0;
      return {
        at,
        changes: tasks.map((step, place) => {
          const start = started[place] ?? null;
          return { task: (last += step), state: state[place] ?? 0, attempt: attempt[place] ?? 1, started: start === null ? null : start + rest.began, elapsed: elapsed[place] ?? null, memory: memory[place] ?? null, exit: exit[place] ?? 0, node: node[place] ?? 0 };
        }),
      };
    }),
  };
}

export interface LargeRun {
  /** Before the first of `changes`. */
  readonly event: TasksEvent;
  readonly parameters: readonly ParameterColumn[];
  /** In the order in which they were seen. */
  readonly changes: readonly Change[];
}

/** Every task `copies` times, as one parameter more; the first `share` of what was seen is the state that it begins with. */
export function enlarged(recording: Recording, copies: number, share: number): LargeRun {
  const total = recording.total * copies;
  const event: TasksEvent = {
    kind: 'tasks',
    nodes: [...recording.nodes],
    state: new Uint8Array(total),
    attempt: new Uint8Array(total).fill(1),
    started: new Float64Array(total).fill(Number.NaN),
    elapsed: new Float32Array(total).fill(Number.NaN),
    memory: new Float32Array(total).fill(Number.NaN),
    exit: new Int16Array(total).fill(-32_768),
    node: new Uint16Array(total).fill(65_535),
  };
  const [whole, ...later] = recording.looks;
  const enlarge = (changes: readonly Change[]): Change[] => Array.from({ length: copies }, (_, copy) => changes.map((change) => ({ ...change, task: copy * recording.total + change.task }))).flat();
  const all = later.flatMap(({ changes }) => enlarge(changes));
  const until = Math.floor(all.length * share);
  for (const change of [...enlarge(whole?.changes ?? []), ...all.slice(0, until)]) {
    const { task } = change;
    event.state[task] = change.state;
    event.attempt[task] = change.attempt;
    event.started[task] = change.started ?? Number.NaN;
    event.elapsed[task] = change.elapsed ?? Number.NaN;
    event.memory[task] = change.memory ?? Number.NaN;
    event.exit[task] = change.exit;
    event.node[task] = change.node;
  }
  // The last axis changes fastest, as tasks are numbered.
  let size = total;
  const axes = [{ name: 'copy', values: Array.from({ length: copies }, (_, copy): unknown => copy) }, ...recording.axes];
  const parameters = axes.map(({ name, values }) => {
    size /= values.length;
    const block = size;
    return { name, values: [...values], index: Uint32Array.from({ length: total }, (_, task) => Math.floor(task / block) % values.length) };
  });
  return { event, parameters, changes: all.slice(until) };
}
