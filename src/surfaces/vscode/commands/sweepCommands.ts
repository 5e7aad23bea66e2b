/** From scripts to a submitted run: the New Sweep guide, and its second half for a tasks.py that is there. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import type { PlanOutput, RunSpec } from '../../../operations/schemas.ts';
import { withProgress } from '../cancellation.ts';
import type { Dashboard } from '../dashboard/dashboard.ts';
import { showDocument } from '../documents/textDocuments.ts';
import { pickFolder, type Editor } from '../editor.ts';
import { subjectOf } from '../subjects.ts';
import { clusterStep, rememberedResources, resourcesStep } from '../sweep/clusterSteps.ts';
import { buildInputOf, emptyDraft, pruned, restoreDraft, runSpecOf, type Executor, type SweepDraft } from '../sweep/draft.ts';
import { reviewStep, type Outcome } from '../sweep/reviewStep.ts';
import { chosenParameters, executorsStep, existingTasksStep, parametersStep, type SweepContext } from '../sweep/sweepSteps.ts';
import { runWizard } from '../sweep/wizard.ts';

async function discover(editor: Editor, folder: string): Promise<{ readonly executors: readonly Executor[]; readonly problems: readonly { path: string; message: string }[] }> {
  const operation = (await import('../../../operations/discover.ts')).discover;
  const found = await withProgress(l10n.t('Looking for scripts'), (signal, progress) => editor.core.call(operation, {}, { folder, signal, progress }));
  if (found.executors.length > 0) editor.milestones.reached('findScripts');
  return found;
}

export async function newSweep(editor: Editor, argument: unknown): Promise<void> {
  const folder = await pickFolder(argument);
  if (folder === undefined) return;
  const { executors, problems } = await discover(editor, folder);
  for (const { path, message } of problems) editor.log.warn(`${path}: ${message}`);
  if (executors.length === 0) {
    const sample = l10n.t('Try the sample');
    const answer = await vscode.window.showWarningMessage(l10n.t('No script that can be run as a task was found in {0}. A script is found by its command-line flags (argparse, click, typer) or its #SBATCH lines.', folder), sample, l10n.t('Show output'));
    if (answer === sample) await vscode.commands.executeCommand('hpc-agent.trySample');
    else if (answer !== undefined) editor.channel.show(true);
    return;
  }
  const key = `sweep:${folder}`;
  const context: SweepContext = { editor, folder, executors, ownText: undefined };
  const preset = typeof argument === 'string' ? [argument] : argument instanceof vscode.Uri ? [vscode.workspace.asRelativePath(argument, false)] : undefined;
  const remembered = pruned(restoreDraft(editor.context.workspaceState.get(key)), executors);
  const start: SweepDraft = preset ? pruned({ ...remembered, executors: preset }, executors) : remembered;
  const outcome: Outcome = {};
  const final = await runWizard(
    start,
    [
      executorsStep(context),
      parametersStep(context),
      existingTasksStep(context),
      clusterStep(editor, folder, l10n.t('New sweep')),
      resourcesStep(editor, l10n.t('New sweep')),
      reviewStep({ editor, folder, title: l10n.t('New sweep'), outcome, prepare: (draft, signal) => writeTasks(context, draft, signal) }),
    ],
    (draft) => void editor.context.workspaceState.update(key, draft),
  );
  if (final) await showOutcome(editor, outcome);
}

async function writeTasks(context: SweepContext, draft: SweepDraft, signal: AbortSignal): Promise<void> {
  if (draft.existing !== 'replace') return;
  const { buildTasksPy } = await import('../../../operations/buildTasksPy.ts');
  const input = { ...buildInputOf(draft, chosenParameters(context, draft)), overwrite: true };
  const proposed = await context.editor.core.call(buildTasksPy, { ...input, dry_run: true }, { folder: context.folder, signal });
  if (proposed.text === context.ownText) return;
  const written = await context.editor.core.call(buildTasksPy, input, { folder: context.folder, signal });
  context.ownText = written.text;
}

async function showOutcome(editor: Editor, { runId }: Outcome): Promise<void> {
  if (runId === undefined) return;
  await editor.runs.refresh(false);
  await editor.revealRun(runId);
  void editor.runs.refreshQuietly(true);
}

/** The second half of the guide, for the tasks.py that is there. */
export async function submitExisting(editor: Editor, argument: unknown): Promise<void> {
  const folder = await pickFolder(argument);
  if (folder === undefined) return;
  if (!(await hasTasks(folder))) {
    const start = l10n.t('New sweep…');
    if ((await vscode.window.showInformationMessage(l10n.t('There is no .hpc/tasks.py in this folder yet: it says what the tasks are.'), start)) === start) await newSweep(editor, undefined);
    return;
  }
  const outcome: Outcome = {};
  const title = l10n.t('Submit run');
  const final = await runWizard(initialDraft(editor, argument), [
    clusterStep(editor, folder, title),
    resourcesStep(editor, title),
    reviewStep({ editor, folder, title, outcome, prepare: () => Promise.resolve() }),
  ]);
  if (final) await showOutcome(editor, outcome);
}

