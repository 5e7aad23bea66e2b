import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import * as z from 'zod/mini';
import { applyDifference, difference, differenceOf } from '../../../../webview/protocol/differences.ts';

/** As VS Code carries it to the page. */
const carried = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const overTheWire = (before: unknown, after: unknown): unknown => applyDifference(before, z.parse(difference, carried(differenceOf(before, after))));

/** Few keys, so that two values have much in common; among them those that hurt. */
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, fc.constantFrom(null, true, 0, 1, -1, 'a', '', '😀', '<b>', 1e300), fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'constructor', '0', ''), tie('value'), { maxKeys: 4 })),
})).value;
const state = fc.dictionary(fc.constantFrom('run', 'rows', '__proto__', 'failures'), json, { maxKeys: 4 });

describe('Differences of a state (unit)', () => {
  it('give the same as the whole, whatever changed, one after the other', () => {
    fc.assert(
      fc.property(fc.array(state, { minLength: 1, maxLength: 6 }), (states) => {
        let page: unknown = overTheWire(undefined, states[0]);
        for (const [place, next] of states.entries()) {
          if (place > 0) page = applyDifference(page, carried(differenceOf(states[place - 1], next)));
          assert.equal(JSON.stringify(sorted(page)), JSON.stringify(sorted(carried(next))));
        }
      }),
    );
  });

  it('say nothing of what is the same', () => {
    fc.assert(fc.property(json, (value) => assert.deepEqual(differenceOf(value, carried(value)), [])));
  });

  it('leave the same object where nothing changed, so that the page can compare by identity', () => {
    const before = { runs: [{ id: 1 }, { id: 2 }], clusters: { a: { free: 1 }, b: { free: 2 } } };
    const after = applyDifference(before, differenceOf(before, { runs: [{ id: 1 }, { id: 3 }], clusters: { a: { free: 1 }, b: { free: 2 } } })) as typeof before;
    assert.equal(after.clusters, before.clusters);
    assert.equal(after.runs[0], before.runs[0]);
    assert.deepEqual(after.runs[1], { id: 3 });
    assert.deepEqual(before.runs[1], { id: 2 }, 'what is shown now is not changed under the page');
  });

  it('take a key away whose value is undefined, and replace an array of another length whole', () => {
    assert.deepEqual(overTheWire({ a: 1, b: 2 }, { a: undefined, b: 2 }), { b: 2 });
    assert.deepEqual(differenceOf({ rows: [1, 2] }, { rows: [1, 2, 3] }), [{ at: ['rows'], value: [1, 2, 3] }]);
  });

  it('do not reach the prototype of anything', () => {
    const hostile = JSON.parse('{"__proto__": {"polluted": true}}') as object;
    overTheWire({}, hostile);
    overTheWire({ a: {} }, { a: hostile });
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  });

  it('that do not fit are refused: something was missed', () => {
    assert.throws(() => applyDifference({ rows: [1] }, [{ at: ['rows', 3], value: 1 }]), /rows\.3/);
    assert.throws(() => applyDifference(undefined, [{ at: ['run', 'counts'], value: 1 }]), /run\.counts/);
  });
});

/** With keys in order: in which order they came is no part of the state. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, its]) => [key, sorted(its)]);
}
