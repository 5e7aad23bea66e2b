import assert from 'node:assert/strict';
import { refreshIntervalMs, type CadenceFacts } from '../../../../../src/surfaces/vscode/trees/cadence.ts';

const facts: CadenceFacts = { visible: true, focused: true, isLocal: false, intervalS: 30 };

describe('When the trees ask again (unit)', () => {
  it('looks at this computer every 5 s and at clusters at the user’s interval', () => {
    assert.equal(refreshIntervalMs({ ...facts, isLocal: true }), 5000);
    assert.equal(refreshIntervalMs(facts), 30_000);
    assert.equal(refreshIntervalMs({ ...facts, intervalS: 0 }), 5000);
  });

  it('slows down behind other windows, and more where nobody looks', () => {
    assert.equal(refreshIntervalMs({ ...facts, focused: false }), 120_000);
    assert.equal(refreshIntervalMs({ ...facts, visible: false }), 300_000);
    assert.equal(refreshIntervalMs({ ...facts, visible: false, focused: false, isLocal: true }), 50_000);
  });
});
