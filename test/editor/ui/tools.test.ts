/** What language models are given: tools that ask before they act, in resolved values, and the chat participant over them. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { packFixture } from '../packFixture.ts';
import { vsixFile } from '../paths.ts';
import { pictures, runCli, type Place } from '../place.ts';
import type { Workbench } from '../ui.ts';
import { useWindow } from '../useWindow.ts';

describe('Tools and chat (ui)', function () {
  this.timeout(5 * 60_000);
  let place: Place;
  let workbench: Workbench;

  useWindow(async () => ({ workspace: 'probe', window: { vsix: [vsixFile, await packFixture()] } }), async (window) => {
    ({ place, workbench } = window);
    const spec = path.join(place.home, 'spec.json');
    await fs.writeFile(spec, JSON.stringify({ executors: ['probe.py'], axes: { x: '1,2,3' } }));
    await runCli(workbench, place, ['build-tasks-py', '--spec', spec, '--yes']);
  });

  const invoke = async (name: string, input: unknown): Promise<void> => {
    await workbench.runCommand('Driver Fixture: Invoke Tool');
    await workbench.inputBox.step('Tool and input');
    await workbench.inputBox.type(`${name} ${JSON.stringify(input)}`);
    await workbench.inputBox.accept();
  };

  it('answers a question without asking back', async () => {
    await invoke('hpc_plan', { cluster: 'this-computer' });
    await workbench.editor.shows(/"total_tasks":\s?3/);
  });

  it('asks before it submits, with what would be done; a refusal submits nothing', async () => {
    await invoke('hpc_submit', { cluster: 'this-computer', run_name: 'by-a-model' });
    const question = await workbench.dialog.text();
    assert.match(question, /3 tasks/);
    assert.match(question, /this-computer/);
    await workbench.screenshot('tools-1-confirm-dark');
    await workbench.dialog.press('Cancel');
    await workbench.notifications.waitFor(/^not invoked/);
    await workbench.notifications.clear();
    assert.deepEqual(await fs.readdir(path.join(place.workspace, '.hpc', 'runs')).catch(() => []), []);
  });

  it('answers in chat from data, without any model', async () => {
    await runCli(workbench, place, ['submit', '--cluster', 'this-computer', '--run-name', 'by-hand', '--yes']);
    await workbench.chat.open('Fixture Model');
    await workbench.chat.send('@hpc /status');
    assert.match(await workbench.chat.answerLike(/by-hand/), /by-hand on this-computer is .* 3 tasks/);
    await pictures(workbench, 'tools-2-chat');
  });

  it('lets the chosen model use our tools', async () => {
    await workbench.chat.send('please call hpc_discover');
    assert.match(await workbench.chat.answerLike(/the tool said/), /probe\.py/);
  });
});
