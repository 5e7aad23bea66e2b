/** The door to the dashboard. Everything behind it is loaded when it is first opened, or when VS Code gives a panel back. */
import * as vscode from 'vscode';
import type { Route } from '../../../../webview/protocol.ts';
import type { Editor } from '../editor.ts';
import { runIdOf, subjectOf } from '../subjects.ts';
import type { DashboardPanel } from './dashboardPanel.ts';

/** As dashboardPanel.ts has it; said here too because that file is not loaded at the start. */
const panelType = 'hpcAgent.dashboard';

export interface Dashboard extends vscode.Disposable {
  /** Opens it, or brings it to the front; with a run (a row, a subject, or `newest`) at that run. */
  open(argument?: unknown): Promise<void>;
  go(route: Route | undefined): Promise<void>;
  /** Whether somebody sees this run in it now. */
  shows(runId: string): boolean;
}

export function createDashboard(editor: Editor): Dashboard {
  let panel: DashboardPanel | undefined;
  const create = async (route: Route | null, given?: vscode.WebviewPanel): Promise<DashboardPanel> => {
    const { DashboardPanel: Panel } = await import('./dashboardPanel.ts');
    panel?.close();
    const made: DashboardPanel = new Panel(editor, route, () => {
      if (panel === made) panel = undefined;
    }, given);
    panel = made;
    return made;
  };
  const go = async (route: Route | undefined): Promise<void> => {
    if (panel) panel.show(route);
    else await create(route ?? null);
    if (editor.runs.runs.length > 0) editor.milestones.reached('watch');
  };
  const serializer = vscode.window.registerWebviewPanelSerializer(panelType, {
    deserializeWebviewPanel: async (given) => void (await create(null, given)),
  });
  return {
    go,
    shows: (runId) => panel?.shows(runId) === true,
    open: (argument) => {
      const newest = argument === 'newest' ? [...editor.runs.runs].sort((a, b) => Date.parse(b.submitted_at) - Date.parse(a.submitted_at))[0] : undefined;
      const run = newest?.run_id ?? runIdOf(subjectOf(argument));
      return go(run === undefined ? undefined : { view: 'run', params: { run } });
    },
    dispose: () => {
      serializer.dispose();
      panel?.dispose();
    },
  };
}
