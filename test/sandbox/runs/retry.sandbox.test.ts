/**
 * On Slurm; on Grid Engine see `retryGrid.sandbox.test.ts`: each has its own cluster, and its own turn. The daemon of a node is killed alone, so that
 * its tasks live on without it, as they do; and the run is of the partition that gives way.
 */
import assert from 'node:assert/strict';
import { startSandbox } from '../sandbox.ts';
import { eventually } from './cli.ts';
import { describeRetries } from './describeRetries.ts';

describeRetries('Slurm', async () => {
  const sandbox = await startSandbox();
  const { ssh } = sandbox;
  await sandbox.faults.mendAll();
  const admin = async (script: string, machine?: string): Promise<void> => {
    const { exitCode, stderr } = await sandbox.asRoot(script, machine === undefined ? {} : { machine });
    assert.equal(exitCode, 0, `${script}: ${stderr}`);
  };
  const state = async (nodes: string): Promise<string> => (await sandbox.asUser(`sinfo --noheader --Node --partition=scavenge --nodes=${nodes} --format=%T`)).stdout.trim();
  return {
    // A site may put the tasks of a lost node back into the queue itself. Here it is left to us.
    cluster: { scheduler: 'slurm', host: ssh.aliases.plain, ssh_config_file: ssh.sshConfigFile, scratch: '$HOME/scratch', defaults: { extra_arguments: ['--no-requeue'] } },
    resources: { partition: 'scavenge', walltime: '1m' },
    open: async (node) => {
      if (node === 1) await admin('scontrol update nodename=node[2-4] state=drain reason=test');
      else if (node === 2) await admin('scontrol update nodename=node1 state=drain reason=test; scontrol update nodename=node2 state=resume');
      else await admin('scontrol update nodename=node[3-4] state=resume');
    },
    harm: async () => {
      await admin('kill -KILL "$(cat /run/slurm/slurmd.pid)"', 'node1');
      // Slurm notices by itself after 15 to 35 s (see the diagnosis of a lost node); a site's health check is faster.
      await admin('scontrol update nodename=node1 state=down reason=test');
      const { stdout } = await sandbox.asUser('sbatch --parsable --partition=cpu --nodelist=node2 --exclusive --time=2 --output=/dev/null --wrap="sleep 100"');
      try {
        await eventually('the other job has the node', async () => ((await sandbox.asUser(`squeue --noheader --jobs=${stdout.trim()} --format=%T`)).stdout.trim() === 'RUNNING' ? true : undefined));
      } finally {
        await sandbox.asUser(`scancel ${stdout.trim()}`);
      }
    },
    mend: async () => {
      await sandbox.faults.startMachine('node1');
      // Where it has come back by itself there is nothing to resume.
      await sandbox.asRoot('scontrol update nodename=node1 state=resume');
      await eventually('node1 is idle', async () => ((await state('node1')) === 'idle' ? true : undefined));
    },
    proofs: {
      node_failure: ['proved', 'accounting', /NODE_FAIL/],
      preempted: ['proved', 'accounting', /PREEMPTED/],
      walltime: ['proved', 'accounting', /TIMEOUT/],
      system_oom: ['proved', 'log', /[Ee]xceeded .*memory limit/],
    },
    clean: async () => {
      await sandbox.asUser('scancel --user="$USER"; rm -rf "$HOME"/scratch/hpc-agent');
      await sandbox.faults.mendAll();
    },
  };
});
