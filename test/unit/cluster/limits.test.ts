import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describeLimitSource, effectiveLimits } from '../../../src/cluster/limits.ts';
import type { ClusterProfile } from '../../../src/cluster/profile.ts';
import { HpcError } from '../../../src/foundation/errors.ts';
import type { PartitionFacts, SchedulerLimits } from '../../../src/scheduler/port.ts';

type Stated = Partial<{ size: number; walltime: number; concurrent: number; tasks: number; ceiling: number; partition: string }>;
function profile(stated: Stated): Pick<ClusterProfile, 'name' | 'constraints' | 'defaults' | 'maxWalltimeS' | 'origins'> {
  const origin = (value: unknown, line: number): { scope: 'user'; file: string; line: number } | { scope: 'default' } => (value === undefined ? { scope: 'default' } : { scope: 'user', file: 'c.yaml', line });
  return {
    name: 'c',
    constraints: { maxArraySize: stated.size ?? 1000, maxWalltimeS: stated.walltime ?? 86_400, maxConcurrentJobs: stated.concurrent ?? 10, estSpinUpS: 300, ...(stated.tasks === undefined ? {} : { maxTasks: stated.tasks }) },
    defaults: stated.partition === undefined ? {} : { partition: stated.partition },
    maxWalltimeS: stated.ceiling ?? 86_400,
    origins: {
      'constraints.max_array_size': origin(stated.size, 1),
      'constraints.max_walltime': origin(stated.walltime, 2),
      'constraints.max_concurrent_jobs': origin(stated.concurrent, 3),
      max_walltime_sec: origin(stated.ceiling, 4),
      ...(stated.tasks === undefined ? {} : { 'constraints.max_tasks': origin(stated.tasks, 5) }),
    },
  };
}
const partition = (name: string, maxWalltimeS: number | undefined, isDefault = false): PartitionFacts => ({ name, isDefault, up: true, nodes: 1, cpusTotal: 1, cpusIdle: 1, gres: '', ...(maxWalltimeS === undefined ? {} : { maxWalltimeS }) });
const site = (limits: Partial<SchedulerLimits>): SchedulerLimits => ({ partitions: [], ...limits });

describe('effective limits (unit)', () => {
  it("are hpc-agent's defaults where nobody says anything", () => {
    const limits = effectiveLimits(profile({}), undefined);
    assert.deepEqual([limits.maxElementsPerArray, limits.maxArrayIndex, limits.maxConcurrentArrays, limits.maxSubmitJobs, limits.maxTasks, limits.maxWalltimeS()], [1000, 1000, 10, undefined, undefined, 86_400]);
    assert.equal(limits.origins.maxElementsPerArray?.kind, 'default');
  });
  it('take MaxArraySize 1001 as the highest index 1000, thus 1000 elements', () => {
    const limits = effectiveLimits(profile({ concurrent: 2 }), site({ maxArrayIndex: 1000, maxArraySize: 1001 }));
    assert.deepEqual([limits.maxElementsPerArray, limits.maxArrayIndex, limits.maxConcurrentArrays], [1000, 1000, 2]);
    assert.deepEqual(limits.origins.maxElementsPerArray, { kind: 'site', key: 'maxArrayIndex' });
  });
  it('let the stated one win where it is tighter, and keep the index apart', () => {
    const limits = effectiveLimits(profile({ size: 100 }), site({ maxArrayIndex: 1000 }));
    assert.deepEqual([limits.maxElementsPerArray, limits.maxArrayIndex], [100, 1000]);
    assert.equal(describeLimitSource(limits.origins.maxElementsPerArray ?? assert.fail()), 'constraints.max_array_size in c.yaml:1');
  });
  it('let the site win where it is tighter than what is stated', () => assert.equal(effectiveLimits(profile({ size: 5000 }), site({ maxArrayIndex: 1000 })).maxElementsPerArray, 1000));
  it('do not let a mere default shrink what the site allows', () => {
    const limits = effectiveLimits(profile({}), site({ maxArrayIndex: 100_000, partitions: [partition('long', 7 * 86_400, true)] }));
    assert.deepEqual([limits.maxElementsPerArray, limits.maxWalltimeS()], [100_000, 7 * 86_400]);
  });
  it('never make an array that is larger than the queue takes from one user', () => {
    const limits = effectiveLimits(profile({}), site({ maxArrayIndex: 1000, maxSubmitJobs: 200, maxJobCount: 10_000 }));
    assert.deepEqual([limits.maxElementsPerArray, limits.maxSubmitJobs], [200, 200]);
  });
  it('take the share of the queue from the profile where it is tighter, without making arrays larger by it', () => {
    const stated = (most: number): ReturnType<typeof effectiveLimits> => effectiveLimits({ ...profile({}), maxSubmitJobs: most, origins: { max_submit_jobs_per_user: { scope: 'user', file: 'c.yaml', line: 7 } } }, undefined);
    assert.deepEqual([stated(5000).maxElementsPerArray, stated(5000).maxSubmitJobs], [1000, 5000]);
    assert.deepEqual([stated(60).maxElementsPerArray, stated(60).maxSubmitJobs], [60, 60]);
    assert.equal(describeLimitSource(stated(60).origins.maxSubmitJobs ?? assert.fail()), 'max_submit_jobs_per_user in c.yaml:7');
    assert.equal(effectiveLimits({ ...profile({}), maxSubmitJobs: 500 }, site({ maxSubmitJobs: 200 })).maxSubmitJobs, 200);
  });
  it('know the wall time of the partition that is meant', () => {
    const limits = effectiveLimits(profile({ walltime: 7200, ceiling: 10_000 }), site({ partitions: [partition('short', 3600, true), partition('long', 90_000), partition('open', undefined)] }));
    assert.deepEqual([undefined, 'short', 'long', 'open', 'unheard-of'].map((name) => limits.maxWalltimeS(name)), [3600, 3600, 7200, 7200, 7200]);
    assert.equal(describeLimitSource(limits.walltimeLimit().source), "the site's partition short");
    assert.equal(effectiveLimits(profile({ partition: 'long', ceiling: 10_000 }), site({ partitions: [partition('short', 3600, true), partition('long', 90_000)] })).maxWalltimeS(), 10_000);
  });
  it('refuse a site without arrays instead of dividing by nothing', () => {
    assert.throws(() => effectiveLimits(profile({}), site({ maxArrayIndex: 0 })), (error) => HpcError.is(error, 'config_invalid') && error.message.includes('takes no job arrays'));
  });
  it('are never looser than anything that was stated', () => {
    const number = fc.option(fc.integer({ min: 1, max: 5000 }), { nil: undefined });
    fc.assert(fc.property(number, number, number, number, (size, index, submit, walltime) => {
      const limits = effectiveLimits(profile({ ...(size && { size }), ...(walltime && { walltime }) }), site({ ...(index && { maxArrayIndex: index }), ...(submit && { maxSubmitJobs: submit }) }));
      for (const stated of [size, index, submit]) if (stated !== undefined) assert.ok(limits.maxElementsPerArray <= stated);
      if (walltime !== undefined) assert.ok(limits.maxWalltimeS() <= walltime);
      assert.ok(limits.maxElementsPerArray <= limits.maxArrayIndex);
    }));
  });
});
