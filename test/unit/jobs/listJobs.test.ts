import assert from 'node:assert/strict';
import { JobRecords } from '../../../src/jobs/jobRecord.ts';
import { listJobs } from '../../../src/jobs/listJobs.ts';
import { accountingRow, makePlace, queueRow, type Place } from '../runs/place.ts';

describe('listing jobs (unit)', function () {
  this.timeout(30_000);
  let place: Place;
  beforeEach(async () => {
    place = await makePlace();
    await new JobRecords(place.deps.home).write({
      schema: 1, request_id: 'r', cluster: 'bed', name: 'run-w0a0', token: '0123456789', wish: 'w', what: 'exit 4', state_dir: '/s', workdir: '/w', resources: {}, stdout: '/o', stderr: '/e',
      submitted_at: place.deps.clock.now().toISOString(), job_id: '7',
    });
  });
  afterEach(() => place.dispose());

  const listed = async (): Promise<readonly (readonly unknown[])[]> => (await listJobs('bed', place.deps, place.call)).map(({ jobId, state, exitCode, what }) => [jobId, state, exitCode, what]);

  it('how ours ended is what accounting says', async () => {
    await place.says('sacct', accountingRow('7', 'FAILED', '4:0'));
    assert.deepEqual(await listed(), [['7', 'failed', 4, 'exit 4']]);
  });

  it('another job that once had its id, or has it now, is not ours and says nothing of it', async () => {
    const stranger = accountingRow('7', 'COMPLETED').replace('run-w0a0-0123456789', 'stranger');
    await place.says('sacct', stranger);
    assert.deepEqual(await listed(), [['7', 'unknown', null, 'exit 4']]);
    await place.says('sacct', accountingRow('7', 'FAILED', '4:0'));
    await place.says('squeue', queueRow('7', 'RUNNING', 'node1', 'None', 'stranger'));
    assert.deepEqual(await listed(), [['7', 'running', null, null], ['7', 'failed', 4, 'exit 4']]);
  });

  it('ours of which nobody tells is unknown, not left out', async () => assert.deepEqual(await listed(), [['7', 'unknown', null, 'exit 4']]));

  it('where the site keeps no accounting, the queue tells how it ended', async () => {
    await place.says('sacct', '!Slurm accounting storage is disabled\n');
    await place.says('squeue', queueRow('7', 'FAILED', 'node1') + queueRow('8', 'PENDING', '', 'Priority'));
    assert.deepEqual(await listed(), [['8', 'pending', null, null], ['7', 'failed', null, 'exit 4']]);
  });
});
