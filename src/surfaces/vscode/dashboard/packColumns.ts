/** Columns of tasks as packed arrays, and what of them changed since they were last sent. Pure. */
import type { TaskColumnsOutput } from '../../../operations/taskColumns.ts';
import type { ChangedEvent, TasksEvent } from '../../../../webview/protocol/run.ts';

const unknownExit = -32_768;
const unknownNode = 65_535;

type Columns = Pick<TaskColumnsOutput, 'state' | 'attempt' | 'started_at_s' | 'elapsed_s' | 'peak_rss_mib' | 'exit_code' | 'node'>;

const orUnknown = (values: readonly (number | null)[]): Float32Array<ArrayBuffer> => Float32Array.from(values, (value) => value ?? Number.NaN);

export function packColumns(columns: Columns): TasksEvent {
  const { values, index } = columns.node;
  // Past what two bytes can tell, nodes are not told apart any more.
  const nodes = values.map((node) => node ?? '').slice(0, unknownNode);
  return {
    kind: 'tasks',
    nodes,
    state: Uint8Array.from(columns.state),
    attempt: Uint8Array.from(columns.attempt, (attempt) => Math.min(attempt, 255)),
    started: Float64Array.from(columns.started_at_s, (value) => value ?? Number.NaN),
    elapsed: orUnknown(columns.elapsed_s),
    memory: orUnknown(columns.peak_rss_mib),
    exit: Int16Array.from(columns.exit_code, (value) => (value === null || value < -32_767 || value > 32_767 ? unknownExit : value)),
    node: Uint16Array.from(index, (place) => (values[place] === null || place >= unknownNode ? unknownNode : place)),
  };
}

const same = (a: number | undefined, b: number | undefined): boolean => a === b || (Number.isNaN(a) && Number.isNaN(b));

/** Undefined: nothing changed. The whole, where more than a third did: one copy is cheaper than so many places. */
export function changedColumns(before: TasksEvent, after: TasksEvent): TasksEvent | ChangedEvent | undefined {
  const total = after.state.length;
  if (before.state.length !== total) return after;
  const sameNodes = before.nodes.length === after.nodes.length && before.nodes.every((node, index) => node === after.nodes[index]);
  const changed: number[] = [];
  for (let task = 0; task < total; task += 1) {
    const isSame =
      before.state[task] === after.state[task] &&
      before.attempt[task] === after.attempt[task] &&
      before.exit[task] === after.exit[task] &&
      before.node[task] === after.node[task] &&
      same(before.started[task], after.started[task]) &&
      same(before.elapsed[task], after.elapsed[task]) &&
      same(before.memory[task], after.memory[task]);
    if (!isSame) changed.push(task);
  }
  if (changed.length === 0 && sameNodes) return undefined;
  if (changed.length > total / 3) return after;
  const tasks = Uint32Array.from(changed);
  return {
    kind: 'changed',
    tasks,
    ...(sameNodes ? {} : { nodes: after.nodes }),
    state: Uint8Array.from(tasks, (task) => after.state[task] ?? 0),
    attempt: Uint8Array.from(tasks, (task) => after.attempt[task] ?? 0),
    started: Float64Array.from(tasks, (task) => after.started[task] ?? Number.NaN),
    elapsed: Float32Array.from(tasks, (task) => after.elapsed[task] ?? Number.NaN),
    memory: Float32Array.from(tasks, (task) => after.memory[task] ?? Number.NaN),
    exit: Int16Array.from(tasks, (task) => after.exit[task] ?? unknownExit),
    node: Uint16Array.from(tasks, (task) => after.node[task] ?? unknownNode),
  };
}

/** For each task the metric of its grid point; not a number where there is none. Doubles: a metric may be 1e-300. */
export function metricByTask(rows: readonly { readonly metrics: Readonly<Record<string, number | null>>; readonly tasks: readonly number[] }[], name: string, total: number): Float64Array<ArrayBuffer> {
  const values = new Float64Array(total).fill(Number.NaN);
  for (const { metrics, tasks } of rows) for (const task of tasks) if (task < total) values[task] = metrics[name] ?? Number.NaN;
  return values;
}
