/** What the Runs view shows, and under what. The tree follows while the filter is typed. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { groupings, type Grouping } from '../trees/runArrangement.ts';
import type { Views } from '../views.ts';

export async function filterRuns(views: Views): Promise<void> {
  const before = views.arrangement.filter;
  const box = vscode.window.createInputBox();
  box.title = l10n.t('Filter runs');
  box.prompt = l10n.t('Name, cluster, script, state or job id. Several words must all be there; empty shows all.');
  box.placeholder = l10n.t('for example: failed hoffman2');
  box.value = before;
  await new Promise<void>((resolve) => {
    let isAccepted = false;
    box.onDidChangeValue((value) => views.filterRuns(value));
    box.onDidAccept(() => {
      isAccepted = true;
      box.hide();
    });
    box.onDidHide(() => {
      if (!isAccepted) views.filterRuns(before);
      box.dispose();
      resolve();
    });
    box.show();
  });
}

export async function groupRuns(views: Views): Promise<void> {
  const words: Readonly<Record<Grouping, { readonly label: string; readonly description: string }>> = {
    none: { label: l10n.t('No groups'), description: l10n.t('the newest first') },
    state: { label: l10n.t('By state'), description: l10n.t('what needs attention first') },
    cluster: { label: l10n.t('By cluster'), description: '' },
    sweep: { label: l10n.t('By sweep'), description: l10n.t('runs of one name together') },
  };
  // A check mark alone is not heard.
  const items = groupings.map((grouping) => ({ ...words[grouping], grouping, ...(grouping === views.arrangement.grouping ? { iconPath: new vscode.ThemeIcon('check'), description: [words[grouping].description, l10n.t('shown now')].filter((part) => part !== '').join(' · ') } : {}) }));
  const chosen = await vscode.window.showQuickPick(items, { title: l10n.t('Group runs') });
  if (chosen) await views.groupRuns(chosen.grouping);
}
