/** The suite on a fake PBS, once for each kind of client that it can be: both generations of OpenPBS's, and TORQUE. */
import * as path from 'node:path';
import { dialectFor } from '../../../src/scheduler/dialects.ts';
import { describeScheduler } from './describeScheduler.ts';
import { startFakePbs, type PbsFlavour } from './fakePbs/fakePbs.ts';
import { commandText, spawnText } from './place.ts';

const titles: Readonly<Record<PbsFlavour, string>> = { a: 'OpenPBS, newest clients', b: 'OpenPBS, clients of the release', torque: 'TORQUE' };

for (const [flavour, title] of Object.entries(titles)) {
  describeScheduler(`scheduler pbs, on a fake ${title}`, async () => {
    const pbs = await startFakePbs({ flavour: flavour as PbsFlavour, server: flavour === 'torque' ? 'torque-server.cluster.example.org' : 'pbs01' });
    return {
      dialect: dialectFor('pbs'),
      tools: { tools: pbs.tools, python: pbs.python, user: 'carol', runtimeDirectory: '/nowhere' },
      directory: path.join(pbs.root, 'work'),
      run: (command, variables) => spawnText('sh', ['-c', commandText(command, variables)], { env: pbs.env, ...(command.stdin === undefined ? {} : { stdin: command.stdin }) }),
      script: (text, stdin) => spawnText('sh', ['-c', text], { env: pbs.env, ...(stdin === undefined ? {} : { stdin }) }),
      // What can never run is accepted and waits for ever; a queue that is not there is not.
      refused: { request: { resources: { partition: 'nowhere' } }, words: /unknown queue/i },
      dispose: () => pbs.dispose(),
    };
  });
}
