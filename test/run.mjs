/**
 * `npm test`: installs the packages if they are not there, then hands over to `test/run.ts`. Needs only Node and npm.
 *
 *   npm test [-- suite ...]     `npm test -- --list` names the suites
 */
import { spawn } from 'node:child_process';
import * as path from 'node:path';
import { ensureDependencies, root } from './runner/dependencies.mjs';

if (Number(process.versions.node.split('.')[0]) < 20) {
  console.error(`Node 20 or newer is needed; this is ${process.version}.`);
  process.exit(1);
}
try {
  await ensureDependencies((line) => console.log(line));
} catch (error) {
  console.error(error.message);
  console.log('0 passed, 1 failed, 0 skipped');
  process.exit(1);
}
const child = spawn(process.execPath, ['--import', 'tsx', path.join(root, 'test', 'run.ts'), ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
// A terminal sends its interrupt to both, who signals this process means both: the other one counts it once.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('close', (code) => {
  process.exitCode = code ?? 1;
});
