import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatDuration, systemClock } from '../../../src/foundation/clock.ts';

describe('clock (unit)', () => {
  it('says durations in words', () => {
    const cases: readonly [number, string][] = [
      [-5, '0 s'], [0, '0 s'], [12_000, '12 s'], [89_000, '89 s'], [90_000, '2 min'], [240_000, '4 min'], [89 * 60_000, '89 min'], [90 * 60_000, '1 h 30 min'],
      [180 * 60_000, '3 h'], [190 * 60_000, '3 h 10 min'], [35 * 3_600_000, '35 h'], [36 * 3_600_000, '1 d 12 h'], [48 * 3_600_000, '2 d'], [52 * 3_600_000, '2 d 4 h'],
    ];
    for (const [ms, words] of cases) assert.equal(formatDuration(ms), words, String(ms));
  });

  it('is never off by more than half of the smallest unit it names', () => {
    const unit = { s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 * 86_400_000 }), (ms) => {
        const parts = [...formatDuration(ms).matchAll(/(\d+) (s|min|h|d)/g)].map(([, count, name]) => ({ count: Number(count), size: unit[name as keyof typeof unit] }));
        const said = parts.reduce((sum, { count, size }) => sum + count * size, 0);
        // Two roundings may add up at a border between units; where the second unit is zero it is left out.
        const smallest = ms < 89_500 ? 1000 : ms < 35.5 * 3_600_000 ? 60_000 : 3_600_000;
        assert.ok(Math.abs(said - ms) <= smallest, `${ms} said as ${formatDuration(ms)}`);
      }),
    );
  });

  it('the system clock tells the time', () => {
    const before = Date.now();
    const now = systemClock.now().getTime();
    assert.ok(now >= before && now <= Date.now());
  });
});
