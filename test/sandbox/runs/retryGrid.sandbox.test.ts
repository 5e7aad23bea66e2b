/** On Grid Engine. */
import { startGridEngine } from '../gridEngine.ts';
import { describeRetries } from './describeRetries.ts';

describeRetries('Grid Engine', async () => {
  const grid = await startGridEngine();
  const { ssh } = grid;
  return { cluster: { scheduler: 'sge', host: ssh.aliases.plain, ssh_config_file: ssh.sshConfigFile, scratch: '$HOME/scratch' }, walltime: '30s', clean: () => grid.asUser('qdel -u "$USER"; rm -rf "$HOME"/scratch') };
});
