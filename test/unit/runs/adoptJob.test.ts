import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { HpcError, type ErrorCode } from '../../../src/foundation/errors.ts';
import { adoptJob } from '../../../src/runs/adoptJob.ts';
import { cancelRun } from '../../../src/runs/cancelRun.ts';
import { listRunStates, runState } from '../../../src/runs/listRuns.ts';
import { pruneOrphans } from '../../../src/runs/pruneOrphans.ts';
import { reconcileRun } from '../../../src/runs/reconcileRun.ts';
import { reduceRun } from '../../../src/runs/reduceRun.ts';
import { resubmitRun } from '../../../src/runs/resubmit/resubmitRun.ts';
import { readParams } from '../../../src/runs/runView.ts';
import { readTaskLog } from '../../../src/runs/taskLog.ts';
import { parsePbsDetails, parseSgeDetails, parseSlurmDetails } from '../../../src/scheduler/jobDetails.ts';
import { accountingRow, makePlace, queueRow, type Place } from './place.ts';

const isError = (code: ErrorCode, message: RegExp) => (error: unknown): boolean => HpcError.is(error, code) && message.test(error.message);

describe('adopting jobs, and what is found after a long absence (unit)', function () {
  this.timeout(60_000);
  let place: Place;
  const scontrol = (text: string): Promise<void> => fs.writeFile(path.join(place.directory, 'bin', 'scontrol.says'), text);
  const details = (owner: string, more = ''): string => `JobId=77 ArrayJobId=70 ArrayTaskId=5-9 JobName=their job UserId=${owner}(1000) GroupId=g(1) WorkDir=/home/a b StdErr=${place.directory}/far/their-70_4294967294.err StdIn=/dev/null StdOut=${place.directory}/far/their-70_4294967294.out${more}\n`;
  const adopt = (more: object = {}): ReturnType<typeof adoptJob> => adoptJob({ cluster: 'bed', jobId: '70', ...more }, place.deps, place.call);
  beforeEach(async () => {
    place = await makePlace();
    await place.says('squeue', queueRow('70_[7-9%2]', 'PENDING', '', 'Resources', 'their job') + queueRow('70_5', 'RUNNING', 'node1', 'None', 'their job'));
    const tools = await place.session.tools();
    await scontrol(details(tools.user));
  });
  afterEach(() => place.dispose());

  it('an array: its elements keep their indices in states, logs and cancellation', async () => {
    const view = await adopt();
    const runId = view.sidecar.run_id;
    assert.deepEqual([view.lifecycle, view.tasks.length, view.submission.run_name], ['in_flight', 5, 'their-job']);
    assert.deepEqual(view.tasks.map(({ state, job }) => [state, job]), [['running', '70_5'], ['unknown', '70_6'], ['pending', '70_7'], ['pending', '70_8'], ['pending', '70_9']]);
    assert.deepEqual(await readParams(place.experimentDir, runId), [{}, {}, {}, {}, {}]);
    assert.equal(view.facts.gone, false);
    await fs.writeFile(path.join(place.directory, 'far', 'their-70_5.out'), 'hello\n');
    const log = await readTaskLog({ runId, taskId: 0, stream: 'stdout', lines: 10, maxBytes: 1000 }, place.deps, place.call);
    assert.deepEqual([log.text, log.path], ['hello\n', path.join(place.directory, 'far', 'their-70_5.out')]);
    await cancelRun({ runId, taskIds: [0, 3] }, place.deps, place.call);
    assert.match((await place.scancelled()).join('\n'), /70_\[?5.*8/);
    const { runs } = await listRunStates({ refresh: false, allWorkspaces: false, limit: 10 }, place.deps, place.call);
    assert.deepEqual(runs.map(({ sidecar }) => sidecar.run_id), [runId]);
    const { tasks } = await reconcileRun(runId, place.deps, place.call);
    assert.deepEqual(tasks.map(({ verdict, taskRanges }) => [verdict, taskRanges]), [['alive', '0'], ['unknown', '1'], ['alive', '2-4']]);
  });

  it('a plain job; when its id is another job’s later, it is neither shown as ours nor cancelled', async () => {
    await scontrol('');
    await place.says('squeue', queueRow('70', 'RUNNING', 'node1', 'None', 'plain'));
    const { sidecar, tasks } = await adopt({ runName: 'mine' });
    assert.deepEqual(tasks.map(({ state, job }) => [state, job]), [['running', '70']]);
    await assert.rejects(readTaskLog({ runId: sidecar.run_id, taskId: 0, stream: 'stdout', lines: 1, maxBytes: 10 }, place.deps, place.call), isError('spec_invalid', /not known where job 70 writes/));
    await place.says('squeue', queueRow('70', 'RUNNING', 'node1', 'None', 'somebody else’s'));
    place.setNow(place.nowMs() + 5000);
    const { tasks: verdicts } = await reconcileRun(sidecar.run_id, place.deps, place.call);
    assert.deepEqual([verdicts[0]?.verdict, verdicts[0]?.because.includes('the id 70 is that of another job now, somebody else’s')], ['unknown', true], JSON.stringify(verdicts));
    place.setNow(place.nowMs() + 5000);
    await cancelRun({ runId: sidecar.run_id }, place.deps, place.call);
    assert.deepEqual(await place.scancelled(), []);
    await place.says('squeue', queueRow('70', 'RUNNING', 'node1', 'None', 'plain'));
    place.setNow(place.nowMs() + 5000);
    await cancelRun({ runId: sidecar.run_id }, place.deps, place.call);
    assert.equal((await place.scancelled()).length, 1);
  });

  it('refuses what is not there, another user’s, another name, and what a run has already; no parameters, so nothing of that kind', async () => {
    await assert.rejects(adopt({ jobId: '71' }), isError('spec_invalid', /Job 71 is not in the queue of/));
    await assert.rejects(adopt({ jobName: 'other' }), isError('spec_invalid', /has the name "their job", not "other"/));
    await scontrol(details('mallory'));
    await assert.rejects(adopt(), isError('spec_invalid', /belongs to mallory/));
    await scontrol('');
    const { sidecar } = await adopt();
    await assert.rejects(adopt(), isError('spec_invalid', new RegExp(`is adopted already, as ${sidecar.run_id}`)));
    await place.writeRun({ run_id: 'own', task_count: 1 }, [{ wave: 0, first: 0, count: 1, jobId: '80' }]);
    await place.says('squeue', queueRow('80_1', 'RUNNING'));
    await assert.rejects(adopt({ jobId: '80' }), isError('spec_invalid', /is a job of run own/));
    await assert.rejects(reduceRun({ runId: sidecar.run_id, command: 'true', partial: false, timeoutS: 5 }, place.deps, place.call), isError('spec_invalid', /was adopted/));
    await assert.rejects(resubmitRun({ runId: sidecar.run_id } as Parameters<typeof resubmitRun>[0], place.deps, place.call), isError('spec_invalid', /was adopted/));
  });

  it('after a month: alive in the queue, dead by accounting, unknown where folder and accounting are gone', async () => {
    await place.writeRun({ run_id: 'old', task_count: 3 }, [{ wave: 0, first: 0, count: 3, jobId: '90' }]);
    await fs.rm(place.remoteRoot, { recursive: true });
    await place.says('squeue', queueRow('90_1', 'RUNNING', 'node1'));
    await place.says('sacct', accountingRow('90_2', 'FAILED', '1:0'));
    place.setNow(place.nowMs() + 30 * 86_400_000);
    const { tasks, arrays } = await reconcileRun('old', place.deps, place.call);
    assert.deepEqual(tasks.map(({ verdict, taskRanges }) => [verdict, taskRanges]), [['alive', '0'], ['dead', '1'], ['unknown', '2']]);
    assert.match(tasks[1]?.because ?? '', /accounting says FAILED, exit status 1/);
    assert.match(tasks[2]?.because ?? '', /not in the queue.*folder on the cluster is gone.*accounting has nothing of it/);
    assert.match(arrays[0]?.evidence ?? '', /receipts are gone/);
    await assert.rejects(fs.stat(place.remoteRoot), /ENOENT/, 'nothing is made anew there');
    await place.says('squeue', '!slurm_load_jobs error: Unable to contact slurm controller');
    place.setNow(place.nowMs() + 5000);
    await assert.rejects(reconcileRun('old', place.deps, place.call), 'who cannot be asked gives no verdict');
    assert.equal((await runState('old', { refresh: false }, place.deps, place.call)).tasks[0]?.state, 'running');
  });

  it('orphans are set aside, not deleted; what is young, known or has jobs stays', async () => {
    const directory = path.join(place.experimentDir, '.hpc', 'runs');
    const sidecar = { sidecar_schema_version: 2, cmd_sha: 'c'.repeat(64), executor: 'true', result_dir_template: 'r', task_count: 1 };
    const write = async (runId: string, more: object, ageMs: number): Promise<void> => {
      const at = new Date(place.nowMs() - ageMs);
      await fs.mkdir(directory, { recursive: true });
      await fs.writeFile(path.join(directory, `${runId}.json`), JSON.stringify({ ...sidecar, run_id: runId, submitted_at: at.toISOString(), ...more }));
      await fs.writeFile(path.join(directory, `${runId}.params.jsonl`), '{}');
      await fs.utimes(path.join(directory, `${runId}.json`), at, at);
    };
    await write('orphan', {}, 7_200_000);
    await write('orphan-2', { job_ids: ['5'] }, 7_200_000);
    await write('young', {}, 60_000);
    await place.writeRun({ run_id: 'known', task_count: 1, job_ids: [] }, [{ wave: 0, first: 0, count: 1, jobId: null }]);
    // Submitted from another computer, whose record says more.
    const { extra } = JSON.parse(await fs.readFile(path.join(directory, 'known.json'), 'utf8')) as { readonly extra: object };
    await write('elsewhere', { extra, job_ids: [] }, 7_200_000);
    await write('elsewhere-long-ago', { extra, job_ids: [] }, 31 * 86_400_000);
    await fs.writeFile(path.join(directory, 'torn.json'), '{');
    const dry = await pruneOrphans({ dryRun: true }, place.deps);
    assert.deepEqual(dry.orphans.map(({ runId, files }) => [runId, files]), [['orphan', ['orphan.json', 'orphan.params.jsonl']], ['elsewhere-long-ago', ['elsewhere-long-ago.json', 'elsewhere-long-ago.params.jsonl']]]);
    assert.ok((await fs.readdir(directory)).includes('orphan.json'));
    await pruneOrphans({ dryRun: false }, place.deps);
    assert.deepEqual((await fs.readdir(path.join(directory, '.pruned'))).sort(), ['elsewhere-long-ago.json', 'elsewhere-long-ago.params.jsonl', 'orphan.json', 'orphan.params.jsonl']);
    assert.deepEqual((await fs.readdir(directory)).filter((name) => name.endsWith('.json')).sort(), ['elsewhere.json', 'known.json', 'orphan-2.json', 'torn.json', 'young.json']);
    assert.deepEqual((await pruneOrphans({ dryRun: false }, place.deps)).orphans, []);
  });

  it('where Grid Engine writes a job’s output', () => {
    const text = 'job_number: 12\nowner:                      alice\nsge_o_home:                 /home/alice\njob_name:                   sim\njob-array tasks:            3-9:1\n';
    const [stdout, stderr] = ['sim.o$JOB_ID.$TASK_ID', 'sim.e$JOB_ID.$TASK_ID'];
    assert.deepEqual(parseSgeDetails(text), { owner: 'alice', workdir: undefined, stdout: `/home/alice/${stdout}`, stderr: `/home/alice/${stderr}`, namesInFolder: { stdout, stderr }, indices: [{ first: 3, last: 9 }] });
    const out = (list: string): string | undefined => parseSgeDetails(`${text}stdout_path_list:           NONE:NONE:${list}\nmerge:                      y\n`).stderr;
    assert.deepEqual(['/scratch/out.$TASK_ID', '/scratch/', 'logs/$JOB_NAME.$JOB_ID.txt', '$HOME/$USER.log', '.'].map(out), ['/scratch/out.$TASK_ID', `/scratch/${stdout}`, '/home/alice/logs/sim.$JOB_ID.txt', '/home/alice/alice.log', '/home/alice/.']);
  });

  it('where PBS writes a job’s output, of an array for each element', () => {
    const job = (id: string, more: string): string => `Job Id: ${id}\n    Job_Name = n\n    Job_Owner = carol@pbs01\n    job_state = F\n    Error_Path = pbs01:/home/carol/a.sh.e5.^array_index^\n    Join_Path = n\n    Output_Path = pbs01:/home/carol/100%/very\n\tlong.o5\n    Variable_List = A=1,PBS_O_WORKDIR=/home/carol/w,B=2\n${more}\n`;
    assert.deepEqual(parsePbsDetails(job('5[].pbs01', '    array_indices_submitted = 0-15\n'), '5'), { owner: 'carol', workdir: '/home/carol/w', stdout: '/home/carol/100%%/verylong.o5', stderr: '/home/carol/a.sh.e5.%a', indices: [{ first: 0, last: 15 }] });
    assert.equal(parsePbsDetails(job('5.pbs01', '').replace('Join_Path = n', 'Join_Path = oe'), '5').stderr, '/home/carol/100%%/verylong.o5');
    assert.equal(parsePbsDetails(job('6.pbs01', ''), '5').owner, undefined);
  });

  it('where Slurm writes a job’s output, of an array for each element', () => {
    const line = (more: string): string => `JobId=3 ArrayJobId=2 ${more}JobName=wrap x UserId=alice(2001) Command=(null) WorkDir=/home/a b/w StdErr=/home/a b/slurm-2_1.out StdIn=/dev/null StdOut=/home/a b/slurm-2_1.out Power=\n`;
    assert.deepEqual(parseSlurmDetails(line('ArrayTaskId=1 '), '2'), { owner: 'alice', workdir: '/home/a b/w', stdout: '/home/a b/slurm-%A_%a.out', stderr: '/home/a b/slurm-%A_%a.out', indices: [{ first: 1, last: 1 }] });
  });
});
