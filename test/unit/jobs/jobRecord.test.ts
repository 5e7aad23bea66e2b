import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { JobRecords } from '../../../src/jobs/jobRecord.ts';

describe('what was asked to end (unit)', () => {
  it('is known by id and name, per cluster, and is no record of a job', async () => {
    const home = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-jobs-'));
    try {
      const records = new JobRecords(home);
      assert.equal((await records.cancelled('grid'))('7', 'foreign'), false);
      await records.noteCancelled('grid', '7', 'foreign');
      const [grid, bed] = [await records.cancelled('grid'), await records.cancelled('bed')];
      assert.deepEqual([grid('7', 'foreign'), grid('7', 'another, of the same id'), bed('7', 'foreign'), (await records.list('grid')).length], [true, false, false, 0]);
    } finally {
      await fs.rm(home, { recursive: true });
    }
  });
});
