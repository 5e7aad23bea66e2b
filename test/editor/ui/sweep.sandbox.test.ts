/** The guided sweep on a real Slurm over SSH, as a person does it: from the scripts to the results. */
import * as assert from 'node:assert/strict';
import { startSandbox } from '../../sandbox/sandbox.ts';
import { pictures } from '../place.ts';
import type { Workbench } from '../ui.ts';
import { useWindow } from '../useWindow.ts';

describe('A sweep on Slurm, by the guide (ui)', function () {
  this.timeout(6 * 60_000);
  let workbench: Workbench;

  useWindow(
    async () => {
      const { ssh } = await startSandbox();
      return { workspace: 'sample', clusters: { bed: { scheduler: 'slurm', host: ssh.aliases.plain, ssh_config_file: ssh.sshConfigFile, scratch: '$HOME/scratch' } } };
    },
    async (window) => {
      ({ workbench } = window);
      await workbench.activityBar.open('HPC Agent');
    },
  );

  it('chooses scripts', async () => {
    const { quickPick } = workbench;
    await workbench.tree('Runs').pressWelcome('New sweep');
    await quickPick.step('Scripts to run');
    assert.deepEqual((await quickPick.values()).map(({ label }) => label), ['executors/ml_knn.py', 'executors/ml_ridge.py']);
    await pictures(workbench, 'sweep-1-scripts');
    await quickPick.toggle('executors/ml_ridge.py');
    await quickPick.toggle('executors/ml_knn.py');
    await quickPick.accept();
    await quickPick.step('Choose a parameter');
  });

  it('takes values for parameters, says what is wrong with them and counts the tasks', async () => {
    const { quickPick, inputBox } = workbench;
    await quickPick.accept(/horizon/);
    await inputBox.step(/months ahead/);
    await inputBox.type('1,,x:y');
    await inputBox.step(/value/i);
    await pictures(workbench, 'sweep-2-bad-value');
    await inputBox.accept();
    assert.match(await inputBox.title(), /horizon/, 'a bad value keeps the box open');
    await inputBox.type('1,5,25');
    await inputBox.step(/3 values.*6 tasks/);
    await pictures(workbench, 'sweep-3-value');
    await inputBox.back();
    await quickPick.step('Choose a parameter');
    assert.match((await quickPick.values()).find(({ label }) => label.includes('horizon'))?.description ?? '', /1.*default/, 'Back leaves the value as it was');
    await quickPick.accept(/horizon/);
    await inputBox.step(/months ahead/);
    await inputBox.type('1,5,25');
    await inputBox.accept();
    await quickPick.step('Choose a parameter');
    await quickPick.accept(/alpha/);
    await inputBox.step(/penalty/);
    await inputBox.type('logspace(1e-2,10,4)');
    await inputBox.accept();
    await quickPick.step('Choose a parameter');
    const rows = await quickPick.values();
    assert.match(rows[0]?.description ?? '', /= 15 tasks/);
    await pictures(workbench, 'sweep-4-parameters');
    await quickPick.accept(/Continue/);
  });

  it('chooses the cluster, which is checked first', async () => {
    const { quickPick } = workbench;
    await quickPick.step('Where to run');
    assert.deepEqual((await quickPick.values()).map(({ label }) => label.trim()), ['bed', 'this-computer', 'Add a cluster…']);
    await pictures(workbench, 'sweep-5-cluster');
    await quickPick.accept(/bed/);
  });

  it('goes back through every step and forth again, and nothing is lost', async () => {
    const { quickPick } = workbench;
    await quickPick.step('Resources on bed');
    await quickPick.back();
    await quickPick.step('Where to run');
    await quickPick.back();
    await quickPick.step('Choose a parameter');
    await quickPick.back();
    await quickPick.step('Scripts to run');
    assert.deepEqual((await quickPick.values()).map(({ checked }) => checked), [true, true]);
    await quickPick.accept();
    await quickPick.step('Choose a parameter');
    assert.match((await quickPick.values())[0]?.description ?? '', /= 15 tasks/);
    await quickPick.accept(/Continue/);
    await quickPick.step('Where to run');
    await quickPick.accept();
    await quickPick.step('Resources on bed');
  });

  it('takes resources', async () => {
    const { quickPick, inputBox } = workbench;
    await quickPick.accept(/Time limit/);
    await inputBox.step(/Time limit per task/);
    await inputBox.type('soon');
    await inputBox.step(/Write a time/);
    await inputBox.type('5m');
    await inputBox.accept();
    await quickPick.step('Resources on bed');
    await quickPick.accept(/Memory/);
    await inputBox.step(/Memory per task/);
    await inputBox.type('200M');
    await inputBox.accept();
    await quickPick.step('Resources on bed');
    await pictures(workbench, 'sweep-6-resources');
    await quickPick.accept(/Continue/);
  });

  it('shows what would happen, and the job script', async () => {
    const { quickPick } = workbench;
    await quickPick.step('What would happen');
    const rows = await quickPick.values();
    assert.match(rows[0]?.label ?? '', /Submit 15 tasks to bed/);
    assert.ok(rows.some(({ label }) => label.includes('15 tasks in 1 array, 1 wave')), JSON.stringify(rows));
    await pictures(workbench, 'sweep-7-review');
    await quickPick.accept(/Show the job script/);
    await workbench.editor.shows(/HPC_TASK_COUNT=15/);
    await quickPick.step('What would happen');
    await pictures(workbench, 'sweep-8-job-script');
    await quickPick.back();
    await quickPick.step('Resources on bed');
    await quickPick.accept(/Continue/);
    await quickPick.step('What would happen');
    await quickPick.accept(/Submit 15 tasks/);
  });

  it('shows the run in the tree and the status bar until it is complete, over a reload of the window', async () => {
    const runs = workbench.tree('Runs');
    await runs.row('co2-forecast');
    await pictures(workbench, 'sweep-9-submitted');
    await workbench.statusBar.waitFor(/waiting|running|no open runs/);
    await workbench.page.reload();
    await workbench.activityBar.open('HPC Agent');
    await workbench.tree('Runs').row('co2-forecast');
    await workbench.tree('Runs').rowDescribed('co2-forecast', /^complete · 15 tasks · bed/);
    await workbench.statusBar.waitFor(/no open runs/);
    await workbench.tree('Runs').expand('co2-forecast');
    await workbench.tree('Runs').expand('All tasks');
    await workbench.tree('Runs').row('task 0');
    await pictures(workbench, 'sweep-10-complete', { highContrast: true });
  });

  it('shows the log of a task', async () => {
    await workbench.tree('Runs').click('task 0');
    await workbench.editor.waitFor(/task 0 · stdout\.log/);
    await workbench.editor.shows(/\S/);
    await pictures(workbench, 'sweep-11-log');
  });

  it('shows the results, which are there once each', async () => {
    await workbench.tree('Runs').click('Results');
    await workbench.editor.waitFor(/results/);
    const text = await workbench.editor.shows(/15 points/);
    assert.match(text, /rmse/);
    await workbench.page.keyboard.press('Escape');
    await pictures(workbench, 'sweep-12-results');
    await workbench.runCommand('HPC Agent: Open results as CSV');
    await workbench.editor.waitFor(/\.csv$/);
    await workbench.screenshot('sweep-13-csv');
  });
});
