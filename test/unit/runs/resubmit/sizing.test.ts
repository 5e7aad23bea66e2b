import assert from 'node:assert/strict';
import fc from 'fast-check';
import { changeOf, memoryMargin, sizeFor, type Sizing } from '../../../../src/runs/resubmit/sizing.ts';

const open = { memoryMiB: undefined, walltimeS: undefined };
const memory = (changes: Partial<Sizing> = {}): Sizing => ({ multiplies: 'memory', factor: 1.5, peakMiB: null, limits: open, ...changes });

describe('sizing the next attempt (unit)', () => {
  it('from a measured peak above what was asked for, with a margin, and says why', () => {
    assert.deepEqual(sizeFor({ memoryMiB: 4096, cpus: 2 }, memory({ peakMiB: 5837 })), { kind: 'sized', resources: { memoryMiB: 6464, cpus: 2 }, change: 'memory 4G → 6.3G: the measured peak was 5.7G' });
  });

  it('by the factor where the peak only shows the limit at which it was killed', () => {
    assert.deepEqual(sizeFor({ memoryMiB: 4096 }, memory({ peakMiB: 4000 })), { kind: 'sized', resources: { memoryMiB: 6144 }, change: 'memory 4G → 6G: it was not enough (× 1.5)' });
  });

  it('never less than the factor over what was asked for, however small or near the peak', () => {
    assert.deepEqual(sizeFor({ memoryMiB: 4096 }, memory({ peakMiB: 4200 })), { kind: 'sized', resources: { memoryMiB: 6144 }, change: 'memory 4G → 6G: it was not enough (× 1.5)' });
    assert.deepEqual(sizeFor({ memoryMiB: 4096 }, memory({ peakMiB: 9, refused: true })), { kind: 'sized', resources: { memoryMiB: 6144 }, change: 'memory 4G → 6G: it was not enough (× 1.5)' });
    // Refused at 9 MiB of a default that nobody knows: 64M would be less than it had.
    assert.match((sizeFor({}, memory({ peakMiB: 9, refused: true })) as { reason: string }).reason, /no measured peak tells.*name the memory/);
  });

  it('never above what a node has, and not at all where that was given already', () => {
    assert.deepEqual(sizeFor({ memoryMiB: 4096 }, memory({ limits: { ...open, memoryMiB: 5000 } })), { kind: 'sized', resources: { memoryMiB: 5000 }, change: 'memory 4G → 4.9G: it was not enough (× 1.5), the most that is to be had there' });
    assert.equal(sizeFor({ memoryMiB: 5000 }, memory({ limits: { ...open, memoryMiB: 5000 } })).kind, 'impossible');
  });

  it('from nothing but a peak, and from nothing at all', () => {
    assert.deepEqual(sizeFor({}, memory({ peakMiB: 900 })), { kind: 'sized', resources: { memoryMiB: 1024 }, change: 'memory the site’s default → 1G: the measured peak was 900M' });
    assert.match((sizeFor({}, memory()) as { reason: string }).reason, /name the memory/);
  });

  it('time in whole minutes, up to the partition’s limit', () => {
    const walltime: Sizing = { multiplies: 'walltime', factor: 2, peakMiB: null, limits: { ...open, walltimeS: 5400 } };
    assert.deepEqual(sizeFor({ walltimeS: 1830 }, walltime), { kind: 'sized', resources: { walltimeS: 3660 }, change: 'time limit 00:30:30 → 01:01:00: it was not enough (× 2)' });
    assert.deepEqual((sizeFor({ walltimeS: 3600 }, walltime) as { resources: object }).resources, { walltimeS: 5400 });
    assert.equal(sizeFor({ walltimeS: 5400 }, walltime).kind, 'impossible');
  });

  it('nothing where nothing helps', () => {
    assert.deepEqual(sizeFor({ memoryMiB: 1 }, { ...memory(), multiplies: 'none' }), { kind: 'sized', resources: { memoryMiB: 1 }, change: '' });
  });

  it('always gets more than before, within the limits, and at least the peak where they allow it', () => {
    fc.assert(
      fc.property(fc.option(fc.integer({ min: 1, max: 1_000_000 }), { nil: undefined }), fc.option(fc.integer({ min: 1, max: 2_000_000 }), { nil: null }), fc.option(fc.integer({ min: 1, max: 2_000_000 }), { nil: undefined }), fc.double({ min: 1.05, max: 4, noNaN: true }), (before, peakMiB, limit, factor) => {
        const sized = sizeFor(before === undefined ? {} : { memoryMiB: before }, memory({ peakMiB, factor, limits: { ...open, memoryMiB: limit } }));
        if (sized.kind === 'impossible') return before === undefined || (limit !== undefined && before >= limit) || (before !== undefined && Math.ceil((before * factor) / 64) * 64 <= before);
        const after = sized.resources.memoryMiB ?? 0;
        return after > (before ?? 0) && after <= (limit ?? Infinity) && (peakMiB === null || after >= Math.min(peakMiB, limit ?? Infinity) || peakMiB <= (before ?? 0)) && (peakMiB === null || limit !== undefined || peakMiB <= (before ?? 0) || after >= peakMiB * memoryMargin - 1);
      }),
    );
  });

  it('says what a person ordered', () => {
    assert.equal(changeOf({ memoryMiB: 1024, cpus: 1 }, { memoryMiB: 2048, cpus: 4, partition: 'big' }), 'memory 1G → 2G, cores 1 → 4, partition the site’s default → big');
  });
});
