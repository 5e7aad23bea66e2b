import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { HpcError, systemCodeOf } from '../../../src/foundation/errors.ts';
import { readTextIfThere, writeFileAtomic, writeJsonAtomic } from '../../../src/foundation/atomicFile.ts';
import { ended, says, start } from './children/run.ts';

describe('atomicFile (unit)', () => {
  let folder: string;
  beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-atomic-'))));
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  it('writes whole files with the asked mode, makes folders, leaves nothing else', async () => {
    const file = path.join(folder, 'a', 'b.json');
    await writeJsonAtomic(file, { ü: 1 }, { mode: 0o600 });
    assert.equal(fs.readFileSync(file, 'utf8'), '{\n  "ü": 1\n}\n');
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    await writeFileAtomic(file, Buffer.from([1, 2]));
    assert.deepEqual([...fs.readFileSync(file)], [1, 2]);
    assert.deepEqual(fs.readdirSync(path.dirname(file)), ['b.json']);
    assert.equal(await readTextIfThere(path.join(folder, 'none')), undefined);
    assert.equal(await readTextIfThere(path.join(file, 'below a file')), undefined);
    await assert.rejects(readTextIfThere(folder), (error) => systemCodeOf(error) === 'EISDIR');
  });

  it('exclusive: one of many writers wins and nothing is replaced', async () => {
    const file = path.join(folder, 'once');
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => writeFileAtomic(file, String(i), { exclusive: true })));
    const winners = outcomes.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [String(i)] : []));
    assert.deepEqual([fs.readFileSync(file, 'utf8')], winners);
    for (const outcome of outcomes) if (outcome.status === 'rejected') assert.equal(systemCodeOf(outcome.reason), 'EEXIST');
    assert.deepEqual(fs.readdirSync(folder), ['once']);
  });

  it('says what it could not write, leaves the old file and no temporary one', async () => {
    const file = path.join(folder, 'dir');
    fs.mkdirSync(path.join(file, 'x'), { recursive: true });
    await assert.rejects(writeFileAtomic(file, 'data'), (error) => HpcError.is(error, 'config_invalid') && error.message.includes(file) && error.remediation !== undefined);
    assert.deepEqual(fs.readdirSync(folder), ['dir']);
    fs.writeFileSync(path.join(folder, 'plain'), 'old');
    await assert.rejects(writeFileAtomic(path.join(folder, 'plain', 'x'), 'data'), (error) => HpcError.is(error, 'config_invalid'));
  });

  it('a writer killed at any moment leaves the old or the new content, whole', async function () {
    this.timeout(120_000);
    const file = path.join(folder, 'state');
    fs.writeFileSync(file, 'x\n'.repeat(20_000));
    for (let round = 0; round < 6; round += 1) {
      const child = start('rewriteFile.ts', file);
      await says(child);
      // A different number of replacements each time; the kill then falls anywhere in the next one.
      const first = fs.statSync(file).ino;
      let seen = 0;
      for (let last = first; seen < 3 + round * 5; ) {
        const { ino } = fs.statSync(file);
        if (ino !== last) seen += 1;
        last = ino;
        await new Promise((resolve) => setImmediate(resolve));
      }
      child.kill('SIGKILL');
      await ended(child);
      const lines = fs.readFileSync(file, 'utf8').split('\n');
      assert.equal(lines.length, 20_001);
      assert.equal(new Set(lines.slice(0, -1)).size, 1, 'lines of two versions in one file');
    }
  });
});
