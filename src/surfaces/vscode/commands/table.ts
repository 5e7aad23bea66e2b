/** Every command of the manifest and what does it. Handlers that need more than a line live in their own file, loaded on first use. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { CancelledError } from '../../../foundation/abort.ts';
import { commandIds, type CommandHandler, type CommandTable } from '../commandIds.ts';
import { tellError, type Editor } from '../editor.ts';
import { runIdOf, subjectOf } from '../subjects.ts';
import { afterWalkthrough } from './afterWalkthrough.ts';
import type { TreeNode } from '../trees/node.ts';
import type { Forwards } from '../terminals/forwards.ts';
import type { LanguageHelp } from '../language/register.ts';
import type { Views } from '../views.ts';
import type { Dashboard } from '../dashboard/dashboard.ts';
import type { LogDocuments } from '../documents/logDocuments.ts';

export interface CommandParts {
  readonly editor: Editor;
  readonly views: Views;
  readonly logs: LogDocuments;
  readonly language: LanguageHelp;
  readonly forwards: Forwards;
  readonly dashboard: Dashboard;
}

export function commandTable({ editor, views, logs, language, forwards, dashboard }: CommandParts): CommandTable {
  const clusters = async () => import('./clusterCommands.ts');
  const runs = async () => import('./runCommands.ts');
  const sweep = async () => import('./sweepCommands.ts');
  const results = async () => import('./resultCommands.ts');
  const log = async () => import('./logCommands.ts');
  const terminals = async () => import('./terminalCommands.ts');
  const documents = async () => import('./runDocumentCommands.ts');
  const reservations = async () => import('./reservationCommands.ts');
  return {
    openDashboard: (argument) => dashboard.open(argument),
    addCluster: async () => (await clusters()).addCluster(editor),
    preflight: async (argument) => (await clusters()).preflightCluster(editor, argument),
    showClusterSettings: async (argument) => (await clusters()).showClusterSettings(editor, argument),
    openClustersFile: async (argument) => (await clusters()).openClustersFile(editor, argument),
    refreshClusters: () => editor.clusters.refresh(),
    discoverExecutors: async () => (await sweep()).discoverExecutors(editor),
    newSweep: async (argument) => (await sweep()).newSweep(editor, argument),
    plan: async (argument) => (await sweep()).planRun(editor, dashboard, argument),
    submitRun: async (argument) => (await sweep()).submitExisting(editor, argument),
    runCanary: async (argument) => (await import('./canaryCommand.ts')).runCanary(editor, argument),
    countTasks: async (argument) => (await import('./sweepCount.ts')).countTasks(language, argument),
    showJobScript: async (argument) => {
      const subject = subjectOf(argument);
      if (subject?.kind === 'run' || subject?.kind === 'wave') await (await documents()).showRunScript(editor, subject.folder, subject.runId);
      else await (await sweep()).showJobScript(editor, argument);
    },
    resumeSubmission: async (argument) => (await runs()).resumeSubmission(editor, argument),
    refresh: async () => (await runs()).refreshRuns(editor),
    filterRuns: async () => (await import('./arrangeCommands.ts')).filterRuns(views),
    clearRunsFilter: async () => {
      views.filterRuns('');
      // The button that was pressed is gone.
      await vscode.commands.executeCommand('hpcAgent.runs.focus');
    },
    groupRuns: async () => (await import('./arrangeCommands.ts')).groupRuns(views),
    cancelRun: async (argument) => (await runs()).cancelRun(editor, argument),
    cancelTasks: async (argument, selected) => (await runs()).cancelTasks(editor, argument, selected),
    resubmit: async (argument) => (await import('./resubmitCommand.ts')).resubmitFailed(editor, argument),
    aggregate: async (argument) => (await results()).aggregateRun(editor, argument),
    reduceRun: async (argument) => (await import('./reduceCommand.ts')).reduceRun(editor, argument),
    exploreResults: async (argument) => (await results()).exploreResults(editor, dashboard, argument),
    openResults: async (argument) => (await results()).openResults(editor, argument),
    openResultsCsv: async (argument) => (await results()).openResultsFile(editor, argument, 'open'),
    revealResultsFile: async (argument) => (await results()).openResultsFile(editor, argument, 'reveal'),
    showRunDetails: async (argument) => (await runs()).showRunDetails(editor, argument),
    showLog: async (argument) => (await log()).showLog(editor, logs, argument),
    showStdout: async (argument) => (await log()).showLog(editor, logs, argument, 'stdout'),
    showStderr: async (argument) => (await log()).showLog(editor, logs, argument, 'stderr'),
    toggleFollowLog: () => logs.toggleFollow(),
    showEarlierLog: () => logs.showEarlier(),
    showLogError: () => logs.showError(),
    bookReservation: async () => (await reservations()).bookReservation(editor),
    attachReservation: async (argument) => {
      const { openTerminal, reservationTerminal } = await terminals();
      await openTerminal(reservationTerminal(editor, argument));
    },
    openClusterTerminal: async (argument) => {
      const { clusterTerminal, openTerminal } = await terminals();
      await openTerminal(clusterTerminal(editor, argument));
    },
    openNotebook: async (argument) => (await terminals()).openNotebook(editor, forwards, argument),
    forwardPort: async (argument) => (await terminals()).forwardPort(editor, forwards, argument),
    showForwards: async () => (await terminals()).showForwards(forwards),
    showSidecar: async (argument) => (await documents()).showSidecar(editor, argument),
    showParameters: async (argument) => (await documents()).showParameters(editor, argument),
    compareRunFiles: async (argument, selected) => (await documents()).compareRuns(editor, argument, selected),
    refreshReservation: async (argument) => (await reservations()).refreshReservation(editor, argument),
    releaseReservation: async (argument) => (await reservations()).releaseReservation(editor, argument),
    refreshReservations: async () => (await reservations()).refreshReservations(editor),
    copyRunId: async (argument) => {
      const runId = runIdOf(subjectOf(argument)) ?? (await (await runs()).pickRun(editor, l10n.t('Run whose id is copied')))?.run_id;
      if (runId !== undefined) await vscode.env.clipboard.writeText(runId);
    },
    copyRemotePath: async (argument) => {
      const runId = runIdOf(subjectOf(argument));
      const run = runId === undefined ? await (await runs()).pickRun(editor, l10n.t('Run whose folder on the cluster is copied')) : editor.runs.find(runId);
      if (run) await vscode.env.clipboard.writeText(run.remote_path);
    },
    showOutput: () => editor.channel.show(),
    trySample: async () => (await import('./sampleCommand.ts')).trySample(editor),
    getStarted: () => editor.milestones.show(editor.context.extension.id),
    showMoreTasks: (argument) => views.showMore(argument as TreeNode),
    showVersion: () => String((editor.context.extension.packageJSON as { version: unknown }).version),
  };
}

export function registerCommands(parts: CommandParts): vscode.Disposable {
  const table = commandTable(parts);
  return vscode.Disposable.from(...commandIds.map((name) => vscode.commands.registerCommand(`hpc-agent.${name}`, guarded(parts.editor, afterWalkthrough(onSelection(parts.views, table[name]))))));
}

/** A key is pressed on whatever is selected: the editor says nothing about it, so the manifest names the view. */
function onSelection(views: Views, handler: CommandHandler): CommandHandler {
  return (argument, selected) => {
    if (typeof argument !== 'object' || argument === null || !('selectedIn' in argument) || typeof argument.selectedIn !== 'string') return handler(argument, selected);
    const rows = views.selection(argument.selectedIn);
    return handler(rows[0], rows);
  };
}

/** A failure is told once, here; the command itself then ends as if it had been left. */
function guarded(editor: Editor, handler: CommandHandler): CommandHandler {
  const run = async (argument?: unknown, selected?: unknown): Promise<unknown> => {
    try {
      return await handler(argument, selected);
    } catch (error) {
      if (!CancelledError.is(error)) void tellError(editor, error, { retry: async () => void (await run(argument, selected)) });
      return undefined;
    }
  };
  return run;
}
