/** On Slurm; on Grid Engine see `jobsGrid.sandbox.test.ts`. */
import { startSandbox } from '../sandbox.ts';
import { describeJobs } from './describeJobs.ts';

describeJobs('Slurm', 'connection', async () => {
  const sandbox = await startSandbox();
  const { ssh } = sandbox;
  return {
    cluster: { scheduler: 'slurm', host: ssh.aliases.plain, ssh_config_file: ssh.sshConfigFile, scratch: '$HOME/scratch' },
    asUser: async (script) => (await sandbox.asUser(script)).stdout,
    byHand: `sbatch --parsable --array=1-2 -J byhand --wrap 'echo "by hand $SLURM_ARRAY_TASK_ID"; echo x >made.$SLURM_ARRAY_TASK_ID; sleep 300'`,
    cut: () => sandbox.faults.resetConnections(),
    clean: () => sandbox.asUser('rm -rf "$HOME"/scratch/hpc-agent "$HOME/by hand"; scancel --user="$USER"'),
  };
});
