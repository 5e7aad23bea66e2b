/** The suite on a real Slurm. */
import { randomBytes } from 'node:crypto';
import { dialectFor } from '../../../src/scheduler/dialects.ts';
import { startSandbox } from '../../sandbox/sandbox.ts';
import { describeScheduler } from './describeScheduler.ts';
import { commandText } from './place.ts';

describeScheduler('scheduler slurm, on the sandbox', async () => {
  const sandbox = await startSandbox();
  const facts = await sandbox.asUser('printf "%s\\n" "$HOME" "$USER"; for t in sbatch squeue scancel scontrol sinfo sacct sacctmgr; do command -v "$t"; done; command -v python3');
  const [home = '', user = '', ...paths] = facts.stdout.trim().split('\n');
  const byName = Object.fromEntries(paths.map((file) => [file.slice(file.lastIndexOf('/') + 1), file]));
  const directory = `${home}/ct-${randomBytes(4).toString('hex')}`;
  return {
    dialect: dialectFor('slurm'),
    tools: { tools: byName, python: byName.python3, user, runtimeDirectory: '/nowhere' },
    directory,
    run: (command, variables) => sandbox.asUser(commandText(command, variables), command.stdin === undefined ? {} : { stdin: command.stdin }),
    script: (text, stdin) => sandbox.asUser(text, stdin === undefined ? {} : { stdin }),
    dispose: async () => {
      await sandbox.asUser(`rm -rf '${directory}'`);
    },
  };
});
