/**
 * What the Run view shows: the run as its tree has it, all tasks as packed columns, why tasks failed and what would help.
 *
 * Rules: the window's one clock (RunsStore) decides when the cluster is asked; this only reads what is on record, one read at a time.
 * Logs of failed tasks are read when there are new failures, and never for an untrusted folder's sake.
 */
import { CancelledError } from '../../../foundation/abort.ts';
import { messageOf } from '../../../foundation/errors.ts';
import type { ResultsTable, RunSummary } from '../../../operations/schemas.ts';
import type { ResubmitOutput } from '../../../operations/resubmit.ts';
import type { FailuresOutput } from '../../../operations/failures.ts';
import type { TasksEvent } from '../../../../webview/protocol/run.ts';
import type { StateOf } from '../../../../webview/protocol.ts';
import { failuresKey, hasFailures } from '../trees/failureNodes.ts';
import { changedColumns, metricByTask, packColumns } from './packColumns.ts';
import { failureGroupsOf, recordOf, runShapeOf } from './runShapes.ts';
import type { OpenSource, SourceContext, ViewSource } from './viewSource.ts';

export const runSource: ViewSource<'run'> = {
  open: (context) => new RunFeed(context),
};

class RunFeed implements OpenSource<'run'> {
  private readonly context: SourceContext<'run'>;
  private readonly owned: { dispose(): void };
  private state: StateOf<'run'> = { run: null, failures: null, record: null };
  private sent: TasksEvent | undefined;
  private hasParameters = false;
  private reading = false;
  private again = false;
  private failuresSeen = '';
  private explaining = false;
  private results: { readonly complete: number; readonly table: ResultsTable } | undefined;
  /** The last that was worked out: shown until there is a newer one, so that a button does not go while somebody reaches for it. */
  private proposed: ResubmitOutput | undefined;

  readonly requests: OpenSource<'run'>['requests'] = {
    log: async ({ task, stream, offset }, signal) => {
      const { logs } = await import('../../../operations/logs.ts');
      const { run, folder } = this.chosen();
      const answer = await this.context.editor.core.call(logs, { run_id: run.run_id, task_id: task, stream, ...(offset === null ? { lines: 500 } : { offset }), max_bytes: 262_144 }, { folder, signal });
      return { path: answer.path, found: answer.found, text: answer.text, offset: answer.offset, size: answer.size, nextOffset: answer.next_offset, ended: answer.ended };
    },
    evidence: async ({ task }, signal) => {
      const { status } = await import('../../../operations/status.ts');
      const { run, folder } = this.chosen();
      const [row] = (await this.context.editor.core.call(status, { run_id: run.run_id, refresh: false, task_ids: [task] }, { folder, signal })).tasks;
      return { evidence: row?.evidence ?? '', job: row?.job ?? null };
    },
    metric: async ({ name }, signal) => {
      const { run, folder } = this.chosen();
      const table = await this.resultsOf(run, folder, signal);
      const chosen = name !== null && table.metrics.includes(name) ? name : table.metrics[0];
      return { names: [...table.metrics], chosen: chosen === undefined ? null : { name: chosen, values: metricByTask(table.rows, chosen, run.total_tasks) } };
    },
  };

  constructor(context: SourceContext<'run'>) {
    this.context = context;
    this.owned = context.editor.runs.onDidChange(() => this.changed());
    if (context.editor.runs.state.loaded) this.changed();
    else void context.editor.runs.refreshQuietly(false);
  }

  dispose(): void {
    this.owned.dispose();
  }

  /** The run of the route, else the newest. */
  private find(): { readonly run: RunSummary; readonly folder: string } | undefined {
    const { runs } = this.context.editor;
    const wanted = this.context.params.run;
    const all = runs.state.folders.flatMap(({ folder, runs: its }) => its.map((run) => ({ run, folder })));
    return wanted === undefined ? all.sort((a, b) => Date.parse(b.run.submitted_at) - Date.parse(a.run.submitted_at))[0] : all.find(({ run }) => run.run_id === wanted);
  }

  private chosen(): { readonly run: RunSummary; readonly folder: string } {
    const found = this.find();
    if (!found) throw new Error('There is no such run in this workspace any more.');
    return found;
  }

