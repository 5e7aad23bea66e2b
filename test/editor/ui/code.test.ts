/** Where the code is: the line above tasks.py, problems that mend themselves, values of a parameter, a log, and two runs beside each other; in pictures. */
import * as assert from 'node:assert/strict';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import * as path from 'node:path';
import { until } from '../driver/wait.ts';
import { pictures, runCli, type Place } from '../place.ts';
import type { Workbench } from '../ui.ts';
import { useWindow } from '../useWindow.ts';

const tasks = `FLAGS = {"probe": []}

_TASKS = [
    {"x": x, "seconds": 0, "fails_from": 3}
    for x in range(4)
]


def total():
    return len(_TASKS)


def resolve(i):
    return dict(_TASKS[i])
`;

describe('Where the code is (ui)', function () {
  this.timeout(6 * 60_000);
  let place: Place;
  let workbench: Workbench;

  const prepare = async ({ workspace }: Place): Promise<void> => {
    await fs.mkdir(path.join(workspace, '.hpc'));
    await fs.writeFile(path.join(workspace, '.hpc', 'tasks.py'), tasks);
    await fs.writeFile(path.join(workspace, '.hpc', 'clusters.yaml'), 'bed:\n  schduler: slurm\n  host: login.example.org\n  constraints:\n    max_walltime: long\n');
  };
  useWindow({ workspace: 'probe', prepare }, (window) => {
    ({ place, workbench } = window);
  });

  const lenses = (wanted: RegExp): Promise<string> =>
    until(`the lenses ${String(wanted)}`, async () => {
      const text = (await workbench.page.locator('.part.editor .codelens-decoration').evaluateAll((items) => items.map((item) => item.textContent ?? ''))).join(' ').replace(/\u00a0/g, ' ');
      return wanted.test(text) ? text : undefined;
    });

  it('counts the tasks above tasks.py and says what can be done', async () => {
    await workbench.openFile('tasks.py');
    await lenses(/4 tasks.*Plan.*Run canary.*Submit/s);
    await workbench.page.locator('.part.editor .view-line', { hasText: 'for x in range' }).locator('span span').nth(1).waitFor();
    await pictures(workbench, 'code-1-tasks', { highContrast: true });
  });

  it('marks what is wrong in clusters.yaml and proposes what was meant', async () => {
    await workbench.openFile('clusters.yaml');
    const marks = workbench.page.locator('.part.editor .squiggly-error, .part.editor .squiggly-warning');
    await until('the marks', async () => (await marks.count()) >= 2);
    await workbench.page.locator('.part.editor .view-line', { hasText: 'schduler' }).click();
    // What the editor does about the click a moment later closes the list again.
    const proposal = workbench.page.locator('.action-widget', { hasText: 'Change to "scheduler"' }).first();
    await until('the proposal to change to scheduler', async () => {
      await workbench.page.keyboard.press('Control+.');
      return await proposal.waitFor({ state: 'visible', timeout: 3000 }).then(() => true, () => false);
    });
    await workbench.screenshot('code-2-clusters-dark');
    await workbench.page.keyboard.press('Enter');
    await workbench.editor.shows(/ scheduler: slurm/);
  });

  it('opens the log of a failed task at its error, with the way to the source', async () => {
    await runCli(workbench, place, ['submit', '--cluster', 'this-computer', '--run-name', 'first', '--yes']);
    await workbench.activityBar.open('HPC Agent');
    const tree = workbench.tree('Runs');
    const { label } = await tree.row(/first/);
    await tree.rowDescribed(label, /^failed/);
    await workbench.runCommand('HPC Agent: Show log');
    await workbench.quickPick.step('Run whose log is shown');
    await workbench.quickPick.accept(/first/);
    await workbench.editor.shows(/ValueError: x is too big: 3/);
    await workbench.runCommand('HPC Agent: Go to next error in log');
    await pictures(workbench, 'code-3-log', { highContrast: true });
    assert.ok((await workbench.page.locator('.part.editor .detected-link').count()) > 0, 'the traceback leads to the source');
  });

  it('opens the log of a task that is dragged onto the editor', async () => {
    await workbench.runCommand('View: Close All Editors');
    const tree = workbench.tree('Runs');
    await tree.expand(/first/);
    await tree.expand('1 task failed');
    await tree.dragToEditors('task 3');
    await workbench.editor.shows(/ValueError: x is too big: 3/);
  });

  it('follows a folder of ours that goes and comes back, as with another branch', async () => {
    const [ours, away] = [path.join(place.workspace, '.hpc'), path.join(place.home, 'away')];
    const tree = workbench.tree('Runs');
    await workbench.runCommand('View: Close All Editors');
    await workbench.openFile('probe.py');
    await lenses(/Plan.*Submit/s);
    await fs.rename(ours, away);
    await until('the run to go', async () => (await tree.rows()).length === 0);
    await lenses(/New sweep…/);
    await fs.rename(away, ours);
    await tree.row(/first/);
    await lenses(/Plan.*Submit/s);
    // Of a folder that came back the editor may tell no more.
    await runCli(workbench, place, ['submit', '--cluster', 'this-computer', '--run-name', 'later', '--if-prior', 'new', '--yes']);
    await tree.row(/later/);
  });

  it('submits as a task of the editor, after asking', async () => {
    await fs.writeFile(path.join(place.workspace, '.hpc', 'tasks.py'), tasks.replace('range(4)', 'range(2)'));
    await workbench.runCommand('Tasks: Run Task');
    await workbench.quickPick.accept(/hpc-agent/);
    await workbench.quickPick.accept(/(?<!canary, then )submit on this-computer/);
    assert.match(await workbench.dialog.text(), /Submit 2 tasks/);
    await workbench.dialog.press('Submit');
    await until('the run of the task to be complete', async () => ((await runCli(workbench, place, ['list-runs', '--refresh'])) as unknown as { runs: { total_tasks: number; lifecycle_state: string }[] }).runs.some((run) => run.total_tasks === 2 && run.lifecycle_state === 'complete'));
    await workbench.screenshot('code-4-task-dark');
  });

  it('forwards a port of a held node, and closes it again', async () => {
    const server = http.createServer((_, response) => response.end('the page')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const read = (url: string): Promise<string | undefined> => fetch(url).then((answer) => answer.text(), () => undefined);
    const spec = path.join(place.home, 'book.json');
    await fs.writeFile(spec, JSON.stringify({ name: 'held', cluster: 'this-computer', walltime: '20m', tmux_server: '' }));
    await runCli(workbench, place, ['reservation-book', '--spec', spec, '--yes']);
    try {
      const reservations = workbench.tree('Reservations');
      await workbench.runCommand('HPC Agent: Refresh reservations');
      await reservations.open();
      await until('the node to be held', async () => {
        if ((await reservations.row('held')).description.includes('alive')) return true;
        await workbench.runCommand('HPC Agent: Refresh reservations');
        return false;
      });
      await reservations.contextAction('held', 'Forward port of reservation…');
      await workbench.inputBox.step(/program on the node listens/);
      await workbench.inputBox.type(String(port));
      await workbench.inputBox.accept();
      const { message } = await workbench.notifications.waitFor(/^Forwarded: localhost:\d+ → this computer:\d+ \(held\)/);
      const url = `http://127.0.0.1:${/localhost:(\d+)/.exec(message)?.[1] ?? ''}/`;
      assert.equal(await read(url), 'the page');
      await workbench.statusBar.waitFor(/localhost:\d+/);
      await workbench.screenshot('code-5-forward-dark');
      await workbench.notifications.clear();
      await workbench.runCommand('HPC Agent: Show forwarded ports');
      await workbench.quickPick.accept(/Stop/);
      await until('the port to be closed', async () => (await read(url)) === undefined);
    } finally {
      await runCli(workbench, place, ['reservation-release', 'held', '--yes']);
      server.close();
    }
  });
});
