/** Runs that do not go well, on a real Slurm: failed tasks with their evidence, a cancelled run, a submission that was killed half-way. */
import * as assert from 'node:assert/strict';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { startSandbox } from '../../sandbox/sandbox.ts';
import { killedAtRecord, pictures, runCli, startCli, type Place } from '../place.ts';
import { until } from '../driver/wait.ts';
import { resultsFolder } from '../paths.ts';
import type { Workbench } from '../ui.ts';
import { useWindow } from '../useWindow.ts';

describe('Runs that need somebody (ui)', function () {
  this.timeout(6 * 60_000);
  let place: Place;
  let workbench: Workbench;

  useWindow(
    async () => {
      const { ssh } = await startSandbox();
      return { workspace: 'probe', clusters: { bed: { scheduler: 'slurm', host: ssh.aliases.plain, ssh_config_file: ssh.sshConfigFile, scratch: '$HOME/scratch' } } };
    },
    async (window) => {
      ({ place, workbench } = window);
      await workbench.activityBar.open('HPC Agent');
    },
  );

  const sweep = async (axes: Readonly<Record<string, string>>): Promise<void> => {
    const spec = path.join(place.home, 'spec.json');
    await fs.writeFile(spec, JSON.stringify({ executors: ['probe.py'], axes, overwrite: true }));
    await runCli(workbench, place, ['build-tasks-py', '--spec', spec, '--yes']);
  };
  const refresh = (): Promise<void> => workbench.tree('Runs').titleAction('Refresh');
  const records = async (): Promise<readonly string[]> => (await fs.readdir(path.join(place.workspace, '.hpc', 'runs')).catch(() => [])).filter((name) => name.endsWith('.json'));

  const runIdOf = async (name: string): Promise<string> => {
    const { runs } = (await runCli(workbench, place, ['list-runs'])) as unknown as { runs: { run_name: string; run_id: string }[] };
    return runs.find(({ run_name }) => run_name === name)?.run_id ?? assert.fail(`no run ${name}`);
  };

  it('shows failed tasks as a group with the evidence, and their logs', async () => {
    await sweep({ x: '1,2,3,4', fails_from: '3' });
    await runCli(workbench, place, ['submit', '--cluster', 'bed', '--run-name', 'some-fail', '--yes']);
    const runs = workbench.tree('Runs');
    await refresh();
    await until('the failures in the tree', async () => {
      if ((await runs.row('some-fail')).description.startsWith("failed · 2 of 4 · 2 failed")) return true;
      await refresh();
      return false;
    });
    await until('the badge', async () => (await workbench.activityBar.badge('HPC Agent')) === '1');
    await workbench.statusBar.waitFor(/2 failed/);
    await runs.expand('some-fail');
    const group = await runs.row('2 tasks failed');
    await runs.expand(group.label);
    await runs.row('task 2');
    await pictures(workbench, 'runs-1-failed', { highContrast: true });
    const tip = await runs.tooltip('task 2');
    assert.match(tip, /exit status 1|ValueError/);
    await workbench.page.screenshot({ path: path.join(resultsFolder, 'screenshots', 'runs-2-tooltip-dark.png') });
    await runs.click('task 2');
    await workbench.editor.shows(/ValueError: x is too big: 3/);
    await pictures(workbench, 'runs-3-error-log');
  });

  it('says why they failed, with the line, and submits them again when it is told that the cause is mended', async () => {
    const runs = workbench.tree('Runs');
    await runs.expand('Why they failed');
    const why = await runs.row(/^Error in the program \(2\)$/);
    assert.match(why.description, /ValueError: x is too big: 3.*probe\.py:\d+/);
    await pictures(workbench, 'runs-9-why', { highContrast: true });
    await runs.action('Why they failed', 'Submit failed tasks again…');
    await workbench.quickPick.step(/again/);
    await workbench.quickPick.toggle(/^Mended: Error in the program \(2\)$/);
    await workbench.screenshot('runs-10-again-dark');
    await workbench.quickPick.accept();
    assert.match(await workbench.dialog.text(), /Submit 2 tasks of run .*some-fail.* again on bed: 2 × Error in the program \(as before\)/s);
    await workbench.screenshot('runs-11-again-dark');
    await workbench.dialog.press('Submit again');
    await workbench.notifications.waitFor(/Submitted 2 tasks again on bed as 1 array \(attempt 2\)/);
    // They fail again, since nothing was mended: two more starts, and no third.
    const runId = await runIdOf('some-fail');
    await until('the second attempt to have failed', async () => {
      const { run } = (await runCli(workbench, place, ['status', runId])) as unknown as { run: { counts: { failed: number }; job_ids: string[] } };
      return run.counts.failed === 2 && run.job_ids.length === 2;
    });
    await refresh();
    await runs.rowDescribed('some-fail', /^failed · 2 of 4 · 2 failed/);
    await workbench.notifications.clear();
  });

  it('asks before it cancels, says what, and cancels', async () => {
    await sweep({ seconds: '600', x: '1,2,3' });
    await runCli(workbench, place, ['submit', '--cluster', 'bed', '--run-name', 'long-one', '--yes']);
    const runs = workbench.tree('Runs');
    await refresh();
    await runs.rowDescribed('long-one', /^(queued|running)/);
    await runs.action('long-one', 'Cancel run…');
    assert.match(await workbench.dialog.text(), /3 unfinished tasks of run .*long-one.* on bed/s);
    await workbench.screenshot('runs-4-cancel-dark');
    await workbench.dialog.press('Keep');
    await runs.rowDescribed('long-one', /^(queued|running)/);
    await runs.action('long-one', 'Cancel run…');
    await workbench.dialog.text();
    await workbench.dialog.press('Cancel run');
    await workbench.notifications.waitFor(/3 tasks were asked to end on bed/);
    await until('the run to be cancelled', async () => {
      if ((await runs.row('long-one')).description.startsWith("cancelled")) return true;
      await refresh();
      return false;
    });
    await pictures(workbench, 'runs-5-cancelled');
    await workbench.notifications.clear();
  });

  it('finishes a submission that was killed, and everything is there once', async () => {
    await sweep({ x: '10,20,30' });
    const before = await records();
    const cli = await startCli(workbench, place, ['submit', '--cluster', 'bed', '--run-name', 'killed', '--yes'], killedAtRecord);
    await once(cli, 'close');
    assert.deepEqual([cli.signalCode, (await records()).length], ['SIGKILL', before.length + 1]);
    const runs = workbench.tree('Runs');
    await refresh();
    await runs.row('killed');
    await pictures(workbench, 'runs-6-killed');
    await runs.action('killed', 'Finish interrupted submission…');
    assert.match(await workbench.dialog.text(), /2 of 2 jobs of killed are not on bed/);
    await workbench.screenshot('runs-7-finish-dark');
    await workbench.dialog.press('Submit what is missing');
    await until('the run to be complete', async () => {
      if ((await runs.row('killed')).description.startsWith("complete · 3 tasks")) return true;
      await refresh();
      return false;
    });
    await pictures(workbench, 'runs-8-finished');
    await runs.action('killed', 'Open results');
    const text = await workbench.editor.shows(/3 points/);
    for (const double of ['20', '40', '60']) assert.match(text, new RegExp(`\\b${double}\\b`));
  });
});