  /** Combined on the cluster: not again while no more tasks are done. */
  private async resultsOf(run: RunSummary, folder: string, signal: AbortSignal): Promise<ResultsTable> {
    if (this.results?.complete === run.counts.complete) return this.results.table;
    const { results } = await import('../../../operations/results.ts');
    const table = await this.context.editor.core.call(results, { run_id: run.run_id, limit: 1_000_000 }, { folder, signal });
    this.results = { complete: run.counts.complete, table };
    return table;
  }

  private changed(): void {
    if (this.reading) {
      this.again = true;
      return;
    }
    this.reading = true;
    void this.read()
      .catch((error: unknown) => {
        if (!CancelledError.is(error)) this.context.problem(messageOf(error));
      })
      .finally(() => {
        this.reading = false;
        if (this.again && !this.context.signal.aborted) {
          this.again = false;
          this.changed();
        }
      });
  }

  private async read(): Promise<void> {
    const { editor, signal } = this.context;
    const found = this.find();
    if (!found) {
      this.context.title('');
      return this.publish({ run: null, failures: null, record: null });
    }
    const { run, folder } = found;
    const [{ taskColumns }, { runRecord }] = await Promise.all([import('../../../operations/taskColumns.ts'), import('../../../operations/runRecord.ts')]);
    const [columns, record] = await Promise.all([
      editor.core.call(taskColumns, { run_id: run.run_id, parameters: !this.hasParameters }, { folder, signal }),
      editor.core.call(runRecord, { run_id: run.run_id }, { folder, signal }),
    ]);
    this.context.title(run.run_name);
    this.publish({ run: runShapeOf(columns), record: recordOf(record) });
    const packed = packColumns(columns);
    const event = this.sent ? changedColumns(this.sent, packed) : packed;
    this.sent = packed;
    if (event) this.context.send(event);
    if (columns.parameters) {
      this.hasParameters = true;
      this.context.send({ kind: 'parameters', parameters: columns.parameters.map(({ name, values, index }) => ({ name, values: [...values], index: Uint32Array.from(index) })) });
    }
    // Not waited for: reading logs takes as long as the cluster takes.
    void this.explain(columns.run, folder);
  }

  private async explain(run: RunSummary, folder: string): Promise<void> {
    if (!hasFailures(run)) return this.publish({ failures: null });
    const key = failuresKey(run);
    // Whoever is reading looks at the next news afterwards.
    if (key === this.failuresSeen || this.explaining) return;
    this.failuresSeen = key;
    this.explaining = true;
    const { editor, signal } = this.context;
    this.publish({ failures: { asking: true, groups: this.state.failures?.groups ?? [], note: null } });
    try {
      const found = await editor.runs.whyFailed(folder, run);
      if (signal.aborted) return;
      this.show(found, true);
      this.proposed = (await this.proposal(run, folder)) ?? this.proposed;
      if (!signal.aborted) this.show(found, false);
    } catch (error) {
      this.failuresSeen = '';
      if (!CancelledError.is(error) && !signal.aborted) this.publish({ failures: { asking: false, groups: this.state.failures?.groups ?? [], note: messageOf(error) } });
    } finally {
      this.explaining = false;
      const now = this.find();
      if (!signal.aborted && this.failuresSeen !== '' && now && failuresKey(now.run) !== this.failuresSeen) void this.explain(now.run, now.folder);
    }
  }

  /** What would go again; undefined where that cannot be said (an untrusted folder, a job that was adopted). */
  private async proposal(run: RunSummary, folder: string): Promise<ResubmitOutput | undefined> {
    try {
      const { resubmit } = await import('../../../operations/resubmit.ts');
      return await this.context.editor.core.call(resubmit, { run_id: run.run_id, dry_run: true }, { folder, signal: this.context.signal });
    } catch (error) {
      if (!CancelledError.is(error)) this.context.editor.log.debug(`What would go again could not be worked out: ${messageOf(error)}`);
      return undefined;
    }
  }

  private show(found: FailuresOutput, asking: boolean): void {
    this.publish({ failures: { asking, groups: failureGroupsOf(found, this.proposed), note: found.note ?? null } });
  }

  private publish(part: Partial<StateOf<'run'>>): void {
    this.state = { ...this.state, ...part };
    this.context.publish(this.state);
  }
}
