import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { systemClock } from '../../../src/foundation/clock.ts';
import type { SourceSnapshot } from '../../../src/runs/clusterSnapshot.ts';
import type { RunDeps } from '../../../src/runs/deps.ts';
import { Journal, noFacts } from '../../../src/runs/journal.ts';
import { viewRun, type OpenRun } from '../../../src/runs/runView.ts';
import type { SchedulerDialect } from '../../../src/scheduler/port.ts';
import { slurmDialect } from '../../../src/scheduler/slurm/dialect.ts';

describe('viewRun (unit)', () => {
  it('reads a cluster’s answer once for all its runs, and gives each the rows of its own jobs, not of one that got a forgotten job’s id', async () => {
    const home = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-view-'));
    try {
      const deps = { journal: new Journal(home), clock: systemClock } as RunDeps;
      let parsed = 0;
      const dialect: SchedulerDialect = {
        ...slurmDialect,
        queue: (tools) => {
          const query = slurmDialect.queue(tools);
          return { ...query, parse: (output, strict) => ((parsed += 1), query.parse(output, strict)) };
        },
      };
      const at = new Date().toISOString();
      const snapshot = (stdout: string): SourceSnapshot => ({ at, hash: '', jobs: [], output: { stdout: `${stdout}\n\nHPCQ-END\n`, stderr: '', exitCode: 0 } });
      const queue = snapshot('HPCQ|7_[2-3]|PENDING|Resources||a|HPCE\nHPCQ|7_1|RUNNING|None|node1|a|HPCE\nHPCQ|8_3|RUNNING|None|node2|a|HPCE\nHPCQ|8_[1-2]|PENDING|None||another-run|HPCE');
      const run = (jobId: string): OpenRun =>
        ({
          experimentDir: home,
          record: undefined,
          sidecar: { run_id: `run-${jobId}`, task_count: 3 },
          submission: { arrays: [{ key: 'w0a0', wave: 0, first_task: 0, task_count: 3, job_name: 'a', job_id: jobId }], combiners: [] },
        }) as unknown as OpenRun;
      const statesOf = async (jobId: string, from: SourceSnapshot): Promise<readonly string[]> => (await viewRun(run(jobId), deps, dialect, { queue: from }, { ...noFacts, observed_at: at })).tasks.map(({ state }) => state);
      assert.deepEqual(await statesOf('7', queue), ['running', 'pending', 'pending']);
      assert.deepEqual(await statesOf('8', queue), ['unknown', 'unknown', 'running']);
      assert.equal(parsed, 1);
      assert.deepEqual(await statesOf('7', snapshot('HPCQ|7_[1-3]|PENDING|Priority||a|HPCE')), ['pending', 'pending', 'pending']);
      assert.equal(parsed, 2);
    } finally {
      await fs.rm(home, { recursive: true });
    }
  });

  it('says that a submission stands still once nobody is at it, and only then', async () => {
    const home = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-view-'));
    try {
      const journal = new Journal(home);
      const deps = { journal, clock: systemClock } as RunDeps;
      const ago = (ageS: number): string => new Date(Date.now() - 1000 * ageS).toISOString();
      const lifecycle = async (ageS: number, isOfHere = true, attemptAgeS?: number): Promise<string> => {
        const array = { key: 'w0a0', wave: 0, first_task: 0, task_count: 3, job_name: 'a', job_id: attemptAgeS === undefined ? null : '7' };
        const attempts = attemptAgeS === undefined ? [] : [{ number: 2, at: ago(attemptAgeS), groups: [], arrays: [{ key: 'r2w0a0', wave: 0, group: 0, tasks: [[1, 1]], job_name: 'b', job_id: null }] }];
        const run = {
          experimentDir: home,
          record: isOfHere ? {} : undefined,
          sidecar: { run_id: 'run-1', task_count: 3, submitted_at: ago(ageS) },
          submission: { arrays: [array], combiners: [], attempts },
        } as unknown as OpenRun;
        return (await viewRun(run, deps, slurmDialect, { queue: undefined }, noFacts)).lifecycle;
      };
      assert.equal(await lifecycle(1), 'submitting');
      assert.equal(await lifecycle(60), 'unknown');
      await journal.withRun(home, 'run-1', async () => assert.equal(await lifecycle(60), 'submitting'));
      // Another machine's: nobody here can tell.
      assert.equal(await lifecycle(60, false), 'submitting');
      // Tasks that are submitted again may be left half way too.
      assert.deepEqual([await lifecycle(600, true, 1), await lifecycle(600, true, 60)], ['submitting', 'unknown']);
    } finally {
      await fs.rm(home, { recursive: true });
    }
  });
});
