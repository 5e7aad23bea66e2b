import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import type { LogFinding, ScanGroup } from '../../../../src/runs/diagnosis/scan.ts';
import { filePatterns } from '../../../../src/runs/diagnosis/scan.ts';
import { signatures } from '../../../../src/runs/diagnosis/signatures.ts';
import { dialect, fingerprints, scanFolder } from './scanner.ts';

describe('the scanner of logs (real Python)', () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-scan-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  const file = (task: number, stream = 'err'): string => path.join(folder, `w0a0.7_${task + 1}.${stream}`);
  const groupOf = (finding: LogFinding | undefined): ScanGroup => (typeof finding === 'object' ? finding : assert.fail(String(finding)));

  it('makes one group of ten thousand equal failures, in a short answer', function () {
    this.timeout(120_000);
    for (let task = 0; task < 10_000; task += 1) {
      fs.writeFileSync(file(task), `begin ${task} on node${task % 7}\nTraceback (most recent call last):\n  File "/w/train.py", line 9, in main\n    f()\nValueError: task ${task}: bad value ${task * 0.37} at 0x${(task * 4096 + 99).toString(16)} in /tmp/tmp${(task + 1e9).toString(36)}/x_${task}.npz\n`);
    }
    const found = scanFolder(folder, 10_000, { root: '/w' });
    const groups = new Set(found.values());
    assert.equal(groups.size, 1);
    const group = groupOf(found.get(0));
    assert.deepEqual(group.tasks, [[0, 9999]]);
    assert.deepEqual(group.trace?.place, ['train.py', 9, 'main', true]);
  });

  it('tells what is missing from what cannot be read, and reads standard output where errors say nothing', () => {
    fs.writeFileSync(file(1), '');
    fs.writeFileSync(file(1, 'out'), 'last words\n');
    fs.mkdirSync(file(2));
    fs.writeFileSync(file(3), 'a warning\n');
    fs.writeFileSync(file(3, 'out'), 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nKeyError: 1\n');
    const found = scanFolder(folder, 4);
    assert.equal(found.get(0), 'missing');
    assert.deepEqual([groupOf(found.get(1)).sample.stream, groupOf(found.get(1)).last?.text], ['out', 'last words']);
    assert.equal(found.get(2), 'unreadable');
    assert.deepEqual([groupOf(found.get(3)).sample.stream, groupOf(found.get(3)).trace?.type], ['out', 'KeyError']);
  });

  it('reads only the end of a gigantic file, and still numbers its lines; one too long to count has no numbers', () => {
    const line = `${'x'.repeat(99)}\n`;
    fs.writeFileSync(file(0), `${line.repeat(50_000)}MemoryError\n`);
    // Sparse: nothing but zeros, without a line, then the end.
    fs.writeFileSync(file(1), '');
    fs.truncateSync(file(1), 3 * 2 ** 30);
    fs.appendFileSync(file(1), '\nstd::bad_alloc\n');
    const found = scanFolder(folder, 2);
    assert.equal(groupOf(found.get(0)).hits[0]?.line, 50_001);
    assert.deepEqual([groupOf(found.get(1)).hits[0]?.id, groupOf(found.get(1)).hits[0]?.line, groupOf(found.get(1)).sample.size], ['memory', null, 3 * 2 ** 30 + 16]);
  });

  it('does not hang on a pipe, nor go on after its time', () => {
    fs.writeFileSync(file(0), 'x\n');
    assert.equal(scanFolder(folder, 3, { seconds: -1 }).get(2), 'unread');
  });

  it('keeps to its number of groups', () => {
    for (let task = 0; task < 60; task += 1) fs.writeFileSync(file(task), `${String.fromCodePoint(97 + (task % 26), 97 + Math.floor(task / 26)).repeat(4)}: MemoryError\n`);
    const found = scanFolder(folder, 60, { maxGroups: 10 });
    assert.equal(found.size, 60);
    assert.equal(new Set(found.values()).size, 11);
  });

  it('shows a progress bar by its last state, and no control characters', () => {
    fs.writeFileSync(file(0), '10%\r20%\r\x1b[31m99%\x07\x1b]0;title\x07\r\n\u202eevil\u0000MemoryError\n');
    const { sample, hits } = groupOf(scanFolder(folder, 1).get(0));
    assert.equal(sample.text, '99%\n evil MemoryError');
    assert.equal(hits[0]?.text, 'evil MemoryError');
  });

  it('never fails on arbitrary bytes', function () {
    this.timeout(60_000);
    const parts = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom('Traceback (most recent call last):\n', '  File "a.py", line 3, in f\n', '\n', 'ValueError: x\n', '\r', '\x1b[', '\x1b]', '\0\0\0', '  File "', 'During handling of the above exception, another exception occurred:\n', ...signatures.flatMap(({ hints }) => hints)).map((text) => Buffer.from(text)),
      fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => Buffer.from(text)),
    );
    const texts = fc.sample(fc.array(parts, { maxLength: 40 }).map((each) => Buffer.concat(each)), 400);
    texts.forEach((text, task) => fs.writeFileSync(file(task), text));
    const found = scanFolder(folder, texts.length);
    assert.equal(found.size, texts.length);
    for (const finding of found.values()) {
      const group = groupOf(finding);
      const shown = [group.sample.text, group.last?.text ?? '', group.trace?.text ?? '', ...group.hits.map(({ text }) => text)].join('\n');
       
      assert.doesNotMatch(shown, /[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
    }
  });
});

