/**
 * On Slurm, in a sandbox of its own, since it mostly waits; on Grid Engine see `chainGrid.sandbox.test.ts`. While the first job runs into its limit,
 * another chain is cut off in the middle of its submission.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { startSandbox, stopSandbox } from '../sandbox.ts';
import { eventually, makeWorkspace } from './cli.ts';
import { describeChain } from './describeChain.ts';
import { byKey, jobsNamed } from './ledger.ts';

describeChain('Slurm (sandbox)', async () => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-chain-bed-'));
  const bed = { stateDirectory: path.join(folder, 'bed') };
  const sandbox = await startSandbox(bed);
  const { ssh } = sandbox;
  return {
    cluster: { scheduler: 'slurm', host: ssh.aliases.plain, ssh_config_file: ssh.sshConfigFile, scratch: '$HOME/scratch' },
    walltime: '1m',
    // Slurm looks at time limits only now and then.
    long: 105,
    read: async (file) => (await sandbox.asRoot(`cat "${file}"`)).stdout,
    clean: async () => {
      await stopSandbox({ ...bed, purge: true });
      await fs.rm(folder, { recursive: true, force: true });
    },
    meanwhile: async (cli, root) => {
      const name = `chain${Date.now().toString(36)}`;
      const workspace = await makeWorkspace(path.join(root, 'cut'), 2);
      const words = ['submit', '--cluster', 'bed', '--command', 'printf \'{"y": %s}\\n\' "$HPC_KW_X"', '--run-name', name, '--chain', '{"max_hops": 4}', '--yes'];
      const cut = cli.start(words, { cwd: workspace });
      // Somewhere between the first job of the chain and the last.
      await eventually('the first job is queued', async () => ((await jobsNamed(sandbox, `${name}-`)).length > 0 || cut.child.exitCode !== null ? true : undefined), 60_000, 20);
      cut.child.kill('SIGKILL');
      await cut.ended;
      const { run_id } = (await cli.data(words, { cwd: workspace })) as { run_id: string };
      const { run } = (await cli.data(['monitor', run_id, '--poll-interval-seconds', '1', '--wall-clock-budget-seconds', '100'], { cwd: workspace })) as unknown as { run: { counts: { complete: number } } };
      assert.equal(run.counts.complete, 2);
      const jobs = byKey(await jobsNamed(sandbox, `${name}-`), name);
      assert.deepEqual([...jobs.keys()].sort(), ['w0a0', 'w0a0h1', 'w0a0h2', 'w0a0h3', 'w0a0h4', 'w0c']);
      for (const [key, ids] of jobs) assert.equal(ids.length, 1, key);
    },
  };
});
