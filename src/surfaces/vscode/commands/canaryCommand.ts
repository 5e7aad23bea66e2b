/** One task first, then the rest: from a cluster and its resources to the one question that spends. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { withProgress } from '../cancellation.ts';
import { pickFolder, type Editor } from '../editor.ts';
import { clusterStep, resourcesStep } from '../sweep/clusterSteps.ts';
import { emptyDraft, runSpecOf } from '../sweep/draft.ts';
import { canaryWords } from '../sweep/canaryWords.ts';
import { runWizard } from '../sweep/wizard.ts';

export async function runCanary(editor: Editor, argument?: unknown): Promise<void> {
  const folder = typeof argument === 'string' ? argument : await pickFolder(argument);
  if (folder === undefined) return;
  const title = l10n.t('Run canary');
  const draft = await runWizard(emptyDraft, [clusterStep(editor, folder, title), resourcesStep(editor, title)]);
  if (!draft) return;
  const { submit } = await import('../../../operations/submit.ts');
  const input = { ...runSpecOf(draft), canary: true };
  const sentence = await withProgress(draft.cluster === undefined ? l10n.t('Planning') : l10n.t('Planning on {0}', draft.cluster), (signal, progress) => editor.core.confirmation(submit, input, { folder, signal, progress }));
  const go: vscode.MessageItem = { title: l10n.t('Run task 0 first') };
  if ((await vscode.window.showInformationMessage(sentence ?? title, { modal: true, detail: canaryWords() }, go)) !== go) return;
  try {
    const answer = await withProgress(draft.cluster === undefined ? l10n.t('Canary') : l10n.t('Canary on {0}', draft.cluster), (signal, progress) => editor.core.call(submit, input, { folder, signal, progress }));
    await editor.runs.refresh(false);
    await editor.revealRun(answer.run_id);
    void vscode.window.showInformationMessage(l10n.t('The canary passed. {0}', answer.headline));
  } finally {
    void editor.runs.refreshQuietly(true);
  }
}
