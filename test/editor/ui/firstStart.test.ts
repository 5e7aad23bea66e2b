/** The first minutes: from an empty folder by the walkthrough to a finished run with plots, with the mouse, and again with the keyboard alone. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { until } from '../driver/wait.ts';
import { root } from '../paths.ts';
import { makePlace, pictures, quiet, type Place } from '../place.ts';
import type { Frame } from '../playwright.ts';
import { openWorkbench, type Workbench } from '../ui.ts';

describe('The first start (ui)', function () {
  this.timeout(6 * 60_000);
  let place: Place;
  let workbench: Workbench;

  before(async () => {
    place = await makePlace({ workspace: 'empty' });
    workbench = await openWorkbench(place.workspace, { theme: 'dark', env: place.env });
    await workbench.activityBar.open('HPC Agent');
  });

  after(async () => {
    await workbench?.dispose();
    if (place) await quiet(place);
    await place?.remove();
  });

  afterEach(async function () {
    await workbench?.report(this.currentTest);
  });

  const says = (frame: Frame, wanted: RegExp): Promise<boolean> => until(`${String(wanted)} in the dashboard`, async () => wanted.test(await frame.locator('main').first().innerText()));

  const sampleIn = (folder: string): Promise<boolean> => until(`the whole sample in ${folder}`, async () => {
      const sizes = (under: string): Promise<readonly number[]> => Promise.all(['data/co2_monthly.csv', 'executors/ml_knn.py', 'executors/ml_ridge.py'].map(async (name) => (await fs.stat(path.join(under, name))).size));
      return (await sizes(folder)).join() === (await sizes(path.join(root, 'templates', 'sample'))).join();
    });

  it('offers the first step, and a computer to run on', async () => {
    const welcome = await workbench.tree('Runs').welcomed(/No runs yet/);
    for (const offer of ['New sweep…', 'Try the sample', 'add a cluster', 'Get started']) assert.ok(welcome.includes(offer), welcome);
    await workbench.tree('Clusters').row('this-computer');
    await pictures(workbench, 'first-1-welcome', { highContrast: true });
  });

  describe('by the walkthrough, with the mouse', () => {
    it('begins in a folder without scripts, and gets some', async () => {
      const { walkthrough, quickPick, notifications } = workbench;
      await workbench.tree('Runs').pressWelcome('Get started');
      await walkthrough.isDone('Open a folder');
      assert.equal((await walkthrough.steps()).filter(({ done }) => done).length, 1);
      await walkthrough.press('Find the scripts', 'Find scripts');
      const { buttons } = await notifications.waitFor(/^No script that can be run as a task was found/);
      assert.deepEqual(buttons, ['Try the sample', 'Show output']);
      await workbench.screenshot('first-2-no-script-dark');
      await notifications.press(/^No script/, 'Try the sample');
      await quickPick.step('Two scripts that forecast');
      await workbench.screenshot('first-3-sample-dark');
      await quickPick.accept(/Add it to/);
      // Its notice may have gone to the list of notices by now.
      await sampleIn(place.workspace);
      await notifications.clear();
      await walkthrough.press('Find the scripts', 'Find scripts');
      await quickPick.step('2 scripts can be run');
      await workbench.screenshot('first-4-scripts-dark');
      await quickPick.press('Close');
      await walkthrough.isDone('Find the scripts');
    });

    it('chooses this computer, and says what to vary', async () => {
      const { walkthrough, quickPick, inputBox, notifications } = workbench;
      await walkthrough.press('Choose where to run', 'Check this computer');
      await notifications.waitFor(/^this-computer is ready/);
      await walkthrough.isDone('Choose where to run');
      await notifications.clear();
      await walkthrough.press('Say what to vary', 'New sweep…');
      await quickPick.step('Scripts to run');
      await quickPick.toggle(/ml_ridge/);
      await quickPick.press('OK');
      for (const [name, prompt, values] of [['horizon', /months ahead/, '1,6'], ['alpha', /penalty/, '0.01,1,100']] as const) {
        await quickPick.step('Choose a parameter');
        await quickPick.accept(new RegExp(name));
        await inputBox.step(prompt);
        await inputBox.type(values);
        if (name === 'alpha') await workbench.screenshot('first-5-values-dark');
        await inputBox.press('OK');
      }
      await quickPick.step('Choose a parameter');
      await quickPick.accept(/Continue/);
      await quickPick.step('Where to run');
      await quickPick.accept(/this-computer/);
      await quickPick.step('Resources on this-computer');
      await quickPick.accept(/Continue/);
      await quickPick.step('What would happen');
      await workbench.screenshot('first-6-review-dark');
      await quickPick.press('Close');
      await walkthrough.isDone('Say what to vary');
    });

    it('sees the plan, submits, and watches', async () => {
      const { walkthrough, quickPick, notifications } = workbench;
      await walkthrough.press('See what would happen', 'Plan');
      await quickPick.step('Where to run');
      await quickPick.accept(/this-computer/);
      await says(await workbench.editor.webview('#page main'), /6 tasks/);
      await workbench.screenshot('first-7-plan-dark');
      await walkthrough.press('Submit', 'Submit run…');
      await quickPick.step('Where to run');
      await quickPick.accept(/this-computer/);
      await quickPick.step('Resources on this-computer');
      await quickPick.accept(/Continue/);
      await quickPick.step('What would happen');
      await quickPick.accept(/Submit 6 tasks/);
      const { label } = await workbench.tree('Runs').row(/forecast/);
      const { description } = await workbench.tree('Runs').rowDescribed(label, /^(complete|failed) · 6 tasks/);
      assert.match(description, /^complete/);
      await walkthrough.isDone('Submit');
      await notifications.clear();
      await walkthrough.press('Watch it', 'Open dashboard');
      const page = await workbench.editor.webview('#page main');
      await says(page, /6 tasks[\s\S]*Waves/);
      await workbench.screenshot('first-8-run-dark');
    });

    it('ends with plots', async () => {
      const { walkthrough, quickPick } = workbench;
      await walkthrough.press('Look at the results', 'Explore results');
      await quickPick.step(/Run whose results/);
      await quickPick.accept(/forecast/);
      const page = await workbench.editor.webview('.results table.heat');
      await says(page, /The best 5 points/);
      assert.equal(await page.locator('figure.effect').count(), 2);
      await workbench.screenshot('first-9-results-dark');
      await walkthrough.show();
      for (const { title, done } of await walkthrough.steps()) assert.ok(done, title);
      for (const { title } of await walkthrough.steps()) {
        await walkthrough.open(title);
        await workbench.screenshot(`walkthrough-${title.toLowerCase().replaceAll(' ', '-')}-dark`);
      }
      await pictures(workbench, 'walkthrough', { highContrast: true });
    });
  });

  describe('by the walkthrough, with the keyboard alone', () => {
    it('gets as far in another empty folder', async () => {
      const folder = path.join(place.home, 'by keyboard');
      await fs.mkdir(folder);
      const window = await workbench.anotherWindow(folder);
      const { keyboard, quickPick, inputBox, walkthrough } = window;
      const choose = async (step: string | RegExp, row: RegExp): Promise<void> => {
        await quickPick.step(step);
        await keyboard.isIn('.quick-input-widget');
        await keyboard.goTo(row, 'ArrowDown', 20);
        await keyboard.press('Enter');
      };
      /** From a page that is shown over it. */
      const back = (): Promise<void> => keyboard.command('hpc get started', 'HPC Agent: Get started');
      try {
        await keyboard.command('hpc focus on runs', 'HPC Agent: Focus on Runs View');
        await window.tree('Runs').welcomed(/No runs yet/);
        // The view that had the focus makes place for these words, so that Tab may begin at the top of the window.
        await keyboard.goTo(/^Get started$/);
        await keyboard.press('Enter');
        await walkthrough.isDone('Open a folder');
        await keyboard.pressStep('Find the scripts', 'Add the sample to it');
        await choose('Two scripts that forecast', /Add it to/);
        await sampleIn(folder);
        await keyboard.pressStep('Find the scripts', 'Find scripts');
        await quickPick.step('2 scripts can be run');
        await keyboard.isIn('.quick-input-widget');
        await keyboard.press('Escape');
        await walkthrough.isDone('Find the scripts');
        await keyboard.pressStep('Choose where to run', 'Check this computer');
        await walkthrough.isDone('Choose where to run');
        await keyboard.pressStep('Say what to vary', 'New sweep…');
        await choose('Scripts to run', /ml_ridge/);
        for (const [name, prompt, values] of [['horizon', /months ahead/, '1,6'], ['alpha', /penalty/, '1,100']] as const) {
          await choose('Choose a parameter', new RegExp(`\\b${name}\\b`));
          await inputBox.step(prompt);
          await keyboard.isIn('.quick-input-widget');
          await keyboard.type(values);
          await keyboard.press('Enter');
        }
        await choose('Choose a parameter', /Continue/);
        await choose('Where to run', /this-computer/);
        await choose('Resources on this-computer', /Continue/);
        await quickPick.step('What would happen');
        await keyboard.isIn('.quick-input-widget');
        await keyboard.press('Escape');
        await walkthrough.isDone('Say what to vary');
        await keyboard.pressStep('See what would happen', 'Plan');
        await choose('Where to run', /this-computer/);
        await says(await window.editor.webview('#page main'), /4 tasks/);
        await back();
        await walkthrough.isDone('See what would happen');
        await keyboard.pressStep('Submit', 'Submit run…');
        await choose('Where to run', /this-computer/);
        await choose('Resources on this-computer', /Continue/);
        await choose('What would happen', /Submit 4 tasks/);
        await walkthrough.isDone('Submit');
        const { label } = await window.tree('Runs').row(/forecast|keyboard/);
        await window.tree('Runs').rowDescribed(label, /^complete · 4 tasks/);
        // It was shown to whoever submitted it.
        await keyboard.isIn('.part.sidebar');
        await back();
        await keyboard.pressStep('Watch it', 'Open dashboard');
        await says(await window.editor.webview('#page main'), /4 tasks[\s\S]*Waves/);
        await back();
        await walkthrough.isDone('Watch it');
        await keyboard.pressStep('Look at the results', 'Explore results');
        await choose(/Run whose results/, /forecast|keyboard/);
        const page = await window.editor.webview('.results table.heat');
        await says(page, /The best \d points/);
        // In the page, too: a point opens its tasks.
        await keyboard.goTo(/^Choose point 1$/);
        await keyboard.press('Enter');
        await until('the tasks of the point', async () => (await page.locator('[data-part="detail"]').innerText()).includes('complete'));
        assert.equal(await page.locator('figure.effect').count(), 2);
        await window.screenshot('first-keyboard-results-dark');
        await back();
        await until('every step to be done', async () => (await walkthrough.steps()).length === 8 && (await walkthrough.steps()).every(({ done }) => done));
        await window.screenshot('first-keyboard-walkthrough-dark');
      } catch (error) {
        await window.screenshot('failed-first-keyboard');
        throw error;
      } finally {
        await window.dispose();
      }
    });
  });
});
