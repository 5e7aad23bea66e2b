/** What the Runs view shows, and under what. The tree follows while the filter is typed. */
import * as vscode from 'vscode';
import { groupings, type Grouping } from '../trees/runArrangement.ts';
import type { Views } from '../views.ts';

export async function filterRuns(views: Views): Promise<void> {
  const before = views.arrangement.filter;
  const box = vscode.window.createInputBox();
  box.title = 'Filter runs';
  box.prompt = 'Name, cluster, script, state or job id. Several words must all be there; empty shows all.';
  box.placeholder = 'for example: failed hoffman2';
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
    none: { label: 'No groups', description: 'the newest first' },
    state: { label: 'By state', description: 'what needs attention first' },
    cluster: { label: 'By cluster', description: '' },
    sweep: { label: 'By sweep', description: 'runs of one name together' },
  };
  // A check mark alone is not heard.
  const items = groupings.map((grouping) => ({ ...words[grouping], grouping, ...(grouping === views.arrangement.grouping ? { iconPath: new vscode.ThemeIcon('check'), description: [words[grouping].description, 'shown now'].filter((part) => part !== '').join(' · ') } : {}) }));
  const chosen = await vscode.window.showQuickPick(items, { title: 'Group runs' });
  if (chosen) await views.groupRuns(chosen.grouping);
}
