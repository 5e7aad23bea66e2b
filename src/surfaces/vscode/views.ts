/** The three trees of the activity bar, their badge and message, and the status bar: all drawn from the stores. */
import * as vscode from 'vscode';
import { l10n } from '../../../l10n/words.ts';
import { heardOf, isOpen } from './trees/runWords.ts';
import { fileMarks } from './trees/fileMarks.ts';
import { arrangedRunNodes, groupings, plainArrangement, type Grouping, type RunArrangement } from './trees/runArrangement.ts';
import { RunsDrag } from './trees/runsDrag.ts';
import { attentionBadge, statusBarText, taskNodes, taskQueryOf } from './trees/runsTree.ts';
import { failureGroupNodes, isFailuresNode } from './trees/failureNodes.ts';
import { isUsageNode, usageRows } from './trees/usageNodes.ts';
import { isDetailGroup } from './trees/clusterDetails.ts';
import { clusterNodes, isPartitionsNode } from './trees/clustersTree.ts';
import type { ClustersStore } from './trees/clustersStore.ts';
import { reservationNodes } from './trees/reservationsTree.ts';
import type { ReservationsStore } from './trees/reservationsStore.ts';
import type { TreeNode } from './trees/node.ts';
import type { RunsStore } from './trees/runsStore.ts';
import { NodeTreeProvider } from './trees/treeView.ts';

export interface Views extends vscode.Disposable {
  /** Folded unless it was asked for: what was submitted one after the other would fill the view. */
  revealRun(runId: string, unfold?: boolean): Promise<void>;
  showMore(node: TreeNode): void;
  /** The selected rows of the view that has the keyboard: runs, else clusters. */
  selection(view: string): readonly unknown[];
  /** Whether this run, or something of it, is what is selected in a tree that is seen. */
  isInView(runId: string): boolean;
  readonly arrangement: RunArrangement;
  filterRuns(filter: string): void;
  groupRuns(grouping: Grouping): Promise<void>;
}

const groupingKey = 'hpcAgent.runs.grouping';

