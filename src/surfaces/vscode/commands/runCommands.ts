/** Commands on runs: choosing one, asking its cluster, cancelling, finishing an interrupted submission. */
import * as vscode from 'vscode';
import type { RunSummary } from '../../../operations/schemas.ts';
import { withProgress } from '../cancellation.ts';
import { showDocument } from '../documents/textDocuments.ts';
import type { Editor } from '../editor.ts';
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
    void vscode.window.showInformationMessage(editor.runs.runs.length === 0 ? 'There are no runs in this workspace yet.' : 'There is no run for which this can be done.');
    return undefined;
  }
  const now = new Date();
  const items = runs.map((run) => ({ label: `$(${runIcon(run).id}) ${run.run_name}`, description: run.run_id, detail: runDescription(run, now), run }));
  return (await vscode.window.showQuickPick(items, { title, matchOnDescription: true, matchOnDetail: true }))?.run;
}

export async function refreshRuns(editor: Editor): Promise<void> {
  await vscode.window.withProgress({ location: { viewId: 'hpcAgent.runs' } }, async () => Promise.all([editor.runs.refresh(true), editor.clusters.refresh()]));
}

export async function cancelRun(editor: Editor, argument: unknown): Promise<void> {
  const chosen = await chosenRun(editor, argument, 'Run to cancel', isOpen);
  if (!chosen) return;
  const subject = subjectOf(argument);
  await cancelSelection(editor, chosen.folder, { run_id: chosen.run_id, ...(subject?.kind === 'wave' ? { wave: subject.wave } : {}) }, subject?.kind === 'wave' ? 'Cancel wave' : 'Cancel run');
}

export async function cancelTasks(editor: Editor, argument: unknown, selected: unknown): Promise<void> {
  const subjects = selectedSubjects(argument, selected);
  const byRun = new Map<string, { readonly folder: string; readonly ids: Set<number> }>();
  // A way to fail: its tasks have ended, those that are tried again or held because of it have not.
  const group = subjects.find((subject) => subject.kind === 'task' && subject.failure !== undefined);
  if (group?.kind === 'task' && group.failure !== undefined) return cancelSelection(editor, group.folder, { run_id: group.runId, failure: group.failure }, 'Cancel what is tried again');
  for (const subject of subjects) {
    if (subject.kind !== 'task' && subject.kind !== 'tasks') continue;
    const entry = byRun.get(subject.runId) ?? { folder: subject.folder, ids: new Set<number>() };
    for (const id of subject.kind === 'task' ? [subject.taskId] : subject.taskIds) entry.ids.add(id);
    byRun.set(subject.runId, entry);
  }
  if (byRun.size === 0) {
    const chosen = await chosenRun(editor, argument, 'Run whose tasks are cancelled', isOpen);
    const ids = chosen && (await askTaskIds(chosen.run?.total_tasks));
    if (chosen && ids) byRun.set(chosen.run_id, { folder: chosen.folder, ids: new Set(ids) });
  }
  for (const [runId, { folder, ids }] of byRun) {
    await cancelSelection(editor, folder, { run_id: runId, task_ids: [...ids].sort((a, b) => a - b) }, ids.size === 1 ? 'Cancel task' : `Cancel ${ids.size} tasks`);
  }
}

async function cancelSelection(editor: Editor, folder: string, input: { run_id: string; task_ids?: number[]; wave?: number; failure?: string }, verb: string): Promise<void> {
  const { cancel } = await import('../../../operations/cancel.ts');
  const sentence = await editor.core.confirmation(cancel, input, { folder });
  const go: vscode.MessageItem = { title: verb };
  const keep: vscode.MessageItem = { title: 'Keep', isCloseAffordance: true };
  if ((await vscode.window.showWarningMessage(sentence ?? `${verb}?`, { modal: true }, go, keep)) !== go) return;
  const answer = await withProgress(verb, (signal, progress) => editor.core.call(cancel, input, { folder, signal, progress }));
  const ended = answer.already_ended > 0 ? ` ${answer.already_ended} had ended already.` : '';
  void vscode.window.showInformationMessage(`${answer.cancelled_tasks} ${answer.cancelled_tasks === 1 ? 'task was' : 'tasks were'} asked to end on ${answer.cluster}.${ended}`);
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
    title: 'Tasks to cancel',
    prompt: total === undefined ? 'For example 3,7,10-20' : `From 0 to ${total - 1}, for example 3,7,10-20`,
    validateInput: (value) => (parse(value) ? undefined : `Write numbers and ranges${total === undefined ? '' : ` from 0 to ${total - 1}`}, separated by commas: 3,7,10-20`),
  });
  return text === undefined ? undefined : parse(text);
}

/** For a submission whose reply was lost: finds what the cluster has, then offers to submit what is missing. */
export async function resumeSubmission(editor: Editor, argument: unknown): Promise<void> {
  const chosen = await chosenRun(editor, argument, 'Interrupted submission', (run) => run.lifecycle_state === 'unknown' || run.lifecycle_state === 'submitting');
  if (!chosen) return;
  const { folder, run_id } = chosen;
  const { reconcile } = await import('../../../operations/reconcile.ts');
  const found = await withProgress('Looking for the submission', (signal, progress) => editor.core.call(reconcile, { run_id }, { folder, signal, progress }));
  await editor.runs.refreshQuietly(false);
  const missing = found.found_jobs.filter(({ job_id }) => job_id === null).length;
  if (missing === 0) {
    void vscode.window.showInformationMessage(`Nothing is missing: all ${found.found_jobs.length} jobs of ${found.run.run_name} are on ${found.run.cluster}.`);
    return;
  }
  const { submit } = await import('../../../operations/submit.ts');
  const go: vscode.MessageItem = { title: 'Submit what is missing' };
  const sentence = await editor.core.confirmation(submit, { resume: run_id }, { folder });
  const answer = await vscode.window.showWarningMessage(`${missing} of ${found.found_jobs.length} jobs of ${found.run.run_name} are not on ${found.run.cluster}.`, { modal: true, ...(sentence === undefined ? {} : { detail: sentence }) }, go);
  if (answer !== go) return;
  const outcome = await withProgress('Finishing the submission', (signal, progress) => editor.core.call(submit, { resume: run_id }, { folder, signal, progress }));
  void vscode.window.showInformationMessage(outcome.headline);
  await editor.runs.refreshQuietly(true);
}

export async function showRunDetails(editor: Editor, argument: unknown): Promise<void> {
  const chosen = await chosenRun(editor, argument, 'Run to show');
  if (!chosen?.run) return;
  await showDocument(`${chosen.run_id}/run.md`, runTooltip(chosen.run, new Date()).replaceAll(/\$\([a-z-]+\) /g, ''), { language: 'markdown' });
}
