/** On Grid Engine, which ends a job at its limit without a warning. */
import { startGridEngine } from '../gridEngine.ts';
import { describeChain } from './describeChain.ts';

describeChain('Grid Engine (sandbox)', async () => {
  const grid = await startGridEngine();
  const { ssh } = grid;
  return {
    cluster: { scheduler: 'sge', host: ssh.aliases.plain, ssh_config_file: ssh.sshConfigFile, scratch: '$HOME/scratch' },
    walltime: '25s',
    long: 35,
    read: async (file) => (await grid.asUser(`cat "${file}"`)).stdout,
    clean: () => grid.asUser('qdel -u "$USER"; rm -rf "$HOME"/scratch'),
  };
});
