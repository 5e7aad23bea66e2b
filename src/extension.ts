/** Wires the VS Code side together, nothing else: whatever is not needed at the start is loaded on first use. */
import * as vscode from 'vscode';

export function activate(context: vscode.ExtensionContext): void {
  context.subscriptions.push(vscode.commands.registerCommand('hpc-agent.showVersion', () => String((context.extension.packageJSON as { version: unknown }).version)));
}

export function deactivate(): void {
  // Everything is owned by the context's subscriptions.
}
