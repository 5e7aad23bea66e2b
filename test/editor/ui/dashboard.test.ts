/** The dashboard in real VS Code: opened from the status bar, filled by a real run on this computer, there again after a restart of the window. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { until } from '../driver/wait.ts';
import { makePlace, pictures, quiet, runCli, type Place } from '../place.ts';
import { resultsFolder } from '../paths.ts';
import type { Frame } from '../playwright.ts';
import { openWorkbench, type Workbench } from '../ui.ts';

describe('The dashboard (ui)', function () {
  this.timeout(8 * 60_000);
  let place: Place;
  let workbench: Workbench;

  before(async () => {
    place = await makePlace({ workspace: 'probe' });
    workbench = await openWorkbench(place.workspace, { theme: 'dark', env: place.env, viewport: { width: 1500, height: 950 } });
    const spec = path.join(place.home, 'spec.json');
    await fs.writeFile(spec, JSON.stringify({ executors: ['probe.py'], axes: { x: '1,2,3,4,5,6,7,8', seconds: '0,0.5', fails_from: '8' }, overwrite: true }));
    await runCli(workbench, place, ['build-tasks-py', '--spec', spec, '--yes']);
    await runCli(workbench, place, ['submit', '--cluster', 'this-computer', '--run-name', 'double-x', '--yes']);
    await workbench.activityBar.open('HPC Agent');
    await workbench.tree('Runs').row('double-x');
  });

  after(async () => {
    await workbench?.dispose();
    if (place) await quiet(place);
    await place?.remove();
  });

  afterEach(async function () {
    await workbench?.report(this.currentTest);
  });

  /** The page inside the panel. */
  const page = (): Promise<Frame> =>
    until('the dashboard’s page', async () => {
      for (const frame of workbench.page.frames()) if ((await frame.locator('#page main').count().catch(() => 0)) > 0) return frame;
      return undefined;
    });
  const shows = async (frame: Frame, wanted: RegExp): Promise<void> => {
    await until(`${String(wanted)} in the dashboard`, async () => wanted.test(await frame.locator('main').innerText().catch(() => '')));
  };

  it('opens from the palette on the overview: the run, the computer, what needs attention', async () => {
    await workbench.runCommand('HPC Agent: Open dashboard');
    const frame = await page();
    await shows(frame, /Overview[\s\S]*Needs attention[\s\S]*double-x[\s\S]*this-computer[\s\S]*cores free/);
    await pictures(workbench, 'dashboard-1-overview', { highContrast: true });
  });

  it('shows the run with every task, why some failed, and the log of one', async () => {
    const frame = await page();
    await frame.locator('.rows a', { hasText: 'double-x' }).first().click();
    await shows(frame, /double-x[\s\S]*16 tasks[\s\S]*Needs attention[\s\S]*x is too big/);
    await frame.locator('canvas.heat-map').focus();
    for (const key of ['n', 'Enter']) await workbench.page.keyboard.press(key);
    await until('the log', async () => (await frame.locator('.log pre').innerText().catch(() => '')).includes('ValueError: x is too big'));
    await pictures(workbench, 'dashboard-2-run', { highContrast: true });
  });

  it('plans what is new, submits it after a canary, and asks before it does', async () => {
    const frame = await page();
    const press = async (button: string): Promise<void> => frame.locator('.plan vscode-button', { hasText: button }).first().click();
    await fs.writeFile(path.join(place.home, 'other.json'), JSON.stringify({ executors: ['probe.py'], axes: { x: '21,22,23' }, overwrite: true }));
    await runCli(workbench, place, ['build-tasks-py', '--spec', path.join(place.home, 'other.json'), '--yes']);
    await frame.locator('header nav a', { hasText: 'Plan' }).click();
    await press('Plan on this-computer');
    await shows(frame, /nothing is submitted yet[\s\S]*Now in [\s\S]* of \d+ cores free[\s\S]*Arrays and waves, to scale/);
    await press('Run canary first');
    assert.match(await workbench.dialog.text(), /3 tasks/);
    await workbench.dialog.press('Run canary first');
    await shows(frame, /3 tasks · 1 array in 1 wave[\s\S]*Waves/);
    await until('both runs', async () => ((await runCli(workbench, place, ['list-runs'])) as unknown as { runs: { total_tasks: number }[] }).runs.map((run) => run.total_tasks).sort((a, b) => a - b).join() === '1,3,16');
  });

  it('submits a plan at once where that is asked for, and nothing where the question is left', async () => {
    const frame = await page();
    const press = async (button: string): Promise<void> => frame.locator('.plan vscode-button', { hasText: button }).first().click();
    await fs.writeFile(path.join(place.home, 'third.json'), JSON.stringify({ executors: ['probe.py'], axes: { x: '31,32' }, overwrite: true }));
    await runCli(workbench, place, ['build-tasks-py', '--spec', path.join(place.home, 'third.json'), '--yes']);
    await frame.locator('header nav a', { hasText: 'Plan' }).click();
    await press('Plan on this-computer');
    await press('Submit all 2 tasks');
    await workbench.dialog.press('Cancel');
    await until('the question to be over', async () => !(await frame.locator('.plan').innerText()).includes('Submitting'));
    await press('Submit all 2 tasks');
    await workbench.dialog.press('Submit');
    await shows(frame, /2 tasks · 1 array in 1 wave[\s\S]*Waves/);
    // Where it is looked at next is the first run.
    await frame.locator('header nav a', { hasText: 'Overview' }).click();
    await frame.locator('.rows a', { hasText: 'double-x' }).first().click();
    await shows(frame, /double-x[\s\S]*16 tasks/);
    await frame.locator('canvas.heat-map').focus();
    for (const key of ['n', 'Enter']) await workbench.page.keyboard.press(key);
    await until('the log', async () => (await frame.locator('.log pre').innerText().catch(() => '')).includes('ValueError: x is too big'));
  });

  it('writes down the theme’s variables, for the tests of the page alone', async () => {
    for (const theme of ['dark', 'light', 'hc'] as const) {
      await workbench.setTheme(theme);
      const wanted = { dark: 'vscode-dark', light: 'vscode-light', hc: 'vscode-high-contrast' }[theme];
      const frame = await page();
      const variables = await until(`the page in ${theme}`, async () =>
        frame.evaluate<Record<string, string> | false>(`document.body.classList.contains('${wanted}') && Object.fromEntries([...document.documentElement.style].filter((name) => name.startsWith('--vscode-')).map((name) => [name, document.documentElement.style.getPropertyValue(name)]))`),
      );
      assert.ok(Object.keys(variables).length > 300);
      await fs.mkdir(path.join(resultsFolder, 'themes'), { recursive: true });
      await fs.writeFile(path.join(resultsFolder, 'themes', `${theme}.json`), `${JSON.stringify(variables, Object.keys(variables).sort(), 1)}\n`);
    }
    await workbench.setTheme('dark');
  });

  it('is where it was after the window was loaded again', async () => {
    await workbench.reload(/double-x.*task[\\"]+:\d/);
    const frame = await page();
    await shows(frame, /double-x[\s\S]*16 tasks/);
    await until('the log of the same task', async () => (await frame.locator('.log pre').innerText().catch(() => '')).includes('ValueError: x is too big'));
  });
});
