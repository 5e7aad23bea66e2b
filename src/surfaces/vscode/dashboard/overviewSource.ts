/**
 * What the Overview shows: the stores of the trees, so that both say the same, with what is free on the clusters that are connected.
 *
 * Rule: looking connects to nothing. A cluster is asked by itself only where there is a connection already, at most once a minute.
 */
import { CancelledError } from '../../../foundation/abort.ts';
import { messageOf } from '../../../foundation/errors.ts';
import type { RunSummary } from '../../../operations/schemas.ts';
import type { ClusterShape } from '../../../../webview/protocol/overview.ts';
import { heardOf, isOpen } from '../trees/runWords.ts';
import { clusterShapeOf, freeOf, overviewReservationOf, overviewRunOf, type RunFigures } from './overviewShapes.ts';
import type { OpenSource, SourceContext, ViewSource } from './viewSource.ts';

const askEveryMs = 60_000;
const endedShown = 6;

export const overviewSource: ViewSource<'overview'> = {
  open: (context) => new OverviewFeed(context),
};

class OverviewFeed implements OpenSource<'overview'> {
  private readonly context: SourceContext<'overview'>;
  private readonly owned: readonly { dispose(): void }[];
  private readonly timer: NodeJS.Timeout;
  private readonly free = new Map<string, NonNullable<ClusterShape['free']>>();
  private readonly problems = new Map<string, string>();
  private readonly asking = new Set<string>();
  private readonly figures = new Map<string, RunFigures & { readonly of: string }>();
  private figuring = false;

  readonly requests: OpenSource<'overview'>['requests'] = {
    ask: async ({ cluster }) => {
      await this.ask(cluster);
      await this.context.editor.clusters.refresh();
      return {};
    },
    refresh: async (_input, signal) => {
      const { editor } = this.context;
      await Promise.all([editor.runs.refresh(true, signal), editor.clusters.refresh(), editor.reservations.refresh(true)]);
      await this.askConnected();
      return {};
    },
  };

  constructor(context: SourceContext<'overview'>) {
    this.context = context;
    const { runs, clusters, reservations } = context.editor;
    context.title('');
    this.owned = [
      runs.onDidChange(() => {
        this.show();
        void this.addUp();
      }),
      clusters.onDidChange(() => this.show()),
      reservations.onDidChange(() => this.show()),
    ];
    this.timer = setInterval(() => void this.askConnected(), askEveryMs);
    this.timer.unref();
    this.show();
    void this.begin();
  }

  dispose(): void {
    clearInterval(this.timer);
    for (const item of this.owned) item.dispose();
  }

  private async begin(): Promise<void> {
    const { runs, clusters, reservations } = this.context.editor;
    await Promise.all([runs.state.loaded ? undefined : runs.refreshQuietly(false), clusters.refresh(), reservations.refresh(false)]);
    await Promise.all([this.addUp(), this.askConnected()]);
  }

  private async askConnected(): Promise<void> {
    const ready = this.context.editor.clusters.rows.filter(({ connection, state }) => connection === 'local' || state === 'connected');
    await Promise.all(ready.map(({ name }) => this.ask(name)));
  }

  private async ask(cluster: string): Promise<void> {
    if (this.asking.has(cluster) || this.context.signal.aborted) return;
    this.asking.add(cluster);
    this.show();
    try {
      const { resources } = await import('../../../operations/resources.ts');
      const [folder = this.context.editor.context.globalStorageUri.fsPath] = this.context.editor.runs.state.folders.map((its) => its.folder);
      this.free.set(cluster, freeOf(await this.context.editor.core.call(resources, { cluster }, { folder, signal: this.context.signal })));
      this.problems.delete(cluster);
    } catch (error) {
      if (CancelledError.is(error)) return;
      this.problems.set(cluster, messageOf(error));
    } finally {
      this.asking.delete(cluster);
      this.show();
    }
  }

  /** ETA and cost of the runs in flight, again only after something new was heard of them. */
  private async addUp(): Promise<void> {
    if (this.figuring) return;
    this.figuring = true;
    try {
      const { status } = await import('../../../operations/status.ts');
      const { editor, signal } = this.context;
      for (const { folder, runs } of editor.runs.state.folders) {
        for (const run of runs) {
          const of = JSON.stringify([run.observed_at, run.counts]);
          if (this.figures.get(run.run_id)?.of === of || !this.isShown(run.run_id)) continue;
          const { eta_s, eta_spread_s, cost } = await editor.core.call(status, { run_id: run.run_id, refresh: false }, { folder, signal });
          this.figures.set(run.run_id, { eta_s, eta_spread_s, cost, of });
          this.show();
        }
      }
    } catch (error) {
      if (!CancelledError.is(error)) this.context.editor.log.warn(`What runs cost could not be added up: ${messageOf(error)}`);
    } finally {
      this.figuring = false;
    }
  }

  private shown(): { readonly runs: readonly RunSummary[]; readonly ended: number } {
    const all = [...this.context.editor.runs.runs].sort((a, b) => Date.parse(b.submitted_at) - Date.parse(a.submitted_at));
    const ended = all.filter((run) => !isOpen(run));
    return { runs: [...all.filter(isOpen), ...ended.slice(0, endedShown)], ended: ended.length };
  }

  private isShown(runId: string): boolean {
    return this.shown().runs.some(({ run_id }) => run_id === runId);
  }

  private show(): void {
    const { runs, clusters, reservations } = this.context.editor;
    const { runs: shown, ended } = this.shown();
    const heard = heardOf(runs.runs);
    this.context.publish({
      loaded: runs.state.loaded,
      failure: runs.state.failure ?? null,
      clusters: clusters.rows.map((row) => clusterShapeOf(row, this.free.get(row.name), this.asking.has(row.name), this.problems.get(row.name) ?? runs.state.problems.get(row.name), heard.get(row.name))),
      clusterProblems: [...clusters.problems.map(({ file, line, message }) => `${file}${line === null ? '' : `:${line}`}: ${message}`), ...(clusters.failure === undefined ? [] : [clusters.failure])],
      runs: shown.map((run) => overviewRunOf(run, this.figures.get(run.run_id))),
      ended,
      reservations: reservations.rows.map(overviewReservationOf),
    });
  }
}
