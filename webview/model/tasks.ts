/** The tasks of a run as the page holds them: packed columns, changed in place, with what they are coloured by. No DOM. */
import type { ChangedEvent, ParameterColumn, RunEvent, TasksEvent } from '../protocol/run.ts';

export const unknownNode = 65_535;
export const unknownExit = -32_768;

export class TaskTable {
  private columns: TasksEvent | undefined;
  parameters: readonly ParameterColumn[] = [];
  /** What the results have, and those of them that were asked for. */
  metricNames: readonly string[] = [];
  metrics: ReadonlyMap<string, Float64Array> = new Map();
  /** Grows with each change: what was made of the table is out of date when it differs. */
  version = 0;
  /** Tasks that changed since `takeChanges`, or all of them. */
  private pending: 'all' | Uint32Array[] = 'all';

  get total(): number {
    return this.columns?.state.length ?? 0;
  }

  get known(): TasksEvent | undefined {
    return this.columns;
  }

  receive(event: RunEvent): void {
    this.version += 1;
    switch (event.kind) {
      case 'tasks':
        this.columns = event;
        this.pending = 'all';
        return;
      case 'changed':
        return this.change(event);
      case 'parameters':
        this.parameters = event.parameters;
        this.pending = 'all';
    }
  }

  /** What changed since this was last called. */
  takeChanges(): 'all' | readonly Uint32Array[] {
    const { pending } = this;
    this.pending = [];
    return pending;
  }

  touchAll(): void {
    this.version += 1;
    this.pending = 'all';
  }

  parameter(name: string, task: number): unknown {
    const column = this.parameters.find((its) => its.name === name);
    return column?.values[column.index[task] ?? -1];
  }

  private change(event: ChangedEvent): void {
    const { columns } = this;
    if (!columns) return;
    if (event.nodes) columns.nodes = event.nodes;
    event.tasks.forEach((task, place) => {
      columns.state[task] = event.state[place] ?? 0;
      columns.attempt[task] = event.attempt[place] ?? 0;
      columns.started[task] = event.started[place] ?? Number.NaN;
      columns.elapsed[task] = event.elapsed[place] ?? Number.NaN;
      columns.memory[task] = event.memory[place] ?? Number.NaN;
      columns.exit[task] = event.exit[place] ?? unknownExit;
      columns.node[task] = event.node[place] ?? unknownNode;
    });
    if (this.pending !== 'all') this.pending.push(event.tasks);
  }
}

/** What cells can be coloured by. A parameter is not among them: the grid shows it by place. */
export type Measure = 'state' | 'runtime' | 'memory' | 'attempt' | `metric:${string}`;

/** The numbers of a measure, by task; undefined for the state, and where it is not known yet. */
export function valuesOf(table: TaskTable, measure: Measure): ArrayLike<number> | undefined {
  const columns = table.known;
  if (!columns || measure === 'state') return undefined;
  if (measure === 'runtime') return columns.elapsed;
  if (measure === 'memory') return columns.memory;
  if (measure === 'attempt') return columns.attempt;
  return table.metrics.get(measure.slice('metric:'.length));
}

export interface Range {
  readonly low: number;
  readonly high: number;
  /** Whether there are values beyond. */
  readonly below: boolean;
  readonly above: boolean;
}

/** The span that colours are spread over: from the 2nd to the 98th of 100 values, so that one outlier does not turn all others into one colour. */
export function rangeOf(values: ArrayLike<number>): Range | undefined {
  const { length } = values;
  const known = new Float64Array(length);
  let count = 0;
  for (let place = 0; place < length; place += 1) {
    const value = values[place] ?? Number.NaN;
    if (Number.isFinite(value)) known[count++] = value;
  }
  if (count === 0) return undefined;
  const sorted = known.subarray(0, count).sort();
  const at = (share: number): number => sorted[Math.round((count - 1) * share)] ?? 0;
  const [low, high] = count < 20 ? [at(0), at(1)] : [at(0.02), at(0.98)];
  return { low, high, below: at(0) < low, above: at(1) > high };
}
