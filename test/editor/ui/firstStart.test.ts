/** The first minutes: an empty folder, the way to the sample, and a sweep of it on this computer. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { makePlace, pictures, quiet, type Place } from '../place.ts';
import { openWorkbench, type Workbench } from '../ui.ts';

describe('The first start (ui)', function () {
  this.timeout(5 * 60_000);
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

  it('offers the first step, and a computer to run on', async () => {
    const welcome = await workbench.tree('Runs').welcomed(/No runs yet/);
    for (const button of ['New sweep…', 'Try the sample', 'Add a cluster']) assert.ok(welcome.includes(button), welcome);
    await workbench.tree('Clusters').row('this-computer');
    await pictures(workbench, 'first-1-welcome', { highContrast: true });
  });

  it('tells what a script needs where none is found', async () => {
    await workbench.tree('Runs').pressWelcome('New sweep');
    const { buttons } = await workbench.notifications.waitFor(/^No script that can be run as a task was found/);
    assert.deepEqual(buttons, ['Try the sample', 'Show output']);
    await pictures(workbench, 'first-2-no-script');
    await workbench.notifications.press(/^No script/, 'Try the sample');
  });

  it('makes the sample where it is told to, and opens it', async () => {
    await workbench.inputBox.step(/Folder in which the sample is made/);
    await pictures(workbench, 'first-3-sample-folder');
    await workbench.inputBox.type(`${place.home}/`);
    await workbench.quickPick.press('Make it here');
    await workbench.notifications.press(/^The sample is in /, 'Open');
    await workbench.activityBar.open('HPC Agent');
    await workbench.tree('Runs').welcomed(/No runs yet/);
    assert.ok(await fs.stat(path.join(place.home, 'hpc-agent-sample', 'sweep.json')));
  });

  it('runs a sweep of it on this computer', async () => {
    const { quickPick, inputBox } = workbench;
    await workbench.runCommand('HPC Agent: New sweep…');
    await quickPick.step('Scripts to run');
    await quickPick.toggle(/ml_ridge/);
    await quickPick.accept();
    await quickPick.step('Choose a parameter');
    await quickPick.accept(/horizon/);
    await inputBox.step(/months ahead/);
    await inputBox.type('1,6');
    await inputBox.accept();
    await quickPick.step('Choose a parameter');
    await quickPick.accept(/Continue/);
    await quickPick.step('Where to run');
    await quickPick.accept(/this-computer/);
    await quickPick.step('Resources on this-computer');
    await quickPick.accept(/Continue/);
    await quickPick.step('What would happen');
    await pictures(workbench, 'first-4-review');
    await quickPick.accept(/Submit 2 tasks/);
    const { label } = await workbench.tree('Runs').row(/sample/);
    const { description } = await workbench.tree('Runs').rowDescribed(label, /^(complete|failed) · 2 tasks/);
    if (description.startsWith('failed')) {
      // What a person would do next; and what tells why a test failed.
      await workbench.tree('Runs').click('2 tasks failed');
      await workbench.tree('Runs').action('2 tasks failed', 'Show standard error');
      await workbench.quickPick.accept();
      assert.fail(await workbench.editor.shows(/\S/));
    }
    await workbench.tree('Runs').action(label, 'Open results');
    await workbench.editor.shows(/2 points/);
    await pictures(workbench, 'first-5-results');
  });
});
