/** The suite on this machine: real supervisors, in a state folder of their own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { dialectFor } from '../../../src/scheduler/dialects.ts';
import { describeScheduler } from './describeScheduler.ts';
import { commandText, spawnText } from './place.ts';

describeScheduler('scheduler background, on this machine', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'hpc-background-'));
  const env = { ...process.env, HPC_AGENT_BACKGROUND_DIR: path.join(root, 'state'), HPC_AGENT_BACKGROUND_SLOTS: '6', HPC_AGENT_BACKGROUND_GRACE_S: '2' };
  const found = await spawnText('sh', ['-c', 'command -v python3']);
  return {
    dialect: dialectFor('background'),
    tools: { tools: {}, python: found.stdout.trim(), user: 'me', runtimeDirectory: fileURLToPath(new URL('../../../templates/runtime', import.meta.url)) },
    directory: path.join(root, 'work'),
    run: (command, variables) => spawnText('sh', ['-c', commandText(command, variables)], { env, ...(command.stdin === undefined ? {} : { stdin: command.stdin }) }),
    script: (text, stdin) => spawnText('sh', ['-c', text], { env, ...(stdin === undefined ? {} : { stdin }) }),
    // The suite has cancelled its jobs; a supervisor that still writes its end may hold the folder for a moment.
    dispose: () => rm(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }),
  };
});
