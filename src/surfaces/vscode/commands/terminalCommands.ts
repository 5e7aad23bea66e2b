/** Terminals on clusters and in reservations, and ports of held nodes in the browser here. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { withProgress } from '../cancellation.ts';
import type { Editor } from '../editor.ts';
import { likelyFolder } from '../editor.ts';
import { describeForward, openInBrowser, type Forwards, type OpenForward } from '../terminals/forwards.ts';
import { notebookAddress, type NotebookAddress } from '../terminals/notebookAddress.ts';
import { RemoteTerminal } from '../terminals/remoteTerminal.ts';
import { chosenCluster } from './clusterCommands.ts';
import { chosenReservation } from './reservationCommands.ts';

const folderFor = (editor: Editor): string => likelyFolder() ?? editor.context.globalStorageUri.fsPath;

export async function clusterTerminal(editor: Editor, argument: unknown): Promise<vscode.ExtensionTerminalOptions | undefined> {
  const cluster = await chosenCluster(editor, argument, l10n.t('Cluster for the terminal'));
  if (cluster === undefined) return undefined;
  const { openClusterTerminal } = await import('../../../operations/terminals.ts');
  const folder = editor.clusters.folderOf(cluster);
  return { name: cluster, pty: new RemoteTerminal((terminal, signal) => editor.core.within('acts', { folder, signal }, (context) => openClusterTerminal(cluster, terminal, context))), iconPath: new vscode.ThemeIcon('vm') };
}

export async function reservationTerminal(editor: Editor, argument: unknown): Promise<vscode.ExtensionTerminalOptions | undefined> {
  const row = await chosenReservation(editor, argument, l10n.t('Attach to reservation'), ({ liveness }) => liveness !== 'dead');
  if (!row) return undefined;
  const { openReservationTerminal } = await import('../../../operations/reservations/attach.ts');
  const folder = folderFor(editor);
  return { name: row.name, pty: new RemoteTerminal((terminal, signal) => editor.core.within('acts', { folder, signal }, (context) => openReservationTerminal(row.id, terminal, context))), iconPath: new vscode.ThemeIcon('server-process') };
}

export async function openTerminal(options: Promise<vscode.ExtensionTerminalOptions | undefined>): Promise<void> {
  const made = await options;
  if (made) vscode.window.createTerminal(made).show();
}

/** A notebook server on the held node, and this computer's browser in front of it. Closing its terminal ends both. Gives the address; undefined where there is none. */
export async function openNotebook(editor: Editor, forwards: Forwards, argument: unknown): Promise<string | undefined> {
  const row = await chosenReservation(editor, argument, l10n.t('Reservation for the notebook'), ({ liveness }) => liveness !== 'dead');
  if (!row) return undefined;
  const { openNotebookTerminal, openReservationPort } = await import('../../../operations/terminals.ts');
  const folder = folderFor(editor);
  let printed = '';
  // Which server is open: one that was started again after a lost connection has another port and token.
  let known = '';
  let forward: Promise<OpenForward> | undefined;
  let tell: (url: string | undefined) => void = () => undefined;
  const address = new Promise<string | undefined>((resolve) => (tell = resolve));
  const connect = async ({ port, path }: NotebookAddress, server: string): Promise<OpenForward> => {
    const opened = await editor.core.within('acts', { folder }, (context) => openReservationPort(row.id, port, context));
    const made = forwards.add(opened, port, { path, onStop: () => (known === server ? terminal.dispose() : undefined) });
    tell(made.url);
    void openInBrowser(made.url).catch(() => undefined);
    void tellForward(made, l10n.t('The notebook is open'));
    return made;
  };
  const listen = (text: string): void => {
    printed = `${printed}${text}`.slice(-20_000);
    const found = notebookAddress(printed);
    if (!found) return;
    printed = '';
    const server = `${found.port}${found.path}`;
    if (server === known) return;
    known = server;
    void forward?.then((ended) => ended.stop()).catch(() => undefined);
    forward = connect(found, server);
    forward.catch((error: unknown) => {
      tell(undefined);
      void vscode.window.showErrorMessage(l10n.t('The notebook runs, but its port could not be reached: {0}', error instanceof Error ? error.message : String(error)));
    });
  };
  const pty = new RemoteTerminal((terminal, signal) => editor.core.within('acts', { folder, signal }, (context) => openNotebookTerminal(row.id, terminal, context)), listen);
  const terminal = vscode.window.createTerminal({ name: l10n.t('Notebook in {0}', row.name), pty, iconPath: new vscode.ThemeIcon('notebook') });
  const closed = vscode.window.onDidCloseTerminal((ended) => {
    if (ended !== terminal) return;
    closed.dispose();
    tell(undefined);
    void forward?.then((made) => made.stop()).catch(() => undefined);
  });
  terminal.show();
  return address;
}

