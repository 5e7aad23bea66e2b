/** What is said when a submission is stopped on its way, after the scheduler may have taken a job. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { HpcError } from '../../../src/foundation/errors.ts';
import { resumeSubmission } from '../../../src/runs/submitRun.ts';
import { makePlace, type Place } from './place.ts';

const runId = '20260102-000000-abcdef01';

describe('a submission that is stopped on its way (unit)', function () {
  this.timeout(30_000);
  let place: Place;
  before(async () => {
    place = await makePlace();
  });
  after(() => place.dispose());

  it('a receipt that cannot be written after the job was taken: the run is named, and how to go on', async () => {
    await place.writeRun({ run_id: runId, task_count: 4 }, [{ wave: 0, first: 0, count: 2, jobId: null }, { wave: 0, first: 2, count: 2, jobId: null }]);
    const state = path.join(place.remoteRoot, '.hpc', 'state', runId);
    await fs.mkdir(path.join(state, 'receipts'));
    await fs.writeFile(path.join(state, 'token'), '0123456789abcdef');
    await fs.writeFile(path.join(state, 'receipts', 'w0a0.json'), JSON.stringify({ state: 'submitted', job_id: '10', key: 'w0a0', at: 1 }));
    // Takes the job, and with it goes the place of its receipt.
    await fs.writeFile(path.join(place.directory, 'bin', 'sbatch'), `#!/bin/sh\necho "$*" >>'${place.directory}/taken'\nrm -r '${state}/receipts'\necho 11\n`, { mode: 0o755 });
    const error: unknown = await resumeSubmission(runId, place.deps, place.call).then(() => undefined, (reason: unknown) => reason);
    assert.equal((await fs.readFile(path.join(place.directory, 'taken'), 'utf8')).trim().split('\n').length, 1, 'one job was taken');
    assert.ok(HpcError.is(error, 'remote_command_failed'), String(error));
    assert.equal(error.details?.run_id, runId);
    assert.match(error.remediation ?? '', /resume the submission: what the scheduler took already is found.*20260102-000000-abcdef01/);
  });
});
