/**
 * What the Results view shows: the reduced table of one run, read again while the run goes on.
 *
 * Rules: reading combines results on the cluster, so it is done only after tasks ended, and the rarer the longer it takes; the last good table
 * stays while a new one is read or cannot be; a table that was read is remembered as long as its run has not gone on.
 */
import * as path from 'node:path';
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import type { WireTable } from '../../../../webview/protocol/results.ts';
import { CancelledError } from '../../../foundation/abort.ts';
import { HpcError, messageOf } from '../../../foundation/errors.ts';
import type { RunSummary } from '../../../operations/schemas.ts';
import { withProgress } from '../cancellation.ts';
import { showDocument } from '../documents/textDocuments.ts';
import type { Editor } from '../editor.ts';
import { isOpen, runDescription } from '../trees/runWords.ts';
import { pauseMs, wireTableOf } from './resultsWire.ts';
import type { OpenSource, SourceContext, ViewSource } from './viewSource.ts';

const mostPoints = 100_000;
interface Remembered {
  readonly table: WireTable;
  /** Tasks that had ended well when it was read. */
  readonly complete: number;
}

const remembered = new WeakMap<Editor, Map<string, Remembered>>();

export const resultsSource: ViewSource<'results'> = {
  open: (context) => new ResultsSource(context),
};

class ResultsSource implements OpenSource<'results'> {
  private readonly context: SourceContext<'results'>;
  private readonly tables: Map<string, Remembered>;
  private readonly subscription: { dispose(): void };
  private reading: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private notBefore = 0;
  /** What was tried for this state of the run: a failure is not repeated until the run has gone on. */
  private tried: number | undefined;

  readonly requests: OpenSource<'results'>['requests'] = {
    readAgain: async () => {
      await this.read(true);
      return {};
    },
    tableOf: async ({ run_id }, signal) => {
      const run = this.context.editor.runs.find(run_id);
      const known = this.tables.get(run_id);
      if (known && known.complete === run?.counts.complete) return known.table;
      const table = await this.fetch(run_id, signal);
      this.tables.set(run_id, { table, complete: run?.counts.complete ?? 0 });
      return table;
    },
    tasks: async ({ task_ids }, signal) => {
      const { status } = await import('../../../operations/status.ts');
      const { tasks } = await this.context.editor.core.call(status, { run_id: this.runId(), task_ids, refresh: false }, { folder: this.folder(), signal });
      return tasks.map(({ task_id, state, attempt, node, elapsed_s, peak_rss_mib }) => ({ task_id, state, attempt, node, elapsed_s, peak_rss_mib }));
    },
    files: async ({ task_id }, signal) => {
      const { taskFiles } = await import('../../../operations/taskFiles.ts');
      return this.context.editor.core.call(taskFiles, { run_id: this.runId(), task_id }, { folder: this.folder(), signal });
    },
    openFile: async ({ task_id, path: name }, signal) => {
      const { taskFile } = await import('../../../operations/taskFiles.ts');
      const file = await this.context.editor.core.call(taskFile, { run_id: this.runId(), task_id, path: name }, { folder: this.folder(), signal });
      if (!file.found) throw new HpcError('outputs_missing', `${file.path} is not there any more.`);
      if (!file.is_text) throw new HpcError('spec_invalid', `${file.path} is no text (${file.size} bytes): look at it on the cluster.`);
      await showDocument(`${this.runId()}/${l10n.t('task {0}', String(task_id))}/${name}`, file.text, { beside: true });
      return {};
    },
    save: async ({ name, content, encoding }) => {
      const place = vscode.Uri.file(path.join(this.folder(), 'results', this.runId(), name));
      const chosen = await vscode.window.showSaveDialog({ defaultUri: place, title: l10n.t('Save') });
      if (!chosen) return { saved: false };
      await vscode.workspace.fs.writeFile(chosen, Buffer.from(content, encoding));
      return { saved: true };
    },
    openNotebook: async () => {
      const { resultsNotebook } = await import('../../../operations/resultsNotebook.ts');
      const notebook = await withProgress(l10n.t('Writing the notebook'), (signal, progress) => this.context.editor.core.call(resultsNotebook, { run_id: this.runId() }, { folder: this.folder(), signal, progress }));
      const uri = vscode.Uri.file(notebook.path);
      try {
        await vscode.window.showNotebookDocument(await vscode.workspace.openNotebookDocument(uri), { viewColumn: vscode.ViewColumn.Beside });
      } catch {
        // An editor without notebooks shows it as the text that it is.
        await vscode.window.showTextDocument(uri, { viewColumn: vscode.ViewColumn.Beside });
      }
      return {};
    },
  };

