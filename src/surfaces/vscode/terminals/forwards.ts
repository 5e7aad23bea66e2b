/** Ports of held nodes that are open on this computer: in the status bar as long as there are any. Rule: each ends with the window, or by its Stop. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import type { ReservedPort } from '../../../operations/terminals.ts';

export interface OpenForward {
  readonly port: ReservedPort;
  readonly remotePort: number;
  /** Where the browser goes. */
  readonly url: string;
  /** Ends it, and the notebook where there is one. */
  readonly stop: () => void;
}

export class Forwards implements vscode.Disposable {
  private readonly open = new Set<OpenForward>();
  private item: vscode.StatusBarItem | undefined;

  get all(): readonly OpenForward[] {
    return [...this.open];
  }

  add(port: ReservedPort, remotePort: number, options: { readonly path?: string; readonly onStop?: () => void } = {}): OpenForward {
    const forward: OpenForward = {
      port,
      remotePort,
      url: `http://127.0.0.1:${port.localPort}${options.path ?? '/'}`,
      stop: () => {
        if (!this.open.delete(forward)) return;
        port.dispose();
        this.draw();
        options.onStop?.();
      },
    };
    this.open.add(forward);
    this.draw();
    return forward;
  }

  dispose(): void {
    for (const forward of this.all) forward.stop();
    this.item?.dispose();
  }

  private draw(): void {
    if (this.open.size === 0) {
      this.item?.hide();
      return;
    }
    this.item ??= vscode.window.createStatusBarItem('hpcAgent.forwards', vscode.StatusBarAlignment.Left, 9);
    this.item.name = l10n.t('HPC Agent: forwarded ports');
    this.item.command = 'hpc-agent.showForwards';
    const words = this.open.size === 1 ? `localhost:${this.all[0]?.port.localPort ?? 0}` : l10n.t('{0, plural, one {# port} other {# ports}}', this.open.size);
    this.item.text = `$(plug) ${words}`;
    this.item.tooltip = this.all.map(describeForward).join('\n');
    this.item.accessibilityInformation = { label: l10n.t('HPC Agent forwards {0}', words) };
    this.item.show();
  }
}

export function describeForward({ port, remotePort }: OpenForward): string {
  return `localhost:${port.localPort} → ${port.host === '127.0.0.1' ? l10n.t('this computer') : port.host}:${remotePort} (${port.reservation})`;
}

export async function openInBrowser(url: string): Promise<void> {
  // In a remote window the port is on the far side: the editor makes it one of this computer.
  await vscode.env.openExternal(await vscode.env.asExternalUri(vscode.Uri.parse(url, true)));
}
