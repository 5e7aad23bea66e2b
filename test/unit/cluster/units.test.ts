import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatDurationS, formatMemoryMiB, parseDurationS, parseMemoryMiB } from '../../../src/cluster/units.ts';

describe('units (unit)', () => {
  const durations: readonly [string | number, number][] = [
    ['24:00:00', 86_400], ['3:00:00', 10_800], ['1-00:00:00', 86_400], ['1-12', 129_600], ['1-12:30', 131_400], ['5:30', 330], ['90:00', 5400], ['100:00:00', 360_000], ['00:10:00.5', 600],
    ['5m', 300], ['30s', 30], ['2h', 7200], ['1h30m', 5400], ['1.5h', 5400], ['2 days', 172_800], ['1d 2h', 93_600], ['10 min', 600], ['5M', 300], [' 60 ', 60], ['0', 0], [86_400, 86_400], [0.2, 1], ['1w', 604_800],
  ];
  for (const [text, seconds] of durations) it(`reads ${JSON.stringify(text)} as ${seconds} s`, () => assert.equal(parseDurationS(text), seconds));

  for (const text of ['', 'soon', '-5', '5x', '5 months', '1:60', '1:00:99', '1::2', '12:', '5m later', '1-', '²', '1e3', 'm', '1-00:00:00:00']) {
    it(`does not guess at ${JSON.stringify(text)}`, () => assert.equal(parseDurationS(text), undefined));
  }
  for (const number of [-1, NaN, Infinity, 1e300]) it(`refuses the number ${number}`, () => assert.equal(parseDurationS(number), undefined));

  it('writes durations that it reads as the same', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 10_000 * 86_400 }), (seconds) => parseDurationS(formatDurationS(seconds)) === seconds));
    assert.equal(formatDurationS(90_061), '1-01:01:01');
    assert.equal(formatDurationS(61), '00:01:01');
  });
  it('reads any clock time as the sum of its parts', () => {
    fc.assert(fc.property(fc.nat(400), fc.nat(99), fc.nat(59), fc.nat(59), (d, h, m, s) => parseDurationS(`${d}-${h}:${m}:${s}`) === d * 86_400 + h * 3600 + m * 60 + s));
  });
  it('never throws and never gives a fraction or a negative number', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.double()), (text) => {
      for (const value of [parseDurationS(text), parseMemoryMiB(text)]) assert.ok(value === undefined || (Number.isSafeInteger(value) && value >= 0));
    }));
  });

  const sizes: readonly [string | number, number][] = [['16G', 16_384], ['4000M', 4000], ['0.5T', 524_288], ['4000', 4000], [4000, 4000], ['16GB', 16_384], ['16 GiB', 16_384], ['1g', 1024], ['1K', 1], ['1.5G', 1536], ['1025K', 2], ['0.1G', 103]];
  for (const [text, mib] of sizes) it(`reads ${JSON.stringify(text)} as ${mib} MiB`, () => assert.equal(parseMemoryMiB(text), mib));
  for (const text of ['', '0', '-1G', 'lots', '16X', '1G 2', '1Gx', 'G']) it(`does not guess at the size ${JSON.stringify(text)}`, () => assert.equal(parseMemoryMiB(text), undefined));
  it('writes sizes that it reads as the same', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 40 }), (mib) => parseMemoryMiB(formatMemoryMiB(mib)) === mib));
    assert.deepEqual([1024, 4000, 524_288, 1_048_576].map(formatMemoryMiB), ['1G', '4000M', '512G', '1T']);
  });
});
