/**
 * What the steps of the walkthrough wait for. Said when the thing was done, not when its button was pressed, and by whatever way it was
 * done; the editor itself remembers which steps are checked. A unit test holds these names against package.json.
 *
 * Rule: the editor checks a step when its context becomes true after it has read the walkthrough, and it reads it when it first shows it.
 * What was done before that is therefore said again, from false to true, when the walkthrough is opened.
 */
import * as vscode from 'vscode';

export const milestones = ['openFolder', 'findScripts', 'choosePlace', 'describeSweep', 'plan', 'submit', 'watch', 'seeResults'] as const;
export type Milestone = (typeof milestones)[number];

export class Milestones {
  private readonly done = new Set<Milestone>();

  reached(...names: readonly Milestone[]): void {
    for (const name of names.filter((each) => !this.done.has(each))) {
      this.done.add(name);
      void say(name, true);
    }
  }

  /** Opens the walkthrough with everything checked that is done. */
  async show(extensionId: string): Promise<void> {
    const done = [...this.done];
    await Promise.all(done.map((name) => say(name, false)));
    await vscode.commands.executeCommand('workbench.action.openWalkthrough', `${extensionId}#start`, false);
    await Promise.all(done.map((name) => say(name, true)));
  }
}

async function say(name: Milestone, done: boolean): Promise<void> {
  await vscode.commands.executeCommand('setContext', `hpcAgent.did.${name}`, done);
}
