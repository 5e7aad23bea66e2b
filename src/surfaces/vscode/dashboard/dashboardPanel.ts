/** The dashboard's panel: at most one. It is given back by VS Code after a restart, and rebuilt by the page's own memory. */
import * as crypto from 'node:crypto';
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import type { Route, ShellState } from '../../../../webview/protocol.ts';
import type { PageSubject } from '../../../../webview/protocol/subjects.ts';
import type { Disposable } from '../../../foundation/disposable.ts';
import { workspaceFolders, type Editor } from '../editor.ts';
import { runDescription } from '../trees/runWords.ts';
import type { Subject } from '../trees/node.ts';
import { Conversation } from './conversation.ts';
import { pageHtml } from './pageHtml.ts';
import { sources } from './sources.ts';

export const panelType = 'hpcAgent.dashboard';

export class DashboardPanel implements Disposable {
  private readonly editor: Editor;
  private readonly panel: vscode.WebviewPanel;
  private readonly conversation: Conversation;
  private readonly owned: vscode.Disposable;
  private looking: vscode.Disposable | undefined;

  /** `panel`: one that VS Code gives back. */
  constructor(editor: Editor, route: Route | null, ended: () => void, panel?: vscode.WebviewPanel) {
    this.editor = editor;
    const dist = vscode.Uri.joinPath(editor.context.extensionUri, 'dist');
    this.panel = panel ?? vscode.window.createWebviewPanel(panelType, 'HPC Agent', vscode.ViewColumn.Active, {});
    const { webview } = this.panel;
    webview.options = { enableScripts: true, localResourceRoots: [dist] };
    this.panel.iconPath = vscode.Uri.joinPath(editor.context.extensionUri, 'media', 'icon.png');
    const log = editor.log.child('dashboard');
    this.conversation = new Conversation(
      {
        editor,
        log,
        sources,
        words: l10n.words,
        language: l10n.language,
        post: (message) => void webview.postMessage(message),
        act: (command, subject) => void vscode.commands.executeCommand(`hpc-agent.${command}`, subject && this.withFolder(subject)),
        title: (words) => {
          this.panel.title = words === '' ? 'HPC Agent' : words;
        },
        shell: () => this.shell(),
      },
      route,
    );
    this.owned = vscode.Disposable.from(
      webview.onDidReceiveMessage((message: unknown) => void this.conversation.receive(message)),
      editor.runs.onDidChange(() => this.conversation.shellChanged()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.conversation.shellChanged()),
      this.panel.onDidChangeViewState(() => this.visibilityChanged()),
      this.panel.onDidDispose(() => {
        this.dispose();
        ended();
      }),
    );
    this.visibilityChanged();
    const nonce = crypto.randomBytes(16).toString('base64url');
    webview.html = pageHtml({
      nonce,
      cspSource: webview.cspSource,
      language: l10n.language,
      script: webview.asWebviewUri(vscode.Uri.joinPath(dist, 'webview.js')).toString(),
      style: webview.asWebviewUri(vscode.Uri.joinPath(dist, 'webview.css')).toString(),
    });
  }

  show(route: Route | undefined): void {
    // Where it is: a panel that jumps to another column is a nuisance.
    this.panel.reveal(undefined);
    if (route) this.conversation.go(route);
  }

  shows(runId: string): boolean {
    const { route } = this.conversation;
    return this.panel.visible && route !== undefined && 'run' in route.params && route.params.run === runId;
  }

  dispose(): void {
    this.looking?.dispose();
    this.conversation.dispose();
    this.owned.dispose();
  }

  close(): void {
    this.panel.dispose();
  }

  /** A page that is hidden does not exist: nothing is sent, and the runs are asked for less often. */
  private visibilityChanged(): void {
    if (this.panel.visible) {
      this.looking ??= this.editor.runs.look();
    } else {
      this.looking?.dispose();
      this.looking = undefined;
      this.conversation.hidden();
    }
  }

  private shell(): ShellState {
    const now = new Date();
    return {
      runs: [...this.editor.runs.runs]
        .sort((a, b) => Date.parse(b.submitted_at) - Date.parse(a.submitted_at))
        .slice(0, 200)
        .map((run) => ({ run_id: run.run_id, run_name: run.run_name, words: runDescription(run, now) })),
      trusted: vscode.workspace.isTrusted,
      hasFolder: workspaceFolders().length > 0,
    };
  }

  /** Commands are given what a tree would give them. */
  private withFolder(subject: PageSubject): Subject | undefined {
    if (!('runId' in subject)) return subject;
    const folder = this.editor.runs.state.folders.find(({ runs }) => runs.some((run) => run.run_id === subject.runId))?.folder ?? this.editor.runs.find(subject.runId)?.experiment_dir;
    if (folder === undefined) return undefined;
    if (subject.kind !== 'task') return { ...subject, folder };
    const { find, ...task } = subject;
    return { ...task, folder, ...(find === undefined ? {} : { find }) };
  }
}