function initialDraft(editor: Editor, argument: unknown): SweepDraft {
  const subject = subjectOf(argument);
  return subject?.kind === 'cluster' ? { ...emptyDraft, cluster: subject.name, resources: rememberedResources(editor, subject.name) } : emptyDraft;
}

async function hasTasks(folder: string): Promise<boolean> {
  try {
    await vscode.workspace.fs.stat(vscode.Uri.joinPath(vscode.Uri.file(folder), '.hpc', 'tasks.py'));
    return true;
  } catch {
    return false;
  }
}

async function planFor(editor: Editor, argument: unknown, title: string): Promise<PlanHandover | undefined> {
  const folder = await pickFolder(argument);
  if (folder === undefined) return undefined;
  const draft = await runWizard(initialDraft(editor, argument), [clusterStep(editor, folder, title)]);
  if (!draft) return undefined;
  const operation = (await import('../../../operations/plan.ts')).plan;
  const spec = runSpecOf(draft);
  return { folder, spec, plan: await withProgress(l10n.t('Planning on {0}', draft.cluster ?? ''), (signal, progress) => editor.core.call(operation, spec, { folder, signal, progress })) };
}

/** What the New Sweep guide hands over when its plan is to be seen drawn. */
export interface PlanHandover {
  readonly folder: string;
  readonly spec: RunSpec;
  readonly plan: PlanOutput;
}

const isHandover = (argument: unknown): argument is PlanHandover => typeof argument === 'object' && argument !== null && 'spec' in argument && 'plan' in argument && 'folder' in argument;

/** The plan drawn to scale, in the dashboard, with the buttons that submit it. */
export async function planRun(editor: Editor, dashboard: Dashboard, argument: unknown): Promise<void> {
  const planned = isHandover(argument) ? argument : await planFor(editor, argument, l10n.t('Plan'));
  if (!planned) return;
  const { rememberPlan } = await import('../dashboard/planSource.ts');
  rememberPlan(editor, planned.folder, planned.spec, planned.plan);
  editor.milestones.reached('choosePlace', 'describeSweep', 'plan');
  await dashboard.go({ view: 'plan', params: { spec: JSON.stringify(planned.spec), folder: planned.folder } });
}

export async function showJobScript(editor: Editor, argument: unknown): Promise<void> {
  const planned = await planFor(editor, argument, l10n.t('Job script'));
  if (planned) await showDocument(`plan/${planned.plan.run_name}.job.sh`, planned.plan.job_script, { language: 'shellscript' });
}

export async function discoverExecutors(editor: Editor): Promise<void> {
  const folder = await pickFolder();
  if (folder === undefined) return;
  const { executors, problems } = await discover(editor, folder);
  for (const { path, message } of problems) editor.log.warn(`${path}: ${message}`);
  if (executors.length === 0) return newSweep(editor, undefined);
  const open: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon('go-to-file'), tooltip: l10n.t('Open the script') };
  const items = executors.map((executor) => ({ label: executor.path, file: executor.file, description: executor.summary, detail: executor.flags.map(({ name }) => `--${name}`).join(' ') || l10n.t('no flags found'), buttons: [open] }));
  const { pickOne } = await import('../quickInput.ts');
  const answer = await pickOne({
    title: l10n.t('{0, plural, one {# script} other {# scripts}} can be run as tasks', executors.length),
    placeholder: l10n.t('Choose one to sweep its flags'),
    items,
    onButton: ({ file }) => void vscode.window.showTextDocument(vscode.Uri.joinPath(vscode.Uri.file(folder), file)),
  });
  if (answer.kind === 'accept') await newSweep(editor, answer.value.label);
}
