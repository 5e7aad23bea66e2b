import assert from 'node:assert/strict';
import { nextRefreshMs, type CadenceFacts } from '../../../../../src/surfaces/vscode/trees/cadence.ts';

const facts: CadenceFacts = { visible: true, focused: true, openRuns: 1, onlyLocal: false, consecutiveFailures: 0, intervalS: 30 };

describe('When the trees ask again (unit)', () => {
  it('asks nothing that nobody looks at and nothing that has ended', () => {
    assert.equal(nextRefreshMs({ ...facts, visible: false }), undefined);
    assert.equal(nextRefreshMs({ ...facts, openRuns: 0 }), undefined);
  });

  it('looks at this computer every 5 s and at clusters at the user’s interval', () => {
    assert.equal(nextRefreshMs({ ...facts, onlyLocal: true }), 5000);
    assert.equal(nextRefreshMs(facts), 30_000);
    assert.equal(nextRefreshMs({ ...facts, intervalS: 0 }), 5000);
  });

  it('slows down behind other windows and backs off while a cluster does not answer, up to a quarter of an hour', () => {
    assert.equal(nextRefreshMs({ ...facts, focused: false }), 120_000);
    assert.deepEqual([1, 2, 20].map((consecutiveFailures) => nextRefreshMs({ ...facts, consecutiveFailures })), [60_000, 120_000, 900_000]);
  });
});
