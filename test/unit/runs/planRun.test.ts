import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { profileHash } from '../../../src/cluster/profile.ts';
import { HpcError } from '../../../src/foundation/errors.ts';
import { sha256Hex } from '../../../src/foundation/ids.ts';
import type { RunDeps } from '../../../src/runs/deps.ts';
import { assertSubmittable, planRun, safeRunName, type RunPlan, type RunRequest } from '../../../src/runs/planRun.ts';
import type { SchedulerLimits } from '../../../src/scheduler/port.ts';
import { recordReceipts } from '../../../src/runs/recordReceipts.ts';
import { makePlace, type Place } from './place.ts';

const partition = { name: 'cpu', isDefault: true, up: true, maxWalltimeS: 3600, defaultWalltimeS: 600, nodes: 4, cpusTotal: 64, cpusIdle: 64, gres: '' };
const site: SchedulerLimits = { maxArrayIndex: 1000, maxArraySize: 1001, partitions: [partition, { ...partition, name: 'old', isDefault: false, up: false }] };

describe('the plan of a run (unit)', function () {
  this.timeout(30_000);
  let place: Place;
  let deps: RunDeps;
  let total: number;
  beforeEach(async () => {
    place = await makePlace();
    total = 10;
    await fs.mkdir(path.join(place.experimentDir, '.hpc'), { recursive: true });
    await fs.writeFile(path.join(place.experimentDir, '.hpc', 'tasks.py'), '');
    deps = {
      ...place.deps,
      executors: {
        ...place.deps.executors,
        evaluate: () => {
          const lines = Array.from({ length: total }, (_, x) => `{"x": ${x}}`);
          return Promise.resolve({ taskCount: total, lines, cmdSha: sha256Hex(lines.join('\n')), tasksPySha: sha256Hex(''), keyOrder: ['x'], flagModules: [], problems: [{ severity: 'warning', code: 'from_tasks', message: 'said by the evaluation' }] });
        },
      },
    };
    await siteSays(site);
  });
  afterEach(() => place.dispose());

  const siteSays = async (limits: SchedulerLimits): Promise<void> => {
    const file = path.join(place.deps.journal.clusterDirectory('bed'), 'limits.json');
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, JSON.stringify({ at: place.nowMs(), profile: profileHash(place.session.profile), limits }));
  };
  const plan = (request: Partial<RunRequest> = {}): Promise<RunPlan> => planRun({ cluster: 'bed', command: 'true', resources: {}, env: {}, evaluateOn: 'local', ...request }, deps, place.call);
  const codes = (found: RunPlan): string[] => found.findings.map(({ severity, code }) => `${severity} ${code}`);

  it('writes no run and submits nothing', async () => {
    const { arrays, waves } = await plan();
    assert.deepEqual([arrays.map(({ taskCount }) => taskCount), waves], [[10], 1]);
    await assert.rejects(fs.readdir(path.join(place.experimentDir, '.hpc', 'runs')), { code: 'ENOENT' });
  });

  it('asks the site for its limits anew after it refused a submission, and only then', async () => {
    total = 1200;
    const file = path.join(place.deps.journal.clusterDirectory('bed'), 'limits.json');
    const sidecar = await place.writeRun({ run_id: 'r', task_count: 4 }, [{ wave: 0, first: 0, count: 4, jobId: null }]);
    const kept = await fs.readFile(file, 'utf8');
    await recordReceipts(sidecar, { receipts: {}, stopped: { kind: 'unknown', key: 'w0a0' } }, new HpcError('cluster_timeout', 'away'), deps);
    assert.equal(await fs.readFile(file, 'utf8'), kept);
    await recordReceipts(sidecar, { receipts: {}, stopped: { kind: 'refused', key: 'w0a0' } }, new HpcError('spec_invalid', 'too large'), deps);
    const asked = place.connection.statistics.roundTrips;
    await plan();
    assert.ok(place.connection.statistics.roundTrips > asked, 'the site is asked');
    assert.notEqual(await fs.readFile(file, 'utf8').catch(() => ''), kept);
  });

  it('is cut under the cap on the index, and warned of many tasks', async () => {
    total = 1200;
    const found = await plan();
    assert.deepEqual(found.arrays.map(({ taskCount }) => taskCount), [600, 600]);
    assert.ok(codes(found).includes('info many_tasks'));
    assert.ok(codes(found).includes('warning from_tasks'));
  });

  const cases: readonly (readonly [string, Partial<RunRequest>, string])[] = [
    ['a partition that is not there', { resources: { partition: 'nope' } }, 'error partition_unknown'],
    ['a partition that is down', { resources: { partition: 'old' } }, 'warning partition_down'],
    ['a time limit above the site’s', { resources: { walltimeS: 3601 } }, 'error walltime_above_limit'],
    ['tasks that take longer than their limit', { resources: { walltimeS: 60 }, estTaskDurationS: 61 }, 'error walltime_below_estimate'],
  ];
  for (const [what, request, expected] of cases) {
    it(`finds ${what}`, async () => {
      const found = await plan(request);
      assert.ok(codes(found).includes(expected), codes(found).join());
      if (expected.startsWith('error')) assert.throws(() => assertSubmittable(found), (error) => HpcError.is(error, 'spec_invalid') && error.remediation !== undefined);
      else assertSubmittable(found);
    });
  }

  it('finds nothing wrong at the limits themselves', async () => {
    const found = await plan({ resources: { walltimeS: 3600, partition: 'cpu' }, estTaskDurationS: 3600 });
    assert.deepEqual(codes(found), ['warning from_tasks', 'info cold_start_no_history']);
    assert.equal(found.maxCoreHours, 10);
  });

  it('warns where more tasks are asked for than the site lets one queue', async () => {
    await siteSays({ ...site, maxSubmitJobs: 5 });
    assert.ok(codes(await plan()).includes('warning tasks_above_submit_limit'));
  });

  it('finds the earlier run of the same tasks on this cluster only', async () => {
    const lines = Array.from({ length: total }, (_, x) => `{"x": ${x}}`);
    await place.writeRun({ run_id: '20260101-000000-00000000', task_count: 10, cmd_sha: sha256Hex(lines.join('\n')), cluster: 'elsewhere' }, [{ wave: 0, first: 0, count: 10, jobId: '9' }]);
    assert.equal((await plan()).prior, undefined);
    await place.writeRun({ run_id: '20260102-000000-00000000', task_count: 10, cmd_sha: sha256Hex(lines.join('\n')) }, [{ wave: 0, first: 0, count: 10, jobId: '10' }]);
    const { prior } = await plan();
    assert.deepEqual([prior?.runId, prior?.isInterrupted, prior?.jobIds], ['20260102-000000-00000000', false, ['10']]);
  });

  it('run names are safe for every scheduler', () => {
    assert.deepEqual(['my run', '-a;b$(x)', '..', 'é', 'x'.repeat(90)].map(safeRunName), ['my-run', 'a-b-x', 'run', 'run', 'x'.repeat(40)]);
  });
});
