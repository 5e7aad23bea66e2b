/** What is left of an attempt that the scheduler did not take: it uses up no retry, is never given up in doubt, and never finished against a newer wish. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { HpcError } from '../../../../src/foundation/errors.ts';
import { cancelRun } from '../../../../src/runs/cancelRun.ts';
import { retriesOf } from '../../../../src/runs/diagnosis/retryAdvice.ts';
import { runState, viewOfRun } from '../../../../src/runs/listRuns.ts';
import { autoRetrier } from '../../../../src/runs/resubmit/autoRetry.ts';
import { resubmitRun, type ResubmitOutcome } from '../../../../src/runs/resubmit/resubmitRun.ts';
import { resumeSubmission } from '../../../../src/runs/submitRun.ts';
import { readSidecar, type Attempt } from '../../../../src/runs/sidecar.ts';
import { accountingRow, endEvent, makePlace, queueRow, startEvent, type Place } from '../place.ts';

const runId = '20260102-000000-abcdef01';
const refusal = '!sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified\n';

describe('resubmission that was interrupted (unit)', function () {
  this.timeout(60_000);
  let place: Place;
  beforeEach(async () => {
    place = await makePlace();
    // Tasks 0 and 1 are done, 2 and 3 ran into their time limit.
    await place.writeRun({ run_id: runId, task_count: 4, resources: { walltimeS: 60 } }, [{ wave: 0, first: 0, count: 4, jobId: '10' }]);
    await fs.writeFile(path.join(place.experimentDir, '.hpc', 'runs', `${runId}.params.jsonl`), '{"x":0}\n{"x":1}\n{"x":2}\n{"x":3}\n');
    await fs.writeFile(path.join(place.experimentDir, '.hpc', 'runs', `${runId}.params.idx`), '');
    const log = path.join(place.remoteRoot, '.hpc', 'state', runId, 'events', 'node1.jsonl');
    await fs.writeFile(log, [0, 1].map((task) => startEvent('10', task, task + 1) + endEvent('10', task, task + 1)).join(''));
    await place.says('sacct', accountingRow('10_3', 'TIMEOUT') + accountingRow('10_4', 'TIMEOUT'));
    await sbatchSays(refusal);
  });
  afterEach(() => place.dispose());

  const sbatch = (): string => path.join(place.directory, 'bin', 'sbatch');
  const sbatchSays = (text: string): Promise<void> => fs.writeFile(`${sbatch()}.says`, text);
  const submissions = async (): Promise<number> => (await fs.readFile(`${sbatch()}.asked`, 'utf8').catch(() => '')).split('\n').filter((line) => line.includes('--job-name')).length;
  const resubmit = (more: { requestId?: string; tasks?: readonly number[]; noAvoid?: boolean } = {}): Promise<ResubmitOutcome> => {
    place.setNow(place.nowMs() + 5_000);
    return resubmitRun({ runId, overrides: {}, force: false, automatic: false, ...more }, place.deps, place.call);
  };
  const fails = async (work: Promise<unknown>): Promise<HpcError> => work.then((value) => assert.fail(`it succeeded: ${JSON.stringify(value)}`), (error: unknown) => (HpcError.is(error) ? error : assert.fail(String(error))));
  const attempts = async (): Promise<readonly Attempt[]> => (await readSidecar(place.experimentDir, runId))?.extra?.submission?.attempts ?? [];
  const retries = async (): Promise<readonly number[]> => {
    const view = await viewOfRun(place.experimentDir, runId, place.deps);
    return view ? [2, 3].map((task) => retriesOf(view, task)) : assert.fail('the run cannot be read');
  };
  const receipt = (key: string): string => path.join(place.remoteRoot, '.hpc', 'state', runId, 'receipts', `${key}.json`);

  it('an attempt that was recorded but never submitted uses up no retry', async () => {
    assert.equal((await fails(resubmit())).code, 'spec_invalid');
    assert.deepEqual((await attempts()).map(({ number }) => number), [2], 'the attempt stands on this disk before anything is asked of the scheduler');
    // Refused once more: the first is given up for it.
    assert.equal((await fails(resubmit())).code, 'spec_invalid');
    assert.equal((await attempts()).length, 1);
    await sbatchSays('77\n');
    const { attempt, blocked } = await resubmit();
    assert.deepEqual([attempt?.arrays.map(({ tasks, job_id }) => [tasks, job_id]), blocked], [[[[[2, 3]], '77']], []], 'the class allows one retry, and that is this one');
    assert.deepEqual([(await attempts()).length, await retries()], [1, [1, 1]]);
    const record = await place.deps.journal.read(place.experimentDir, runId);
    assert.deepEqual((record as unknown as { retries: Record<string, { attempts: number }> }).retries['2']?.attempts, 1);
  });

  it('while it is not known whether the scheduler took it, nothing is given up and nothing is submitted', async () => {
    await fails(resubmit({ requestId: 'first' }));
    // As if the reply of sbatch had been lost; accounting could tell, and is down.
    const known = JSON.parse(await fs.readFile(receipt('r2w0a0'), 'utf8')) as object;
    await fs.writeFile(receipt('r2w0a0'), JSON.stringify({ ...known, state: 'submitting', at: 1_000_000_000 }));
    await place.says('sacct', '!sacct: error: slurm_persist_conn_open_without_init: failed to open persistent connection\n');
    await sbatchSays('77\n');
    const before = await submissions();
    for (const requestId of [undefined, 'second']) {
      const error = await fails(resubmit(requestId === undefined ? {} : { requestId }));
      assert.deepEqual([error.code, error.retrySafe], ['cluster_timeout', true], error.message);
      assert.match(error.message, /not known whether the scheduler took r2w0a0/);
    }
    assert.deepEqual([(await attempts()).map(({ request_id }) => request_id), await submissions()], [['first'], before]);

    // The queue lists it after all: it is that attempt, and no second one beside it.
    await place.says('squeue', queueRow('55_[1-2]', 'PENDING', '', 'Priority', (await attempts())[0]?.arrays[0]?.job_name));
    const { attempt, deduped } = await resubmit({ requestId: 'first' });
    assert.deepEqual([deduped, attempt?.arrays[0]?.job_id, (await attempts()).length], [true, '55', 1]);
    assert.equal(await submissions(), before + 1, 'only its combiner was missing');
  });

  it('when it is known that the scheduler has nothing of it, it is given up for the new request', async () => {
    await fails(resubmit({ requestId: 'first' }));
    await fs.writeFile(receipt('r2w0a0'), JSON.stringify({ state: 'submitting', at: 1_000_000_000 }));
    await sbatchSays('77\n');
    const { attempt } = await resubmit({ requestId: 'second' });
    assert.deepEqual([attempt?.request_id, (await attempts()).map(({ request_id }) => request_id), await retries()], ['second', ['second'], [1, 1]]);
  });

  it('who resumes the submission of the run finishes it, with the scripts that never came to the cluster', async () => {
    await fails(resubmit());
    // As if the disk there had been full when they were copied.
    const script = path.join(place.remoteRoot, '.hpc', 'state', runId, 'jobs', 'r2w0a0.sh');
    await fs.rm(path.dirname(script), { recursive: true });
    await sbatchSays('77\n');
    const { resumed, jobIds } = await resumeSubmission(runId, place.deps, place.call);
    assert.deepEqual([resumed, jobIds, (await attempts()).map(({ arrays }) => arrays[0]?.job_id), await retries()], [true, ['10', '77'], ['77'], [1, 1]]);
    assert.match(await fs.readFile(script, 'utf8'), /_hpc_dispatch\.py/);
  });

  it('where the site has purged the run’s folder, its receipts with it, only what is wanted again is submitted', async () => {
    await fs.rm(path.join(place.remoteRoot, '.hpc'), { recursive: true });
    await sbatchSays('77\n');
    const { attempt } = await resubmit();
    assert.deepEqual([attempt?.arrays.map(({ tasks }) => tasks), await submissions()], [[[[2, 3]]], 2], 'one array and its combiner');
  });

  it('where the nodes to avoid are the only ones that fit, the refusal says so, and who knows better goes there', async () => {
    await place.says('sacct', accountingRow('10_3', 'NODE_FAIL', '0:0', 'node7') + accountingRow('10_4', 'NODE_FAIL', '0:0', 'node7'));
    const exclusion = async (): Promise<string | undefined> => /--exclude=\S+/.exec((await fs.readFile(`${sbatch()}.asked`, 'utf8')).trimEnd().split('\n').filter((line) => line.includes('--array')).at(-1) ?? '')?.[0];
    await sbatchSays('!sbatch: error: Batch job submission failed: Requested node configuration is not available\n');
    const error = await fails(resubmit());
    assert.match(error.message, /Requested node configuration is not available.* to leave out node7, where they failed/s);
    assert.match(error.remediation ?? '', /no_avoid/);
    assert.equal(await exclusion(), '--exclude=node7');
    await sbatchSays('77\n');
    const { attempt } = await resubmit({ noAvoid: true });
    assert.deepEqual([attempt?.groups.map(({ resources }) => resources.excludeNodes), await exclusion(), (await attempts()).length], [[undefined], undefined, 1]);
  });

  it('without a person, where leaving the failed node out leaves none, it goes there all the same', async () => {
    await place.says('sacct', accountingRow('10_3', 'NODE_FAIL', '0:0', 'node7') + accountingRow('10_4', 'NODE_FAIL', '0:0', 'node7'));
    await fs.writeFile(sbatch(), `#!/bin/sh\nprintf '%s\\n' "$*" >>'${sbatch()}.asked'\ncase "$*" in *--exclude=*) echo 'sbatch: error: Batch job submission failed: Requested node configuration is not available' >&2; exit 1 ;; esac\necho 77\n`);
    const file = path.join(place.experimentDir, '.hpc', 'runs', `${runId}.json`);
    await fs.writeFile(file, JSON.stringify({ ...(JSON.parse(await fs.readFile(file, 'utf8')) as object), auto_retry: true }));
    const told: string[] = [];
    const retrier = autoRetrier(runId, place.deps, { ...place.call, progress: ({ message }) => told.push(message) });
    assert.equal(await retrier.look(await runState(runId, { refresh: true }, place.deps, place.call)), true);
    const asked = (await fs.readFile(`${sbatch()}.asked`, 'utf8')).split('\n').filter((line) => line.includes('--array'));
    assert.deepEqual(asked.map((line) => /--exclude=\S+/.exec(line)?.[0]), ['--exclude=node7', undefined]);
    assert.deepEqual([retrier.made.map(({ groups }) => groups.map(({ resources }) => resources.excludeNodes)), (await attempts()).length], [[[undefined]], 1]);
    assert.match(told.join('\n'), /to leave out node7/);
  });

  it('a newer wish to cancel stops an attempt from being finished; an older one does not', async () => {
    await place.says('sacct', '');
    await place.says('squeue', queueRow('10_[3-4]', 'PENDING'));
    await cancelRun({ runId }, place.deps, place.call);
    await place.says('squeue', '');
    await place.says('sacct', accountingRow('10_3', 'CANCELLED by 2001') + accountingRow('10_4', 'CANCELLED by 2001'));
    assert.equal((await fails(resubmit({ requestId: 'first', tasks: [2, 3] }))).code, 'spec_invalid');
    place.setNow(place.nowMs() + 5_000);
    await cancelRun({ runId }, place.deps, place.call);
    await sbatchSays('77\n');
    const before = await submissions();
    const error = await fails(resubmit({ requestId: 'first', tasks: [2, 3] }));
    assert.match(error.message, /was cancelled after this request/);
    assert.deepEqual([error.code, await submissions()], ['spec_invalid', before]);

    // Who asks anew wants these tasks after all.
    const { attempt } = await resubmit({ requestId: 'second', tasks: [3] });
    assert.deepEqual([attempt?.request_id, attempt?.arrays[0]?.job_id], ['second', '77']);
    const record = await place.deps.journal.read(place.experimentDir, runId);
    assert.deepEqual(record?.cancel_requested?.tasks, [[2, 2]], 'the wish holds for the other');
  });
});
