import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import fc from 'fast-check';
import { HpcError } from '../../../src/foundation/errors.ts';
import { incompleteTail, readTaskLog, type LogRequest } from '../../../src/runs/taskLog.ts';
import { makePlace, type Place } from './place.ts';

const runId = '20260102-000000-abcdef01';

describe('task logs (unit)', function () {
  this.timeout(30_000);
  let place: Place;
  beforeEach(async () => {
    place = await makePlace();
    await place.writeRun({ run_id: runId, task_count: 4 }, [{ wave: 0, first: 0, count: 2, jobId: '10' }, { wave: 1, first: 2, count: 2, jobId: null }]);
    await fs.mkdir(path.join(place.remoteRoot, '.hpc', 'state', runId, 'logs'), { recursive: true });
  });
  afterEach(() => place.dispose());

  const file = (stream: 'out' | 'err'): string => path.join(place.remoteRoot, '.hpc', 'state', runId, 'logs', `w0a0_10_2.${stream}`);
  const request: LogRequest = { runId, taskId: 1, stream: 'stdout', lines: 100, maxBytes: 1000 };

  it('a cut character is left for the next read, wherever the cut is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.nat(60), (text, at) => {
        const bytes = Buffer.from(text);
        const cut = bytes.subarray(0, at);
        const whole = cut.subarray(0, cut.length - incompleteTail(cut));
        assert.ok(!whole.toString('utf8').includes('\ufffd') || text.includes('\ufffd'));
        assert.ok(text.startsWith(whole.toString('utf8')));
        assert.ok(cut.length - whole.length <= 3);
      }),
    );
    // Bytes that are no UTF-8 at all are not waited for.
    assert.equal(incompleteTail(Buffer.from([0x41, 0x80, 0x80, 0x80, 0x80])), 0);
    assert.equal(incompleteTail(Buffer.alloc(0)), 0);
  });

  it('followed in small portions it is the whole text, each byte once', async () => {
    const text = 'Jørgen says “Grüße” 🎉\n'.repeat(20);
    await fs.writeFile(file('out'), text);
    let read = '';
    let offset = 0;
    for (let turn = 0; turn < 200; turn += 1) {
      const log = await readTaskLog({ ...request, offset, maxBytes: 61 }, place.deps, place.call);
      assert.equal(log.offset, offset);
      if (log.nextOffset === offset) break;
      read += log.text;
      offset = log.nextOffset;
    }
    assert.equal(read, text);
  });

  it('gives the last lines of the right stream of the right element', async () => {
    await fs.writeFile(file('out'), 'one\ntwo\nthree\n');
    await fs.writeFile(file('err'), 'trouble\n');
    assert.equal((await readTaskLog({ ...request, lines: 2 }, place.deps, place.call)).text, 'two\nthree\n');
    assert.equal((await readTaskLog({ ...request, stream: 'stderr' }, place.deps, place.call)).text, 'trouble\n');
    assert.equal((await readTaskLog({ ...request, taskId: 0 }, place.deps, place.call)).found, false);
  });

  it('read backwards from the end it is the whole text in whole lines, each byte once', async () => {
    const text = Array.from({ length: 40 }, (_, index) => `${index} Grüße ${'·'.repeat(index % 7)}\n`).join('') + 'not ended yet';
    await fs.writeFile(file('out'), text);
    let log = await readTaskLog({ ...request, lines: 1000, maxBytes: 97 }, place.deps, place.call);
    let read = log.text;
    assert.equal(log.nextOffset, log.size);
    for (let turn = 0; turn < 100 && log.offset > 0; turn += 1) {
      const { offset } = log;
      log = await readTaskLog({ ...request, lines: 1000, maxBytes: 97, before: offset }, place.deps, place.call);
      assert.equal(log.offset + Buffer.byteLength(log.text), offset);
      assert.match(log.text, /^\d+ [^\0]*\n$/);
      read = log.text + read;
    }
    assert.equal(read, text);
    // One line that is longer than a reading is given in parts, not left out.
    await fs.writeFile(file('out'), 'x'.repeat(300));
    assert.equal((await readTaskLog({ ...request, maxBytes: 100, before: 200 }, place.deps, place.call)).offset, 100);
  });

  it('a task that is not submitted, or not there, is told apart from an empty log', async () => {
    for (const taskId of [3, 4]) await assert.rejects(readTaskLog({ ...request, taskId }, place.deps, place.call), (error) => HpcError.is(error, 'spec_invalid'));
  });
});
