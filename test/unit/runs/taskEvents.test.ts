import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import { eventOffsets, foldEvents, parseEvents, readEvents, storeEvents, type TaskEvent } from '../../../src/runs/taskEvents.ts';

const start = (i: number, t: number, more: Partial<TaskEvent> = {}): TaskEvent => ({ e: 'start', i, t, node: 'node1', ...more });
const end = (i: number, t: number, more: Partial<TaskEvent> = {}): TaskEvent => ({ e: 'end', i, t, rc: 0, o: 'done', node: 'node1', ...more });

describe('task events (unit)', () => {
  it('reads what it knows and counts what it does not: unknown kinds, foreign JSON, torn lines', () => {
    const text = ['{"e":"start","i":0,"t":1}', '{"e":"teleport","i":0,"t":1}', '[1]', '{"e":"end","i":0,"t":2,"rc":0,"o":"done","new":"field"}', '{"e":"end","i":1,'].join('\n');
    const { events, skipped } = parseEvents(`${text}\n`, 'node1');
    assert.deepEqual(events.map(({ e, i }) => [e, i]), [['start', 0], ['end', 0]]);
    assert.equal(skipped, 3);
  });

  it('forgets the end of an earlier try when the task was started again', () => {
    const { histories } = foldEvents([start(0, 1), end(0, 2, { o: 'preempted', rc: 130 }), start(0, 5, { node: 'node2' })], 1);
    assert.equal(histories[0]?.end, undefined);
    assert.equal(histories[0]?.start?.node, 'node2');
  });

  it('takes the latest attempt, in whatever order the logs are read', () => {
    const events = [start(0, 1), end(0, 2, { rc: 1, o: 'failed' }), start(0, 10, { a: 2 }), end(0, 12, { a: 2 })];
    fc.assert(
      fc.property(fc.shuffledSubarray(events, { minLength: events.length }), (shuffled) => {
        const { histories } = foldEvents(shuffled, 1);
        assert.equal(histories[0]?.end?.o, 'done');
        assert.equal(histories[0]?.start?.a, 2);
      }),
    );
  });

  it('counts events of tasks that the run does not have', () => {
    assert.equal(foldEvents([start(7, 1)], 3).foreign, 1);
  });

  it('keeps byte-exact prefixes of the remote logs, whatever the portions; a part from elsewhere changes nothing', async () => {
    const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-events-'));
    try {
      const whole = '{"e":"start","i":0,"t":1,"j":"é"}\n{"e":"end","i":0,"t":2,"rc":0}\n';
      const bytes = Buffer.from(whole);
      const cut = bytes.indexOf(0x0a) + 1;
      await storeEvents(directory, 'node1.jsonl', { from: 0, text: bytes.subarray(0, cut).toString() });
      assert.deepEqual(await eventOffsets(directory), { 'node1.jsonl': cut });
      await storeEvents(directory, 'node1.jsonl', { from: cut + 5, text: 'garbage\n' });
      await storeEvents(directory, '../../node1.jsonl', { from: cut, text: bytes.subarray(cut).toString() });
      assert.equal(await fs.readFile(path.join(directory, 'node1.jsonl'), 'utf8'), whole);
      assert.equal((await readEvents(directory)).events.length, 2);
      await storeEvents(directory, 'node1.jsonl', { from: 0, text: '{"e":"start","i":1,"t":9}\n' });
      assert.deepEqual((await readEvents(directory)).events.map(({ i }) => i), [1]);
    } finally {
      await fs.rm(directory, { recursive: true });
    }
  });
});
