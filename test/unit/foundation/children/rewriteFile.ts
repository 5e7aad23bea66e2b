/** `rewriteFile.ts FILE`: replaces the file for ever, by contents that say how they must go on. */
import { writeFileAtomic } from '../../../../src/foundation/atomicFile.ts';

const file = process.argv[2] ?? '';
process.stdout.write('ready\n');
for (let i = 0; ; i += 1) await writeFileAtomic(file, `${i}\n`.repeat(20_000));
