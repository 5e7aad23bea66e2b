/** Commands on runs: choosing one, asking its cluster, cancelling, finishing an interrupted submission. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import type { RunSummary } from '../../../operations/schemas.ts';
import { withProgress } from '../cancellation.ts';
import { showDocument } from '../documents/textDocuments.ts';
import type { Editor } from '../editor.ts';
import { pickOne } from '../quickInput.ts';
import { runIdOf, selectedSubjects, subjectOf } from '../subjects.ts';
import { isOpen, runDescription, runIcon } from '../trees/runWords.ts';
import { runTooltip } from '../trees/runsTree.ts';

export interface ChosenRun {
  readonly folder: string;
  readonly run_id: string;
  readonly run: RunSummary | undefined;
}

/** The run that the command was called on, else one that the user picks. */
export async function chosenRun(editor: Editor, argument: unknown, title: string, filter?: (run: RunSummary) => boolean): Promise<ChosenRun | undefined> {
  const subject = subjectOf(argument);
  const runId = runIdOf(subject) ?? (typeof argument === 'string' ? argument : undefined);
  if (runId === undefined) {
    const picked = await pickRun(editor, title, filter);
    return picked && { folder: folderOf(editor, picked.run_id) ?? picked.experiment_dir, run_id: picked.run_id, run: picked };
  }
  if (!editor.runs.state.loaded) await editor.runs.refresh(false);
  const folder = subject && 'folder' in subject ? subject.folder : folderOf(editor, runId);
  const run = editor.runs.find(runId);
  const place = folder ?? run?.experiment_dir;
  return place === undefined ? undefined : { folder: place, run_id: runId, run };
}

function folderOf(editor: Editor, runId: string): string | undefined {
  return editor.runs.state.folders.find(({ runs }) => runs.some((run) => run.run_id === runId))?.folder;
}

export async function pickRun(editor: Editor, title: string, filter: (run: RunSummary) => boolean = () => true): Promise<RunSummary | undefined> {
  if (!editor.runs.state.loaded) await editor.runs.refresh(false);
  const runs = editor.runs.runs.filter(filter);
  if (runs.length === 0) {
    void vscode.window.showInformationMessage(editor.runs.runs.length === 0 ? l10n.t('There are no runs in this workspace yet.') : l10n.t('There is no run for which this can be done.'));
    return undefined;
  }
  const now = new Date();
  const items = runs.map((run) => ({ label: `$(${runIcon(run).id}) ${run.run_name}`, description: run.run_id, detail: runDescription(run, now), run }));
  const answer = await pickOne({ title, placeholder: '', items });
  return answer.kind === 'accept' ? answer.value.run : undefined;
}

export async function refreshRuns(editor: Editor): Promise<void> {
  await vscode.window.withProgress({ location: { viewId: 'hpcAgent.runs' } }, async () => Promise.all([editor.runs.refresh(true), editor.clusters.refresh()]));
}

export async function cancelRun(editor: Editor, argument: unknown): Promise<void> {
  const chosen = await chosenRun(editor, argument, l10n.t('Run to cancel'), isOpen);
  if (!chosen) return;
  const subject = subjectOf(argument);
  await cancelSelection(editor, chosen.folder, { run_id: chosen.run_id, ...(subject?.kind === 'wave' ? { wave: subject.wave } : {}) }, subject?.kind === 'wave' ? l10n.t('Cancel wave') : l10n.t('Cancel run'));
}

export async function cancelTasks(editor: Editor, argument: unknown, selected: unknown): Promise<void> {
  const subjects = selectedSubjects(argument, selected);
  const byRun = new Map<string, { readonly folder: string; readonly ids: Set<number> }>();
  // A way to fail: its tasks have ended, those that are tried again or held because of it have not.
  const group = subjects.find((subject) => subject.kind === 'task' && subject.failure !== undefined);
  if (group?.kind === 'task' && group.failure !== undefined) return cancelSelection(editor, group.folder, { run_id: group.runId, failure: group.failure }, l10n.t('Cancel what is tried again'));
  for (const subject of subjects) {
    if (subject.kind !== 'task' && subject.kind !== 'tasks') continue;
    const entry = byRun.get(subject.runId) ?? { folder: subject.folder, ids: new Set<number>() };
    for (const id of subject.kind === 'task' ? [subject.taskId] : subject.taskIds) entry.ids.add(id);
    byRun.set(subject.runId, entry);
  }
  if (byRun.size === 0) {
    const chosen = await chosenRun(editor, argument, l10n.t('Run whose tasks are cancelled'), isOpen);
    const ids = chosen && (await askTaskIds(chosen.run?.total_tasks));
    if (chosen && ids) byRun.set(chosen.run_id, { folder: chosen.folder, ids: new Set(ids) });
  }
  for (const [runId, { folder, ids }] of byRun) {
    await cancelSelection(editor, folder, { run_id: runId, task_ids: [...ids].sort((a, b) => a - b) }, l10n.t('{0, plural, one {Cancel task} other {Cancel # tasks}}', ids.size));
  }
}

