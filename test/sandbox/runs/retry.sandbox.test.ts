/** On Slurm; on Grid Engine see `retryGrid.sandbox.test.ts`: each has its own cluster, and its own turn. */
import { startSandbox } from '../sandbox.ts';
import { describeRetries } from './describeRetries.ts';

describeRetries('Slurm', async () => {
  const sandbox = await startSandbox();
  const { ssh } = sandbox;
  await sandbox.faults.mendAll();
  return { cluster: { scheduler: 'slurm', host: ssh.aliases.plain, ssh_config_file: ssh.sshConfigFile, scratch: '$HOME/scratch' }, walltime: '1m', clean: () => sandbox.asUser('rm -rf "$HOME"/scratch/hpc-agent; scancel --user="$USER"') };
});
