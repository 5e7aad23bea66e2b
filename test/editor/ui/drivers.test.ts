/** The page drivers against an extension that shows one of everything: they must read and press what is really there. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { packFixture } from '../packFixture.ts';
import { openWorkbench, type Workbench } from '../ui.ts';

describe('The page drivers (ui)', function () {
  this.timeout(5 * 60_000);
  let folder: string;
  let workbench: Workbench;

  before(async () => {
    folder = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-agent-drivers-')));
    workbench = await openWorkbench(folder, { theme: 'light', vsix: await packFixture() });
  });

  after(async () => {
    await workbench?.dispose();
    await fs.rm(folder, { recursive: true, force: true });
  });

  afterEach(async function () {
    await workbench.report(this.currentTest);
  });

  it('read and press trees', async () => {
    await workbench.activityBar.open('Driver Fixture');
    const tree = workbench.tree('Things');
    await tree.expand('fruit');
    await tree.row('pear');
    assert.deepEqual(
      (await tree.rows()).map(({ label, description, level, expanded }) => [label, description, level, expanded]),
      [
        ['fruit', 'kind', 1, true],
        ['apple', '', 2, undefined],
        ['pear', '', 2, undefined],
        ['stone', 'kind', 1, undefined],
      ],
    );
    assert.equal(await workbench.activityBar.badge('Driver Fixture'), '2');
    await tree.action('pear', 'Act');
    assert.equal((await workbench.notifications.waitFor('acted on pear')).severity, 'info');
    await tree.contextAction('apple', 'Remove thing');
    await workbench.notifications.waitFor('removed apple');
    await tree.titleAction('Refresh things');
    assert.equal((await workbench.notifications.waitFor('refreshed')).severity, 'error');
    await workbench.screenshot('driver-tree');
    await workbench.notifications.clear();
    await tree.collapse('fruit');
    assert.equal((await tree.rows()).length, 2);
  });

  it('go through the steps of a quick pick and an input box, and back', async () => {
    const { quickPick, inputBox } = workbench;
    await workbench.runCommand('Driver Fixture: Ask');
    await quickPick.step('Choose a colour');
    assert.deepEqual(
      (await quickPick.values()).map(({ label, description, detail }) => [label, description, detail]),
      [
        ['red', 'warm', 'like fire'],
        ['blue', 'cold', ''],
      ],
    );
    await quickPick.accept('blue');
    await inputBox.step('Choose a number');
    await inputBox.back();
    await quickPick.step('Choose a colour');
    await quickPick.filter('bl', 'blue');
    await quickPick.accept();
    await inputBox.step('Choose a number');
    await inputBox.type('seven');
    await inputBox.step(/seven is not a number/);
    await workbench.screenshot('driver-input');
    await inputBox.type('7');
    await inputBox.accept();
    const asked = await workbench.notifications.waitFor('blue 7');
    assert.deepEqual(asked.buttons, ['Confirm…', 'Drop']);
    await workbench.notifications.press('blue 7', 'Confirm…');
    assert.match(await workbench.dialog.text(), /Really do it\?.*Twice\./);
    await workbench.screenshot('driver-dialog');
    await workbench.dialog.press('Do it');
  });

  it('open the palette again when something else takes the focus from it', async () => {
    // Twice: as soon as a row is there, the focus goes to the side of the window, as to an editor that is slow to open.
    await workbench.page.evaluate<undefined>(`void (() => {
      let times = 2;
      const watcher = new MutationObserver(() => {
        if (document.querySelector('.quick-input-widget:not([style*="display: none"]) .monaco-list-row') === null) return;
        times -= 1;
        if (times === 0) watcher.disconnect();
        document.querySelector('.activitybar a.action-label').focus();
      });
      watcher.observe(document.body, { childList: true, subtree: true, attributes: true });
      globalThis.timesLeft = () => times;
    })()`);
    await workbench.runCommand('Driver Fixture: Ask');
    await workbench.quickPick.step('Choose a colour');
    assert.equal(await workbench.page.evaluate<number>('globalThis.timesLeft()'), 0);
    await workbench.quickPick.cancel();
  });

  it('read and press the status bar and a welcome view', async () => {
    assert.match((await workbench.statusBar.waitFor('2 things')).spoken, /2 things/);
    await workbench.statusBar.press('2 things');
    await workbench.quickPick.step('Choose a colour');
    await workbench.quickPick.cancel();
    const empty = workbench.tree('Empty');
    await empty.open();
    assert.match(await empty.welcome(), /^Nothing here\./);
    await empty.pressWelcome('Ask');
    await workbench.quickPick.step('Choose a colour');
    await workbench.quickPick.cancel();
  });

  it('read a webview and a log', async () => {
    await workbench.runCommand('Driver Fixture: Show Page');
    await workbench.editor.waitFor('Fixture Page');
    const page = await workbench.editor.webview('#hello');
    assert.equal(await page.locator('#hello').innerText(), 'hello from the page');
    await workbench.screenshot('driver-webview');
    await workbench.runCommand('Driver Fixture: Show Log');
    assert.match(await workbench.output(/logged/), /a logged line/);
  });

  it('talk to a chat participant', async () => {
    await workbench.chat.open('Fixture Model');
    await workbench.chat.send('@fixture good morning');
    assert.match(await workbench.chat.answer(), /you said good morning/);
    await workbench.screenshot('driver-chat');
  });
});
