/** A folder that nobody has trusted: it can be looked at, and nothing of it is run. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { makePlace, pictures, type Place } from '../place.ts';
import { openWorkbench, type Workbench } from '../ui.ts';

describe('A workspace that is not trusted (ui)', function () {
  this.timeout(5 * 60_000);
  let place: Place;
  let workbench: Workbench;

  before(async () => {
    place = await makePlace({ workspace: 'probe' });
    await fs.mkdir(path.join(place.workspace, '.hpc'));
    await fs.writeFile(path.join(place.workspace, '.hpc', 'tasks.py'), 'open("evaluated", "w").close()\n\ndef total():\n    return 1\n\ndef resolve(i):\n    return {}\n');
    await fs.writeFile(path.join(place.workspace, '.hpc', 'clusters.yaml'), JSON.stringify({ planted: { scheduler: 'slurm', host: 'evil.example.org', scratch: '/tmp' } }));
    workbench = await openWorkbench(place.workspace, { theme: 'dark', env: place.env, workspaceTrust: true, settings: { 'security.workspace.trust.startupPrompt': 'never', 'security.workspace.trust.banner': 'never' } });
    await workbench.activityBar.open('HPC Agent');
  });

  after(async () => {
    await workbench?.dispose();
    await place?.remove();
  });

  afterEach(async function () {
    await workbench?.report(this.currentTest);
  });

  it('says so where the runs would be, and offers to change it', async () => {
    assert.match(await workbench.tree('Runs').welcomed(/not trusted/), /Manage workspace trust/);
    await pictures(workbench, 'restricted-1-welcome');
  });

  it('does not take the folder’s own clusters', async () => {
    await workbench.tree('Clusters').row('this-computer');
    assert.deepEqual((await workbench.tree('Clusters').rows()).filter(({ label }) => label === 'planted'), []);
  });

  it('does not offer what runs code', async () => {
    await workbench.openPalette('HPC Agent: ');
    const offered = (await workbench.quickPick.values()).map(({ label }) => label);
    assert.ok(offered.includes('HPC Agent: Add cluster…'), offered.join());
    for (const title of ['New sweep…', 'Submit run…', 'Plan']) assert.ok(!offered.includes(`HPC Agent: ${title}`), title);
    await workbench.quickPick.cancel();
    assert.equal(await fs.stat(path.join(place.workspace, 'evaluated')).catch(() => undefined), undefined);
  });

  it('leads to the editor’s own page on trust', async () => {
    await workbench.tree('Runs').pressWelcome('Manage workspace trust');
    // Newer versions show the page over the window, older ones as an editor.
    await workbench.page.locator('.workspace-trust-editor .monaco-button', { hasText: /^Trust$/ }).first().click();
    await workbench.page.keyboard.press('Escape');
    assert.match(await workbench.tree('Runs').welcomed(/No runs yet/), /New sweep/);
    await workbench.tree('Clusters').row('planted');
    await workbench.screenshot('restricted-2-trusted');
  });
});
