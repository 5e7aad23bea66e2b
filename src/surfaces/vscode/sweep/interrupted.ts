/** What is said where a submission was stopped on its way: never that nothing was submitted, for part of it may have been. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';

export const interruptedWords = (): string => l10n.t('The submission was interrupted. Whatever reached the cluster is on record; nothing is submitted twice.');

export async function offerToFinish(): Promise<void> {
  const finish = l10n.t('Finish submission…');
  if ((await vscode.window.showWarningMessage(interruptedWords(), finish)) === finish) await vscode.commands.executeCommand('hpc-agent.resumeSubmission');
}
