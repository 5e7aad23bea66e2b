/** Wires the VS Code side together, nothing else: whatever is not needed at the start is loaded on first use. */
import * as vscode from 'vscode';
import { setWords } from '../l10n/words.ts';
import { registerParticipant } from './surfaces/vscode/chat/participant.ts';
import { registerCommands } from './surfaces/vscode/commands/table.ts';
import { Core } from './surfaces/vscode/core.ts';
import { createDashboard } from './surfaces/vscode/dashboard/dashboard.ts';
import { LogDocuments } from './surfaces/vscode/documents/logDocuments.ts';
import { registerLogFeatures } from './surfaces/vscode/documents/logFeatures.ts';
import { registerTextDocuments } from './surfaces/vscode/documents/textDocuments.ts';
import { workspaceFolders, type Editor } from './surfaces/vscode/editor.ts';
import { createChannelLog, createEditorHost, userClustersFile } from './surfaces/vscode/host.ts';
import { registerLanguageHelp } from './surfaces/vscode/language/register.ts';
import { registerTools } from './surfaces/vscode/languageModelTools.ts';
import { Milestones } from './surfaces/vscode/milestones.ts';
import { ReservationNotifier } from './surfaces/vscode/notices/reservationNotifier.ts';
import { RunNotifier } from './surfaces/vscode/notices/runNotifier.ts';
import { Forwards } from './surfaces/vscode/terminals/forwards.ts';
import { registerTasksAndTerminals } from './surfaces/vscode/terminals/register.ts';
import { ClustersStore } from './surfaces/vscode/trees/clustersStore.ts';
import { ReservationsStore } from './surfaces/vscode/trees/reservationsStore.ts';
import { RunsStore } from './surfaces/vscode/trees/runsStore.ts';
import { createViews } from './surfaces/vscode/views.ts';
import { watchWorkspace } from './surfaces/vscode/watchWorkspace.ts';

export function activate(context: vscode.ExtensionContext): void {
  const started = performance.now();
  const { bundle } = vscode.l10n;
  // Without a bundle the sentences are English, and so are their numbers.
  setWords(bundle ?? {}, bundle === undefined ? 'en' : vscode.env.language);
  const channel = vscode.window.createOutputChannel('HPC Agent', { log: true });
  const log = createChannelLog(channel);
  const core = new Core(createEditorHost(context, log, () => void clusters.refresh()));
  const runs = new RunsStore(core, log.child('runs'), workspaceFolders);
  const clusters = new ClustersStore(core, log.child('clusters'), () => (workspaceFolders().length > 0 ? workspaceFolders() : [context.globalStorageUri.fsPath]));
  const reservations = new ReservationsStore(core, log.child('reservations'), () => workspaceFolders()[0] ?? context.globalStorageUri.fsPath);
  const views = createViews(runs, clusters, reservations, context.workspaceState);
  const logs = new LogDocuments(core);
  const language = registerLanguageHelp(core);
  const forwards = new Forwards();
  const editor: Editor = { context, core, log, channel, runs, clusters, reservations, milestones: new Milestones(), revealRun: (runId) => views.revealRun(runId) };
  const dashboard = createDashboard(editor);
  const { milestones } = editor;
  if (workspaceFolders().length > 0) milestones.reached('openFolder');
  context.subscriptions.push(
    channel,
    core,
    runs,
    clusters,
    reservations,
    views,
    logs,
    language,
    forwards,
    registerTasksAndTerminals(editor),
    dashboard,
    registerLogFeatures(logs),
    registerTextDocuments(),
    registerCommands({ editor, views, logs, language, forwards, dashboard }),
    registerTools(editor),
    registerParticipant(editor),
    new RunNotifier({ core, log: log.child('notices'), runs, isInView: (runId) => views.isInView(runId) || dashboard.shows(runId), revealRun: (runId) => views.revealRun(runId, true) }),
    new ReservationNotifier({ core, log: log.child('notices'), reservations, folder: () => workspaceFolders()[0] ?? context.globalStorageUri.fsPath }),
    watchWorkspace(runs, clusters, userClustersFile()),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('hpcAgent.refreshIntervalSeconds')) runs.paceChanged();
    }),
    // Whoever has a run has been there before.
    runs.onDidChange(() => {
      if (runs.runs.length > 0) milestones.reached('findScripts', 'choosePlace', 'describeSweep', 'plan', 'submit');
    }),
  );
  reservations.watch();
  log.info(`Activated in ${(performance.now() - started).toFixed(1)} ms`);
}

export function deactivate(): void {
  // Everything is owned by the context's subscriptions.
}
