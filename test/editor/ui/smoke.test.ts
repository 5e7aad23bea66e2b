import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { openWorkbench, type Workbench } from '../ui.ts';

describe('The window of the editor (ui)', function () {
  this.timeout(5 * 60_000);
  let folder: string;
  let workbench: Workbench;

  before(async () => {
    folder = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), "hpc-agent ui's-")));
    await fs.mkdir(path.join(folder, 'experiments'));
    await fs.writeFile(path.join(folder, 'experiments', 'train.py'), 'import argparse\nprint("a sweep")\n');
    workbench = await openWorkbench(folder, { theme: 'dark', allBuiltins: true });
  });

  after(async () => {
    await workbench?.dispose();
    await fs.rm(folder, { recursive: true, force: true });
  });

  afterEach(async function () {
    await workbench.report(this.currentTest);
  });

  it('has our extension among the installed ones', async () => {
    await workbench.runCommand('Extensions: Show Installed Extensions');
    const extensions = workbench.page.locator('.extensions-list .extension-list-item .name', { hasText: 'HPC Agent' }).first();
    await extensions.waitFor({ state: 'visible' });
    await workbench.screenshot('smoke-extensions');
  });

  it('shows the palette with what is typed', async () => {
    await workbench.openPalette('Preferences: Color Theme');
    await workbench.quickPick.filter('>Preferences: Color Theme', 'Preferences: Color Theme');
    assert.ok((await workbench.quickPick.values()).some((row) => row.label === 'Preferences: Color Theme'));
    await workbench.screenshot('smoke-palette');
    await workbench.quickPick.cancel();
  });

  it('unfolds a tree, opens a file from it and offers its context menu', async () => {
    await workbench.activityBar.open('Explorer');
    const tree = workbench.tree('Explorer');
    await tree.expand('experiments');
    assert.deepEqual((await tree.rows()).map(({ label, level, expanded }) => ({ label, level, expanded })), [
      { label: 'experiments', level: 1, expanded: true },
      { label: 'train.py', level: 2, expanded: undefined },
    ]);
    await tree.click('train.py');
    await workbench.editor.waitFor('train.py');
    await workbench.editor.shows(/^import argparse\nprint\("a sweep"\)/);
    assert.ok((await tree.contextMenu('train.py')).includes('Copy Path'));
    await workbench.screenshot('smoke-tree');
    await workbench.page.keyboard.press('Escape');
    await tree.collapse('experiments');
  });

  it('changes the theme', async () => {
    for (const theme of ['light', 'hc', 'dark'] as const) {
      await workbench.setTheme(theme);
      await workbench.screenshot(`smoke-${theme}`);
    }
  });
});
