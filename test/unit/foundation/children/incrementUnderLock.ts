/** `incrementUnderLock.ts LOCK COUNTER TIMES`: adds one to the number in a file, many times, each time under the lock. */
import * as fs from 'node:fs';
import { withFileLock } from '../../../../src/foundation/fileLock.ts';

const [lock = '', counter = '', times = '0'] = process.argv.slice(2);
for (let i = 0; i < Number(times); i += 1) {
  await withFileLock(lock, async () => {
    const value = Number(fs.readFileSync(counter, 'utf8'));
    await new Promise((resolve) => setImmediate(resolve));
    fs.writeFileSync(counter, String(value + 1));
  }, { timeoutMs: 60_000 });
}
