/** Submitting failed tasks again on this computer: sizes, caps, replays, interruptions, and retries without a person. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { ResubmitOutput } from '../../../../src/operations/resubmit.ts';
import type { RunSummary } from '../../../../src/operations/schemas.ts';
import type { Sidecar } from '../../../../src/runs/sidecar.ts';
import { makeDesk, until, type Desk } from './product.ts';

/** `late` is too slow in its first attempt, `mended` fails until a file says so, `never` always; each start is written down. */
const program = `import json, os, sys, time

kind, attempt, task = os.environ["HPC_KW_KIND"], int(os.environ["HPC_ATTEMPT"]), os.environ["HPC_TASK_ID"]
with open(os.environ["STARTS"], "a") as file:
    file.write("%s %d\\n" % (task, attempt))
if kind == "late" and attempt == 1:
    time.sleep(600)
if kind == "never" or (kind == "mended" and not os.path.exists(os.environ["STARTS"] + ".mended")):
    raise ValueError("no such thing")
json.dump({"attempt": attempt}, open(os.path.join(os.environ["RESULT_DIR"], "metrics.json"), "w"))
`;
const kinds = ['done', 'late', 'mended', 'never', 'done', 'late'];

describe('submitting again on this computer (end to end)', function () {
  this.timeout(180_000);
  let desk: Desk;
  const data = async <T>(...words: string[]): Promise<T> => {
    const answer = await desk.run(words);
    assert.equal(answer.code, 0, answer.stdout);
    return answer.data<T>();
  };
  const starts = (): string[] => fs.readFileSync(path.join(desk.folder, 'starts'), 'utf8').trim().split('\n').sort();
  const sidecarOf = (runId: string): Sidecar => JSON.parse(fs.readFileSync(path.join(desk.workspace, `.hpc/runs/${runId}.json`), 'utf8')) as Sidecar;
  const attemptsOf = (runId: string): NonNullable<NonNullable<NonNullable<Sidecar['extra']>['submission']>['attempts']> => sidecarOf(runId).extra?.submission?.attempts ?? [];
  const submit = async (more: object = {}): Promise<string> => {
    desk.write('submit.json', JSON.stringify({ cluster: 'this-computer', command: 'python3 executors/fail.py', resources: { walltime: '3s' }, env: { STARTS: path.join(desk.folder, 'starts') }, if_prior: 'new', tasks_per_array: 4, ...more }));
    const { run_id } = await data<{ run_id: string }>('submit', '--spec', 'submit.json', '--yes');
    return run_id;
  };
  const monitor = (runId: string): Promise<{ run: RunSummary; retries: { attempt: number; failure_class: string | null; change: string }[] }> => data('monitor', runId, '--poll-interval-seconds', '0.2', '--wall-clock-budget-seconds', '90');
  beforeEach(() => {
    desk = makeDesk();
    desk.write('executors/fail.py', program);
    desk.write('.hpc/tasks.py', `KINDS = ${JSON.stringify(kinds)}\n\n\ndef total():\n    return len(KINDS)\n\n\ndef resolve(i):\n    return {"kind": KINDS[i], "x": i}\n`);
  });
  afterEach(() => desk.remove());

  it('what another try helps goes again with more; what needs a change goes when it is named; what is done never', async () => {
    const runId = await submit();
    const { run } = await monitor(runId);
    assert.deepEqual([run.counts.complete, run.counts.failed], [2, 4]);

    const dry = await data<ResubmitOutput>('resubmit', runId, '--dry-run');
    assert.deepEqual([dry.attempt, dry.task_count, dry.groups], [null, 2, [{ failure_class: 'walltime', title: 'Time limit', count: 2, task_ranges: '1,5', resources: { walltime: 60 }, resources_before: { walltime: 3 }, change: 'time limit 00:00:03 → 00:01:00: it was not enough (× 2)' }]]);
    assert.deepEqual(dry.blocked.map(({ failure_class, task_ranges }) => [failure_class, task_ranges]), [['python_traceback', '2-3']]);
    assert.equal(attemptsOf(runId).length, 0, 'a dry run writes nothing');

    const first = await data<ResubmitOutput>('resubmit', runId, '--request-id', 'A', '--yes');
    assert.deepEqual([first.attempt, first.task_count, first.deduped, first.new_job_ids.length], [2, 2, false, 1]);
    const replay = await data<ResubmitOutput>('resubmit', runId, '--request-id', 'A', '--yes');
    assert.deepEqual([replay.attempt, replay.deduped, replay.new_job_ids], [2, true, first.new_job_ids]);
    assert.deepEqual((await monitor(runId)).run.counts, { complete: 4, running: 0, pending: 0, failed: 2, cancelled: 0, unknown: 0 });

    fs.writeFileSync(path.join(desk.folder, 'starts.mended'), '');
    const second = await data<ResubmitOutput>('resubmit', runId, '--category', 'code_bug', '--request-id', 'B', '--yes');
    assert.deepEqual([second.attempt, second.groups.map(({ task_ranges, change }) => [task_ranges, change])], [3, [['2-3', 'as before']]]);
    const afterB = await data<ResubmitOutput>('resubmit', runId, '--request-id', 'A', '--yes');
    assert.deepEqual([afterB.attempt, afterB.deduped], [2, true], 'A, B, A: the third does nothing');
    assert.deepEqual((await monitor(runId)).run.counts, { complete: 5, running: 0, pending: 0, failed: 1, cancelled: 0, unknown: 0 });
    assert.deepEqual(starts(), ['0 1', '1 1', '1 2', '2 1', '2 3', '3 1', '3 3', '4 1', '5 1', '5 2']);

    for (const [words, message] of [[['--task-ids', '[0]'], /Task 0 .* is done/], [['--category', 'oom'], /no class of failures/], [['--task-ids', '[9]'], /has no task 9/]] as const) {
      const answer = await desk.run(['resubmit', runId, ...words, '--yes']);
      assert.equal(answer.code, 1, answer.stdout);
      assert.match(answer.stdout, message);
    }
    const { rows } = await data<{ rows: { kwargs: Record<string, unknown>; metrics: Record<string, number> }[] }>('results', runId);
    assert.equal(rows.length, 5);
  });

  it('an attempt that was killed on its way is finished, once', async () => {
    const runId = await submit();
    await monitor(runId);
    const child = await desk.start(['resubmit', runId, '--request-id', 'A', '--yes']);
    // Killed as soon as the attempt stands on this disk, before anything of it is on the cluster.
    await until(() => attemptsOf(runId).length > 0);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    const again = await data<ResubmitOutput>('resubmit', runId, '--request-id', 'A', '--yes');
    assert.deepEqual([again.attempt, again.task_count, again.new_job_ids.length], [2, 2, 1]);
    assert.deepEqual((await monitor(runId)).run.counts.complete, 4);
    assert.deepEqual(starts().filter((line) => line.endsWith(' 2')), ['1 2', '5 2']);
  });

  it('without a person where the owner said so: within the rules, up to the caps', async () => {
    const runId = await submit({ auto_retry: { walltime: { max_attempts: 1, walltime_multiplier: 4 } } });
    const { run, retries } = await monitor(runId);
    assert.deepEqual([run.counts.complete, run.counts.failed], [4, 2]);
    assert.deepEqual(retries.map(({ attempt, failure_class, change }) => [attempt, failure_class, change]), [[2, 'walltime', 'time limit 00:00:03 → 00:01:00: it was not enough (× 4)']]);
    assert.equal(attemptsOf(runId)[0]?.automatic, true);
    assert.deepEqual((await monitor(runId)).retries, []);
    assert.deepEqual(starts().filter((line) => !line.endsWith(' 1')), ['1 2', '5 2']);
  });

  it('never beyond what the run allows, unless forced', async () => {
    const runId = await submit({ max_retries: 0 });
    await monitor(runId);
    const held = await data<ResubmitOutput>('resubmit', runId, '--task-ids', '[3]', '--yes');
    assert.deepEqual([held.attempt, held.blocked.map(({ reason }) => reason.includes('max_retries 0'))], [null, [true]]);
    assert.equal((await data<ResubmitOutput>('resubmit', runId, '--task-ids', '[3]', '--force', '--yes')).attempt, 2);
    await monitor(runId);
  });
});
