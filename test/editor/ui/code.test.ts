/** Where the code is: the line above tasks.py, problems that mend themselves, values of a parameter, a log, and two runs beside each other; in pictures. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { until } from '../driver/wait.ts';
import { makePlace, pictures, quiet, runCli, type Place } from '../place.ts';
import { openWorkbench, type Workbench } from '../ui.ts';

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

  before(async () => {
    place = await makePlace({ workspace: 'probe' });
    await fs.mkdir(path.join(place.workspace, '.hpc'));
    await fs.writeFile(path.join(place.workspace, '.hpc', 'tasks.py'), tasks);
    await fs.writeFile(path.join(place.workspace, '.hpc', 'clusters.yaml'), 'bed:\n  schduler: slurm\n  host: login.example.org\n  constraints:\n    max_walltime: long\n');
    workbench = await openWorkbench(place.workspace, { theme: 'dark', env: place.env });
  });

  after(async () => {
    await workbench?.dispose();
    if (place) await quiet(place);
    await place?.remove();
  });

  afterEach(async function () {
    await workbench?.report(this.currentTest);
  });

  const open = async (file: string): Promise<void> => {
    await until(`the file ${file}`, async () => {
      await workbench.page.keyboard.press('Control+P');
      return await until('the quick input', () => workbench.quickPick.isOpen(), 3000);
    });
    await workbench.quickPick.type(file);
    await workbench.quickPick.accept(new RegExp(path.basename(file).replaceAll('.', '\\.')));
    await workbench.editor.waitFor(path.basename(file));
  };
  const lenses = (wanted: RegExp): Promise<string> =>
    until(`the lenses ${String(wanted)}`, async () => {
      const text = (await workbench.page.locator('.part.editor .codelens-decoration').evaluateAll((items) => items.map((item) => item.textContent ?? ''))).join(' ').replace(/\u00a0/g, ' ');
      return wanted.test(text) ? text : undefined;
    });

  it('counts the tasks above tasks.py and says what can be done', async () => {
    await open('tasks.py');
    await lenses(/4 tasks.*Plan.*Run canary.*Submit/s);
    await workbench.page.locator('.part.editor .view-line', { hasText: 'for x in range' }).locator('span span').nth(1).waitFor();
    await pictures(workbench, 'code-1-tasks', { highContrast: true });
  });

  it('marks what is wrong in clusters.yaml and proposes what was meant', async () => {
    await open('clusters.yaml');
    const marks = workbench.page.locator('.part.editor .squiggly-error, .part.editor .squiggly-warning');
    await until('the marks', async () => (await marks.count()) >= 2);
    await workbench.page.locator('.part.editor .view-line', { hasText: 'schduler' }).click();
    await workbench.page.keyboard.press('Control+.');
    await workbench.page.locator('.action-widget', { hasText: 'Change to "scheduler"' }).waitFor();
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
});
