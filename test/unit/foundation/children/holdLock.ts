/** `holdLock.ts LOCK`: takes the lock, says so, and holds it until it is killed. */
import { withFileLock } from '../../../../src/foundation/fileLock.ts';

await withFileLock(process.argv[2] ?? '', async () => {
  process.stdout.write('held\n');
  await new Promise((resolve) => setTimeout(resolve, 600_000));
});