describe('fingerprints (real Python)', () => {
  const sentence = (n: number, hex: string, temp: string, path: string): string =>
    `RuntimeError: task ${n} of run: loss ${n / 7}e-0${n % 9} at 0x${hex} in '${path}' (see /tmp/tmp${temp}/out_${n}.log, id ${hex.padStart(8, '0')}a1-job_${n})`;

  it('stay the same when numbers, addresses, paths and temporary names change', () => {
    const hexes = fc.integer({ min: 1, max: 2 ** 31 }).map((value) => value.toString(16));
    const temps = fc.stringMatching(/^[a-z0-9_]{8}$/);
    const paths = fc.stringMatching(/^(?:\/[A-Za-z0-9_.-]{1,12}){1,5}$/);
    const lines = fc.sample(fc.tuple(fc.nat(100_000), hexes, temps, paths), 300).map(([n, hex, temp, path]) => sentence(n, hex, temp, path));
    assert.deepEqual([...new Set(fingerprints(lines))], ["RuntimeError: task # of run: loss # at <address> in '<path>' (see <path>, id <id>-job_#)"]);
  });

  it('differ where the words differ', () => {
    const [a, b, c] = fingerprints(["KeyError: 'alpha'", "KeyError: 'beta'", "ModuleNotFoundError: No module named 'sklearn'"]);
    assert.equal(a, "KeyError: 'alpha'");
    assert.notEqual(a, b);
    assert.equal(c, "ModuleNotFoundError: No module named 'sklearn'");
  });

  it('take out times and long hexadecimal names', () => {
    assert.deepEqual(fingerprints(['2026-03-01T10:22:33.123Z job 6f1d5cbe-1d2a-4c3b-9f00-0123456789ab died', 'commit deadbeef01 and the word deadbeef']), ['<time> job <id> died', 'commit <id> and the word deadbeef']);
  });

  it('of what is their own are their own: to take out twice changes nothing', () => {
    const lines = fc.sample(fc.string({ maxLength: 200 }), 300);
    const once = fingerprints(lines);
    assert.equal(fingerprints(once).filter((line, index) => line.length > 300 || (once[index] ?? '').length > 300).length, 0);
  });
});

describe('requests to the scanner (unit)', () => {
  const patterns = { err: '/s/w0a0.%A_%a.err', out: '/s/w0a0.%A_%a.out' };
  it('name logs by pattern and ranges, not one by one', () => {
    const tasks = [...Array.from({ length: 500 }, (_, task) => ({ task, jobId: '9', index: task + 1, patterns })), { task: 700, jobId: '9', index: 701, patterns }, { task: 701, jobId: '12', index: 1, patterns }];
    assert.deepEqual(filePatterns(dialect, tasks), [
      { err: '/s/w0a0.9_\0.err', out: '/s/w0a0.9_\0.out', elements: [[0, 1, 500], [700, 701, 1]] },
      { err: '/s/w0a0.12_\0.err', out: '/s/w0a0.12_\0.out', elements: [[701, 1, 1]] },
    ]);
  });

  it('write the whole path where the index does not stand in it once', () => {
    const twice = { err: '/s/%a/%A_%a.err', out: '/s/%A.out' };
    assert.deepEqual(filePatterns(dialect, [{ task: 3, jobId: '9', index: 4, patterns: twice }]), [{ err: '/s/4/9_4.err', out: '/s/9.out', elements: [[3, 4, 1]] }]);
  });
});

describe('the table of signatures (unit)', () => {
  it('has patterns that both languages read, and hints in lower case', () => {
    for (const { id, pattern, hints } of signatures) {
      assert.ok(new RegExp(pattern), id);
      assert.doesNotMatch(pattern, /\(\?[<P]/, id);
      assert.ok(hints.length > 0 && hints.every((hint) => hint === hint.toLowerCase() && hint.length > 4), id);
    }
    assert.equal(new Set(signatures.map(({ id }) => id)).size, signatures.length);
  });
});
