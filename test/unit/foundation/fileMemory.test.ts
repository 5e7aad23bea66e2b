import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { FileMemory } from '../../../src/foundation/fileMemory.ts';

describe('FileMemory (unit)', () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-memory-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  it('reads a file once, and again when it was replaced, grew, or was edited in place with its old time', async () => {
    const file = path.join(folder, 'a.json');
    const memory = new FileMemory();
    let reads = 0;
    const read = (): Promise<string> => memory.recall('text', { file }, () => Promise.resolve(`${(reads += 1)} ${fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : 'none'}`));
    assert.deepEqual([await read(), await read()], ['1 none', '1 none']);
    fs.writeFileSync(file, 'one');
    assert.deepEqual([await read(), await read()], ['2 one', '2 one']);
    fs.appendFileSync(file, '!');
    assert.equal(await read(), '3 one!');
    const { atime, mtime } = fs.statSync(file);
    fs.writeFileSync(file, 'two!');
    fs.utimesSync(file, atime, mtime);
    assert.equal(await read(), '4 two!');
    fs.writeFileSync(`${file}.new`, 'six!');
    fs.renameSync(`${file}.new`, file);
    assert.equal(await read(), '5 six!');
  });

  it('sees files come and go in a folder, by their ending', async () => {
    const memory = new FileMemory();
    let reads = 0;
    const read = (): Promise<number> => memory.recall('count', { folder, ending: '.jsonl' }, () => Promise.resolve((reads += 1)));
    await read();
    fs.writeFileSync(path.join(folder, 'other.txt'), '');
    assert.equal(await read(), 1);
    fs.writeFileSync(path.join(folder, 'node1.jsonl'), '');
    assert.equal(await read(), 2);
    fs.rmSync(path.join(folder, 'node1.jsonl'));
    assert.equal(await read(), 3);
  });

  it('keeps purposes apart, remembers no failure, and forgets the longest unused', async () => {
    const memory = new FileMemory(2);
    const file = (name: string): { file: string } => ({ file: path.join(folder, name) });
    await assert.rejects(memory.recall('x', file('a'), () => Promise.reject(new Error('not now'))));
    assert.equal(await memory.recall('x', file('a'), () => Promise.resolve('made')), 'made');
    assert.equal(await memory.recall('y', file('a'), () => Promise.resolve('other')), 'other');
    assert.equal(await memory.recall('x', file('a'), () => Promise.resolve('again')), 'made');
    await memory.recall('x', file('b'), () => Promise.resolve('b'));
    assert.equal(await memory.recall('y', file('a'), () => Promise.resolve('forgotten')), 'forgotten');
  });
});