export async function forwardPort(editor: Editor, forwards: Forwards, argument: unknown): Promise<void> {
  const row = await chosenReservation(editor, argument, l10n.t('Reservation whose port is forwarded'), ({ liveness }) => liveness !== 'dead');
  if (!row) return;
  const isPort = (text: string): boolean => /^\d{1,5}$/.test(text.trim()) && Number(text) > 0 && Number(text) < 65_536;
  const text = await vscode.window.showInputBox({ title: l10n.t('Port of {0}', row.node === '' ? row.name : row.node), prompt: l10n.t('Where the program on the node listens'), value: '8888', validateInput: (value) => (isPort(value) ? undefined : l10n.t('Write a number from 1 to 65535.')) });
  if (text === undefined) return;
  const { openReservationPort } = await import('../../../operations/terminals.ts');
  const folder = folderFor(editor);
  const port = await withProgress(l10n.t('Forwarding port {0} of {1}', text, row.name), (signal) => {
    // The port outlives the notification: its signal is for the waiting alone.
    signal.throwIfAborted();
    return editor.core.within('acts', { folder }, (context) => openReservationPort(row.id, Number(text), context));
  });
  await tellForward(forwards.add(port, Number(text)), l10n.t('Forwarded'));
}

async function tellForward(forward: OpenForward, words: string): Promise<void> {
  const items = forwardActs().map(({ title, act }) => ({ title, act }));
  const answer = await vscode.window.showInformationMessage(l10n.t('{0}: {1}', words, describeForward(forward)), ...items);
  await actOn(forward, answer?.act);
}

type ForwardAct = 'open' | 'copy' | 'stop';

const forwardActs = (): readonly { readonly title: string; readonly icon: string; readonly act: ForwardAct }[] => [
  { title: l10n.t('Open in browser'), icon: 'link-external', act: 'open' },
  { title: l10n.t('Copy address'), icon: 'copy', act: 'copy' },
  { title: l10n.t('Stop'), icon: 'debug-stop', act: 'stop' },
];

async function actOn(forward: OpenForward, act: ForwardAct | undefined): Promise<void> {
  if (act === 'open') await openInBrowser(forward.url);
  if (act === 'copy') await vscode.env.clipboard.writeText(forward.url);
  if (act === 'stop') forward.stop();
}

/** All that is open, each to be opened in the browser or stopped. */
export async function showForwards(forwards: Forwards): Promise<void> {
  const { all } = forwards;
  if (all.length === 0) {
    void vscode.window.showInformationMessage(l10n.t('No port of a held node is forwarded.'));
    return;
  }
  const only = all.length === 1 ? all[0] : undefined;
  const forward = only ?? (await vscode.window.showQuickPick(all.map((item) => ({ label: describeForward(item), item })), { title: l10n.t('Forwarded ports') }))?.item;
  if (!forward) return;
  const rows = forwardActs().map(({ title, icon, act }) => ({ label: `$(${icon}) ${title}`, act }));
  const chosen = await vscode.window.showQuickPick(rows, { title: describeForward(forward) });
  await actOn(forward, chosen?.act);
}
