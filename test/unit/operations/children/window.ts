/** A window without a face: `window.ts <folder> <HPC_AGENT_HOME> <interval in ms>` watches this computer's runs until it is ended, and prints every look. */
import * as os from 'node:os';
import * as path from 'node:path';
import { sleep } from '../../../../src/foundation/abort.ts';
import { systemClock } from '../../../../src/foundation/clock.ts';
import { silentLog } from '../../../../src/foundation/log.ts';
import { createServices } from '../../../../src/operations/createServices.ts';
import { openWatch } from '../../../../src/operations/watch.ts';

const [folder = '', home = '', interval = '500'] = process.argv.slice(2);
const services = createServices({
  version: '0.0.0',
  assetsDirectory: path.resolve(import.meta.dirname, '../../../..'),
  userHome: os.homedir(),
  home,
  env: process.env,
  prompts: { secret: () => Promise.resolve(undefined), trustHostKey: () => Promise.resolve('refuse' as const) },
  log: silentLog,
  clock: systemClock,
  trusted: () => true,
});
const watch = await openWatch({ services });
const call = { signal: new AbortController().signal, progress: (): void => undefined };
for (;;) {
  const answer = await watch.look({ cluster: 'this-computer', folders: [folder], intervalMs: Number(interval), onlyConnected: false }, call);
  process.stdout.write(`${JSON.stringify({ asked: answer.asked, problem: answer.problem?.message })}\n`);
  await sleep(Math.min(answer.nextMs ?? 500, 1000));
}