export function createViews(runs: RunsStore, clusters: ClustersStore, reservations: ReservationsStore, memory: vscode.Memento): Views {
  const pages = new Map<string, number>();
  const loadTasks = async (node: TreeNode): Promise<readonly TreeNode[]> => {
    const { subject } = node;
    if (!('runId' in subject)) return [];
    const run = runs.find(subject.runId);
    if (isFailuresNode(node)) return run ? failureGroupNodes(node, await runs.whyFailed(subject.folder, run)) : [];
    if (isUsageNode(node)) return run ? usageRows(node, await runs.usage(subject.folder, run)) : [];
    const count = pages.get(node.id) ?? 1;
    const wanted = run && taskQueryOf(node, run, count);
    if (!wanted) return [];
    return taskNodes(node, await runs.tasks(subject.folder, subject.runId, wanted.query), wanted.total, count);
  };
  const runsProvider = new NodeTreeProvider(loadTasks);
  const runsView = vscode.window.createTreeView('hpcAgent.runs', { treeDataProvider: runsProvider, canSelectMany: true, showCollapseAll: true, dragAndDropController: new RunsDrag() });
  const kept = memory.get<unknown>(groupingKey);
  let arrangement: RunArrangement = { ...plainArrangement, grouping: groupings.find((name) => name === kept) ?? 'none' };
  const clustersProvider = new NodeTreeProvider((node) => (isPartitionsNode(node) || isDetailGroup(node) ? clusters.details(node) : Promise.resolve([])));
  const clustersView = vscode.window.createTreeView('hpcAgent.clusters', { treeDataProvider: clustersProvider });

  const reservationsProvider = new NodeTreeProvider(() => Promise.resolve([]));
  const reservationsView = vscode.window.createTreeView('hpcAgent.reservations', { treeDataProvider: reservationsProvider });

  let marks = fileMarks([], new Date());
  const marksChanged = new vscode.EventEmitter<vscode.Uri[]>();
  const decorations = vscode.window.registerFileDecorationProvider({
    onDidChangeFileDecorations: marksChanged.event,
    provideFileDecoration: (uri) => {
      const mark = uri.scheme === 'file' ? marks.get(uri.fsPath) : undefined;
      return mark && new vscode.FileDecoration(mark.badge, mark.tooltip, new vscode.ThemeColor(mark.color));
    },
  });

  const bar = vscode.window.createStatusBarItem('hpcAgent.status', vscode.StatusBarAlignment.Left, 10);
  bar.name = 'HPC Agent';
  bar.command = 'hpc-agent.openDashboard';

  const drawClusters = (): void => {
    clustersProvider.show(clusterNodes(clusters.rows, clusters.problems, clusters.reports, runs.state.problems, new Date(), heardOf(runs.runs)));
    void vscode.commands.executeCommand('setContext', 'hpcAgent.clustersLoaded', clusters.loaded);
    clustersView.message = clusters.failure;
  };
  const drawReservations = (): void => {
    reservationsProvider.show(reservationNodes(reservations.rows, reservations.problems, new Date()));
    reservationsView.message = reservations.failure;
  };
  const drawRuns = (): void => {
    const now = new Date();
    const rows = arrangedRunNodes(runs.state.folders, arrangement, now);
    runsProvider.show(rows);
    runsView.description = arrangement.filter === '' ? undefined : l10n.t('filter: {0}', arrangement.filter);
    runsView.badge = attentionBadge(runs.runs);
    const before = marks;
    marks = fileMarks(runs.state.folders, now);
    const changed = [...new Set([...before.keys(), ...marks.keys()])].filter((file) => before.get(file)?.badge !== marks.get(file)?.badge || before.get(file)?.tooltip !== marks.get(file)?.tooltip);
    if (changed.length > 0) marksChanged.fire(changed.map((file) => vscode.Uri.file(file)));
    const notes = [...runs.state.problems].map(([cluster, why]) => l10n.t('{0} could not be asked: {1}', cluster, why));
    if (runs.runs.length > 0 && !vscode.workspace.isTrusted) notes.unshift(l10n.t('This folder is not trusted: what is on record is shown, and no cluster is asked.'));
    runsView.message = runs.state.failure !== undefined ? l10n.t('The runs could not be read: {0}', runs.state.failure) : notes.length > 0 ? notes.join('\n') : undefined;
    const summary = statusBarText(runs.runs, now);
    if (summary) {
      bar.text = summary.text;
      bar.tooltip = new vscode.MarkdownString(summary.tooltip, true);
      bar.accessibilityInformation = { label: `HPC Agent: ${summary.text.replace(/^\$\([^)]*\) /, '')}` };
      bar.show();
    } else bar.hide();
    void vscode.commands.executeCommand('setContext', 'hpcAgent.runsFiltered', arrangement.filter !== '');
    void vscode.commands.executeCommand('setContext', 'hpcAgent.hasRuns', runs.runs.length > 0);
    void vscode.commands.executeCommand('setContext', 'hpcAgent.loaded', runs.state.loaded);
    void vscode.commands.executeCommand('setContext', 'hpcAgent.openRuns', runs.runs.some(isOpen));
    drawClusters();
  };

  let runsInSight: vscode.Disposable | undefined;
  const runsSeen = (visible: boolean): void => {
    if (visible) runsInSight ??= runs.look();
    else {
      runsInSight?.dispose();
      runsInSight = undefined;
    }
  };

  const subscriptions = [
    runsProvider,
    clustersProvider,
    runsView,
    clustersView,
    reservationsProvider,
    reservationsView,
    decorations,
    marksChanged,
    bar,
    runs.onDidChange(drawRuns),
    reservations.onDidChange(drawReservations),
    reservationsView.onDidChangeVisibility(({ visible }) => reservations.setVisible(visible)),
    clusters.onDidChange(drawClusters),
    runsView.onDidChangeVisibility(({ visible }) => runsSeen(visible)),
    new vscode.Disposable(() => runsSeen(false)),
    clustersView.onDidChangeVisibility(({ visible }) => {
      if (visible) void clusters.refresh();
    }),
    vscode.window.onDidChangeWindowState(() => runs.paceChanged()),
  ];
  if (runsView.visible) runsSeen(true);
  if (clustersView.visible) void clusters.refresh();
  if (reservationsView.visible) reservations.setVisible(true);

  return {
    async revealRun(runId, unfold = false) {
      await vscode.commands.executeCommand('hpcAgent.runs.focus');
      if (arrangement.filter !== '' && !runsProvider.find(`run:${runId}`)) {
        // What is asked for is shown, whatever was filtered.
        arrangement = { ...arrangement, filter: '' };
        drawRuns();
      }
      const element = runsProvider.find(`run:${runId}`);
      if (element) await runsView.reveal(element, { select: true, focus: true, expand: unfold });
    },
    selection: (view) => (view === 'hpcAgent.clusters' ? clustersView : view === 'hpcAgent.reservations' ? reservationsView : runsView).selection,
    isInView: (runId) => runsView.visible && runsView.selection.some(({ node: { subject } }) => 'runId' in subject && subject.runId === runId),
    get arrangement() {
      return arrangement;
    },
    filterRuns(filter) {
      arrangement = { ...arrangement, filter: filter.trim() };
      drawRuns();
    },
    async groupRuns(grouping) {
      arrangement = { ...arrangement, grouping };
      drawRuns();
      await memory.update(groupingKey, grouping);
    },
    showMore(node) {
      const group = node.id.replace(/\/more$/, '');
      pages.set(group, (pages.get(group) ?? 1) + 1);
      runsProvider.reload(group);
    },
    dispose: () => void vscode.Disposable.from(...subscriptions).dispose(),
  };
}