async function cancelSelection(editor: Editor, folder: string, input: { run_id: string; task_ids?: number[]; wave?: number; failure?: string }, verb: string): Promise<void> {
  const { cancel } = await import('../../../operations/cancel.ts');
  const sentence = await editor.core.confirmation(cancel, input, { folder });
  const go: vscode.MessageItem = { title: verb };
  const keep: vscode.MessageItem = { title: l10n.t('Keep'), isCloseAffordance: true };
  if ((await vscode.window.showWarningMessage(sentence ?? l10n.t('{0}?', verb), { modal: true }, go, keep)) !== go) return;
  const answer = await withProgress(verb, (signal, progress) => editor.core.call(cancel, input, { folder, signal, progress }));
  const asked = l10n.t('{0, plural, one {# task was} other {# tasks were}} asked to end on {1}.', answer.cancelled_tasks, answer.cluster);
  void vscode.window.showInformationMessage(answer.already_ended > 0 ? `${asked} ${l10n.t('{0} had ended already.', answer.already_ended)}` : asked);
  await editor.runs.refreshQuietly(true);
}

/** `3,7,10-20` as numbers; undefined: the user left. */
async function askTaskIds(total: number | undefined): Promise<readonly number[] | undefined> {
  const parse = (text: string): readonly number[] | undefined => {
    const ids: number[] = [];
    for (const part of text.split(',')) {
      const match = /^\s*(\d{1,9})(?:\s*-\s*(\d{1,9}))?\s*$/.exec(part);
      const first = Number(match?.[1]);
      const last = Number(match?.[2] ?? match?.[1]);
      if (!match || last < first || last - first > 1_000_000 || (total !== undefined && last >= total)) return undefined;
      for (let id = first; id <= last; id += 1) ids.push(id);
    }
    return ids;
  };
  const text = await vscode.window.showInputBox({
    title: l10n.t('Tasks to cancel'),
    prompt: total === undefined ? l10n.t('For example 3,7,10-20') : l10n.t('From 0 to {0}, for example 3,7,10-20', String(total - 1)),
    validateInput: (value) => (parse(value) ? undefined : total === undefined ? l10n.t('Write numbers and ranges, separated by commas: 3,7,10-20') : l10n.t('Write numbers and ranges from 0 to {0}, separated by commas: 3,7,10-20', String(total - 1))),
  });
  return text === undefined ? undefined : parse(text);
}

/** For a submission whose reply was lost: finds what the cluster has, then offers to submit what is missing. */
export async function resumeSubmission(editor: Editor, argument: unknown): Promise<void> {
  const chosen = await chosenRun(editor, argument, l10n.t('Interrupted submission'), (run) => run.lifecycle_state === 'unknown' || run.lifecycle_state === 'submitting');
  if (!chosen) return;
  const { folder, run_id } = chosen;
  const { reconcile } = await import('../../../operations/reconcile.ts');
  const found = await withProgress(l10n.t('Looking for the submission'), (signal, progress) => editor.core.call(reconcile, { run_id }, { folder, signal, progress }));
  await editor.runs.refreshQuietly(false);
  const missing = found.found_jobs.filter(({ job_id }) => job_id === null).length;
  if (missing === 0) {
    void vscode.window.showInformationMessage(l10n.t('{0, plural, one {Nothing is missing: the job of {1} is on {2}.} other {Nothing is missing: all # jobs of {1} are on {2}.}}', found.found_jobs.length, found.run.run_name, found.run.cluster));
    return;
  }
  const { submit } = await import('../../../operations/submit.ts');
  const go: vscode.MessageItem = { title: l10n.t('Submit what is missing') };
  const sentence = await editor.core.confirmation(submit, { resume: run_id }, { folder });
  const answer = await vscode.window.showWarningMessage(l10n.t('{0, plural, one {# of {1} jobs of {2} is not on {3}.} other {# of {1} jobs of {2} are not on {3}.}}', missing, found.found_jobs.length, found.run.run_name, found.run.cluster), { modal: true, ...(sentence === undefined ? {} : { detail: sentence }) }, go);
  if (answer !== go) return;
  const outcome = await withProgress(l10n.t('Finishing the submission'), (signal, progress) => editor.core.call(submit, { resume: run_id }, { folder, signal, progress }));
  void vscode.window.showInformationMessage(outcome.headline);
  await editor.runs.refreshQuietly(true);
}

export async function showRunDetails(editor: Editor, argument: unknown): Promise<void> {
  const chosen = await chosenRun(editor, argument, l10n.t('Run to show'));
  if (!chosen?.run) return;
  await showDocument(`${chosen.run_id}/${chosen.run.run_name}.md`, runTooltip(chosen.run, new Date()).replaceAll(/\$\([a-z-]+\) /g, '').replace(/^\*\*(.*)\*\* — /, '# $1\n\n'), { language: 'markdown' });
}
