/** On Grid Engine. */
import { startGridEngine } from '../gridEngine.ts';
import { describeJobs } from './describeJobs.ts';

describeJobs('Grid Engine', 'program', async () => {
  const grid = await startGridEngine();
  const { ssh } = grid;
  return {
    cluster: { scheduler: 'sge', host: ssh.aliases.plain, ssh_config_file: ssh.sshConfigFile, scratch: '$HOME/scratch' },
    asUser: async (script) => (await grid.asUser(script)).stdout,
    byHand: `mkdir -p logs; printf '#!/bin/sh\\necho "by hand $SGE_TASK_ID"; echo x >made.$SGE_TASK_ID; sleep 300\\n' >"$HOME/hand.sh" && qsub -terse -S /bin/sh -cwd -o logs -j y -t 1-2 -N byhand "$HOME/hand.sh" | cut -d. -f1`,
    cut: () => grid.faults.resetConnections(),
    clean: () => grid.asUser('qdel -u "$USER"; rm -rf "$HOME"/scratch "$HOME/by hand" "$HOME/hand.sh"'),
  };
});
