/** The suite on a real Grid Engine. */
import { randomBytes } from 'node:crypto';
import { dialectFor } from '../../../src/scheduler/dialects.ts';
import { startGridEngine } from '../../sandbox/gridEngine.ts';
import { describeScheduler } from './describeScheduler.ts';
import { commandText } from './place.ts';

describeScheduler('scheduler sge, on the sandbox', async () => {
  const grid = await startGridEngine();
  const facts = await grid.asUser('printf "%s\\n" "$HOME" "$USER"; for t in qsub qstat qacct qdel qconf; do command -v "$t"; done; command -v python3');
  const [home = '', user = '', ...paths] = facts.stdout.trim().split('\n');
  const byName = Object.fromEntries(paths.map((file) => [file.slice(file.lastIndexOf('/') + 1), file]));
  const directory = `${home}/ct-${randomBytes(4).toString('hex')}`;
  return {
    dialect: dialectFor('sge'),
    tools: { tools: byName, python: byName.python3, user, runtimeDirectory: '/nowhere' },
    lacks: ['comments', 'cancelled', 'afterok'],
    directory,
    run: (command, variables) => grid.asUser(commandText(command, variables), command.stdin === undefined ? {} : { stdin: command.stdin }),
    script: (text, stdin) => grid.asUser(text, stdin === undefined ? {} : { stdin }),
    dispose: async () => {
      await grid.asUser(`rm -rf '${directory}'`);
    },
  };
});
