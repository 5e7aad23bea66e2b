import assert from 'node:assert/strict';
import { DisposableStore } from '../../../src/foundation/disposable.ts';

describe('disposable (unit)', () => {
  it('ends what it owns once, the last first, and at once what is added too late', () => {
    const ended: number[] = [];
    const store = new DisposableStore();
    for (const i of [1, 2, 3]) store.add({ dispose: () => ended.push(i) });
    store.dispose();
    store.dispose();
    assert.deepEqual(ended, [3, 2, 1]);
    store.add({ dispose: () => ended.push(4) });
    assert.deepEqual(ended, [3, 2, 1, 4]);
  });
});
