import assert from 'node:assert/strict';
import { isWanted, noticesOf } from '../../../../../src/surfaces/vscode/notices/runNotices.ts';
import { run } from '../fixtures.ts';

describe('What is told of a run (unit)', () => {
  const events = (change: Parameters<typeof run>[0]): readonly string[] => noticesOf(run(change)).map(({ event }) => event);

  it('tells the end and what needs a person, and nothing of what goes well or what a person ended', () => {
    assert.deepEqual(events({ lifecycle_state: 'in_flight', attention: [] }), []);
    assert.deepEqual(events({ lifecycle_state: 'cancelled' }), []);
    assert.deepEqual(events({ lifecycle_state: 'submitting' }), []);
    assert.match(events({ lifecycle_state: 'complete' })[0] ?? '', /^ended:/);
    assert.match(events({ lifecycle_state: 'in_flight', attention: [{ kind: 'failed', message: 'x', task_ids: [1, 2] }] })[0] ?? '', /^attention:/);
    assert.deepEqual(events({ lifecycle_state: 'unknown' }), ['unknown']);
  });

  it('names an event by what was submitted, so that another attempt may end again', () => {
    assert.notDeepEqual(events({ lifecycle_state: 'failed', job_ids: ['1'] }), events({ lifecycle_state: 'failed', job_ids: ['1', '2'] }));
    assert.deepEqual(events({ lifecycle_state: 'failed', job_ids: ['1'] }), events({ lifecycle_state: 'failed', job_ids: ['1'] }));
  });

  it('offers what comes next', () => {
    assert.deepEqual(noticesOf(run({ lifecycle_state: 'complete' }))[0]?.actions, ['results', 'show']);
    assert.deepEqual(noticesOf(run({ lifecycle_state: 'unknown' }))[0]?.actions, ['resume', 'show']);
  });

  it('can be told to tell only problems, or nothing', () => {
    assert.deepEqual((['all', 'problems', 'off'] as const).map((level) => [isWanted({ isProblem: true }, level), isWanted({ isProblem: false }, level)]), [[true, true], [true, false], [false, false]]);
  });
});