  constructor(context: SourceContext<'results'>) {
    this.context = context;
    const { editor } = context;
    this.tables = remembered.get(editor) ?? new Map<string, Remembered>();
    remembered.set(editor, this.tables);
    this.subscription = editor.runs.onDidChange(() => this.changed());
    if (editor.runs.state.loaded) this.changed();
    else void editor.runs.refresh(false).catch((error: unknown) => context.problem(messageOf(error)));
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.subscription.dispose();
  }

  private run(): RunSummary | undefined {
    const { editor, params } = this.context;
    if (params.run !== undefined) return editor.runs.find(params.run);
    const newest = editor.runs.runs.toSorted((a, b) => Date.parse(b.submitted_at) - Date.parse(a.submitted_at));
    return newest.find(({ counts }) => counts.complete > 0) ?? newest[0];
  }

  private runId(): string {
    const run = this.run();
    if (!run) throw new HpcError('spec_invalid', 'This run is not known in this window.');
    return run.run_id;
  }

  private folder(): string {
    const runId = this.runId();
    return this.context.editor.runs.state.folders.find(({ runs }) => runs.some((run) => run.run_id === runId))?.folder ?? this.context.editor.runs.find(runId)?.experiment_dir ?? '';
  }

  private changed(): void {
    this.publish();
    const run = this.run();
    if (!run || run.counts.complete === 0) return;
    const known = this.tables.get(run.run_id);
    if (known?.complete === run.counts.complete || this.tried === run.counts.complete || this.reading) return;
    const wait = this.notBefore - Date.now();
    clearTimeout(this.timer);
    if (wait <= 0 || !isOpen(run)) void this.read(false).catch(() => undefined);
    else this.timer = setTimeout(() => this.changed(), wait);
  }

  private publish(): void {
    const run = this.run();
    const now = new Date();
    const { runs } = this.context.editor;
    this.context.title(run ? l10n.t('Results: {0}', run.run_name) : '');
    this.context.publish({
      run: run
        ? { run_id: run.run_id, run_name: run.run_name, cluster: run.cluster, words: runDescription(run, now), total_tasks: run.total_tasks, complete: run.counts.complete, running: run.counts.running, pending: run.counts.pending, failed: run.counts.failed, open: isOpen(run) }
        : null,
      table: (run && this.tables.get(run.run_id)?.table) ?? null,
      reading: this.reading !== undefined,
      others: runs.runs
        .filter(({ run_id, counts }) => run_id !== run?.run_id && counts.complete > 0)
        .sort((a, b) => Date.parse(b.submitted_at) - Date.parse(a.submitted_at))
        .slice(0, 100)
        .map((other) => ({ run_id: other.run_id, run_name: other.run_name, cluster: other.cluster, words: `${other.cluster} · ${other.submitted_at.slice(0, 16).replace('T', ' ')}` })),
    });
  }

  /** One at a time; `asked`: by a person, who is told of a failure by the answer too. */
  private async read(asked: boolean): Promise<void> {
    const run = this.run();
    if (!run) return;
    this.reading ??= this.readNow(run).finally(() => {
      this.reading = undefined;
      if (!this.context.signal.aborted) this.changed();
    });
    this.publish();
    await this.reading.catch((error: unknown) => {
      if (asked) throw error;
    });
  }

  private async readNow(run: RunSummary): Promise<void> {
    const started = Date.now();
    this.tried = run.counts.complete;
    try {
      this.tables.set(run.run_id, { table: await this.fetch(run.run_id, this.context.signal), complete: run.counts.complete });
      this.context.problem(null);
    } catch (error) {
      if (CancelledError.is(error) || this.context.signal.aborted) return;
      this.context.editor.log.warn(`The results of ${run.run_id} could not be read: ${messageOf(error)}`);
      this.context.problem(HpcError.is(error) && error.remediation !== undefined ? `${error.message} ${error.remediation}` : messageOf(error));
      throw error;
    } finally {
      this.notBefore = Date.now() + pauseMs(Date.now() - started);
    }
  }

  private async fetch(runId: string, signal: AbortSignal): Promise<WireTable> {
    const { editor } = this.context;
    const { results } = await import('../../../operations/results.ts');
    const folder = editor.runs.state.folders.find(({ runs }) => runs.some((run) => run.run_id === runId))?.folder ?? editor.runs.find(runId)?.experiment_dir ?? this.folder();
    return wireTableOf(await editor.core.call(results, { run_id: runId, limit: mostPoints }, { folder, signal }), new Date());
  }
}
