/** Terminal profiles and tasks of VS Code. Rule: loaded with the extension, so all that does something is loaded on first use. */
import * as vscode from 'vscode';
import type * as TerminalCommands from '../commands/terminalCommands.ts';
import type { Editor } from '../editor.ts';

export function registerTasksAndTerminals(editor: Editor): vscode.Disposable {
  const profile = (make: (commands: typeof TerminalCommands) => Promise<vscode.ExtensionTerminalOptions | undefined>): vscode.TerminalProfileProvider => ({
    provideTerminalProfile: async () => {
      const options = await make(await import('../commands/terminalCommands.ts'));
      if (!options) return undefined;
      // The editor makes the terminal of a profile, and shows the one that was there before.
      const opened = vscode.window.onDidOpenTerminal((terminal) => {
        if (!('pty' in terminal.creationOptions) || terminal.creationOptions.pty !== options.pty) return;
        opened.dispose();
        terminal.show();
      });
      return new vscode.TerminalProfile(options);
    },
  });
  return vscode.Disposable.from(
    vscode.window.registerTerminalProfileProvider('hpc-agent.cluster', profile(({ clusterTerminal }) => clusterTerminal(editor, undefined))),
    vscode.window.registerTerminalProfileProvider('hpc-agent.reservation', profile(({ reservationTerminal }) => reservationTerminal(editor, undefined))),
    vscode.tasks.registerTaskProvider('hpc-agent', {
      provideTasks: async () => (await import('./sweepTasks.ts')).sweepTasks(editor),
      resolveTask: async (task) => (await import('./sweepTasks.ts')).resolvedTask(editor, task),
    }),
  );
}
