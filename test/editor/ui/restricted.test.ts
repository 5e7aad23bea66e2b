/** A folder that nobody has trusted: it can be looked at, and nothing of it is run. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as net from 'node:net';
import * as path from 'node:path';
import { pictures, type Place } from '../place.ts';
import { until } from '../driver/wait.ts';
import type { Workbench } from '../ui.ts';
import { useWindow } from '../useWindow.ts';

const plantedRun = '20260301-120000-planted';

/** As if it were under way on a cluster of whoever opens the folder. */
function plantedRecord(folder: string): Readonly<Record<string, unknown>> {
  const arrays = [{ key: 'w0a0', wave: 0, first_task: 0, task_count: 1, job_name: 'planted-w0a0-0123456789', job_id: '1' }];
  return {
    sidecar_schema_version: 2, run_id: plantedRun, cmd_sha: 'c'.repeat(64), submitted_at: new Date().toISOString(), executor: 'true', result_dir_template: 'results/{run_id}/task_{task_id}', task_count: 1, cluster: 'own', remote_path: folder, job_ids: ['1'],
    extra: { submission: { token: '0123456789abcdef', run_name: 'planted-run', workspace_id: 'a'.repeat(32), scheduler: 'slurm', state_dir: folder, max_concurrent: null, env: {}, arrays, combiners: [], logs: { w0a0: { out: `${folder}/o`, err: `${folder}/e` } } } },
  };
}

describe('A workspace that is not trusted (ui)', function () {
  this.timeout(5 * 60_000);
  let place: Place;
  let workbench: Workbench;
  let trap: net.Server;
  let knocks = 0;

  useWindow(
    async () => {
      trap = net.createServer((socket) => {
        knocks += 1;
        socket.destroy();
      });
      await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
      const { port } = trap.address() as net.AddressInfo;
      const prepare = async ({ workspace }: Place): Promise<void> => {
        await fs.mkdir(path.join(workspace, '.hpc', 'runs'), { recursive: true });
        await fs.writeFile(path.join(workspace, '.hpc', 'tasks.py'), 'open("evaluated", "w").close()\n\ndef total():\n    return 1\n\ndef resolve(i):\n    return {}\n');
        await fs.writeFile(path.join(workspace, '.hpc', 'clusters.yaml'), JSON.stringify({ planted: { scheduler: 'slurm', host: 'evil.example.org', scratch: '/tmp' } }));
      };
      return {
        workspace: 'probe',
        // The user's own: whoever made the folder guessed its name.
        clusters: { own: { scheduler: 'slurm', connection: 'ssh', host: '127.0.0.1', port, scratch: '/tmp' } },
        prepare,
        window: { workspaceTrust: true, settings: { 'security.workspace.trust.startupPrompt': 'never', 'security.workspace.trust.banner': 'never' } },
      };
    },
    async (window) => {
      ({ place, workbench } = window);
      await workbench.activityBar.open('HPC Agent');
    },
  );

  after(() => {
    trap?.close();
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

  it('shows what its records say and asks no cluster about it', async () => {
    const { workspace } = place;
    await fs.writeFile(path.join(workspace, '.hpc', 'runs', `${plantedRun}.params.jsonl`), '{}\n');
    await fs.writeFile(path.join(workspace, '.hpc', 'runs', `${plantedRun}.json`), JSON.stringify(plantedRecord(workspace)));
    const runs = workbench.tree('Runs');
    await runs.row('planted-run');
    await runs.titleAction('Refresh');
    await runs.contextAction('planted-run', 'Show log');
    await workbench.editor.shows(/own is not asked about the runs of a workspace that is not trusted/);
    await workbench.screenshot('restricted-3-record-dark');
    assert.equal(knocks, 0);
  });

  it('leads to the editor’s own page on trust; then the cluster is asked', async () => {
    await workbench.runCommand('Workspaces: Manage Workspace Trust');
    // Newer versions show the page over the window, older ones as an editor.
    await workbench.page.locator('.workspace-trust-editor .monaco-button', { hasText: /^Trust$/ }).first().click();
    await workbench.page.keyboard.press('Escape');
    await workbench.tree('Clusters').row('planted');
    await until('the cluster to be asked', () => Promise.resolve(knocks > 0));
    await workbench.screenshot('restricted-2-trusted');
  });
});
