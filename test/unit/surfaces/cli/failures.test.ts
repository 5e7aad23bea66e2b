/** Scripts that really fail, on this computer: from the log to what a tired person reads. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { FailuresOutput } from '../../../../src/operations/failures.ts';
import { makeDesk, type Desk } from './product.ts';

const program = `import json, os, resource, signal, sys, time

kind, x = os.environ["HPC_KW_KIND"], int(os.environ["HPC_KW_X"])
print("begin", kind, file=sys.stderr)
if kind == "traceback":
    raise ValueError("alpha %d must be below %d at 0x%x" % (x, x * 7, id(kind)))
if kind == "chained":
    try:
        {}["alpha"]
    except KeyError:
        raise RuntimeError("no configuration for %d" % x)
if kind == "module":
    import a_module_that_is_not_there
if kind == "memory":
    resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))
    bytearray(900 << 20)
if kind == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if kind == "disk":
    with open("/dev/full", "w") as file:
        file.write("x" * 100000)
if kind == "file_size":
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with open(os.path.join(os.environ["RESULT_DIR"], "big"), "w") as file:
        file.write("x" * 100000)
if kind == "no_file":
    open("/data/nowhere/%d.csv" % x)
if kind == "crash":
    import ctypes
    ctypes.string_at(0)
if kind == "walltime":
    time.sleep(600)
if kind == "status":
    print("bad option --foo", file=sys.stderr)
    sys.exit(3)
if kind == "speaks_of_memory":
    print("out of memory is possible", file=sys.stderr)
json.dump({"y": 1}, open(os.path.join(os.environ["RESULT_DIR"], "metrics.json"), "w"))
`;
const expected = {
  speaks_of_memory: undefined,
  traceback: 'python_traceback',
  chained: 'python_traceback',
  module: 'import_error',
  memory: 'system_oom',
  killed: 'unknown',
  disk: 'disk_full',
  file_size: 'disk_full',
  no_file: 'file_not_found',
  crash: 'segv',
  walltime: 'walltime',
  status: 'unknown',
} as const;
const kinds = [...Object.keys(expected), 'traceback', 'traceback'] as (keyof typeof expected)[];

describe('failures on this computer (end to end)', function () {
  this.timeout(120_000);
  let desk: Desk;
  let runId: string;
  let found: FailuresOutput;
  before(async () => {
    desk = makeDesk();
    desk.write('executors/fail.py', program);
    desk.write('.hpc/tasks.py', `KINDS = ${JSON.stringify(kinds)}\n\n\ndef total():\n    return len(KINDS)\n\n\ndef resolve(i):\n    return {"kind": KINDS[i], "x": i}\n`);
    runId = (await data<{ run_id: string }>('submit', '--cluster', 'this-computer', '--command', 'python3 executors/fail.py', '--resources.walltime', '8s', '--yes')).run_id;
    await data('monitor', runId, '--poll-interval-seconds', '0.2', '--wall-clock-budget-seconds', '90');
    found = await data<FailuresOutput>('failures', runId);
  });
  after(() => desk.remove());

  const data = async <T>(...words: string[]): Promise<T> => {
    const answer = await desk.run(words);
    assert.equal(answer.code, 0, answer.stdout);
    return answer.data<T>();
  };
  const groupOf = (kind: keyof typeof expected): FailuresOutput['clusters'][number] | undefined => found.clusters.find(({ task_ids }) => task_ids.includes(kinds.indexOf(kind)));

  it('have the class that each deserves, and what ended well has none', () => {
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((kind) => [kind, groupOf(kind as keyof typeof expected)?.error_class])), expected, JSON.stringify(found, undefined, 1));
    assert.equal(found.failed_count, kinds.length - 1);
    for (const group of found.clusters) {
      assert.ok(group.message !== '' && group.evidence.length > 0 && group.advice !== '', group.error_class);
      assert.equal(group.count, group.task_ids.length);
    }
  });

  it('are one row where they are the same, with the line of the program', () => {
    const group = groupOf('traceback');
    assert.deepEqual([group?.task_ids, group?.task_ranges], [[1, 12, 13], '1,12-13']);
    assert.deepEqual([group?.culprit?.file, group?.culprit?.line, group?.culprit?.is_users_code], ['executors/fail.py', 6, true]);
    assert.match(group?.sample ?? '', /Traceback[\s\S]*ValueError: alpha 1 must be below 7/);
    assert.deepEqual([groupOf('chained')?.message, groupOf('chained')?.culprit?.line], [`RuntimeError: no configuration for ${kinds.indexOf('chained')}`, 11]);
  });

  it('say which limit of time, who killed, and what may be tried again', () => {
    assert.match(groupOf('walltime')?.message ?? '', /timeout.*of 8 s allowed/);
    assert.deepEqual(groupOf('walltime')?.retry_advice?.policy, { max_attempts: 1, walltime_multiplier: 2 });
    assert.match(groupOf('killed')?.message ?? '', /SIGKILL.*not for its memory/);
    assert.deepEqual(groupOf('memory')?.retry_advice?.eligible_task_ids, [kinds.indexOf('memory')]);
    assert.equal(groupOf('traceback')?.retry_advice, undefined);
    assert.equal(found.auto_retry, false);
    assert.deepEqual(found.auto_retry_policy.node_failure, { max_attempts: 2 });
  });

  it('are told to a person in a few lines', async () => {
    const { code, stdout } = await desk.run(['failures', runId, '--no-refresh', '--human']);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^13 tasks failed, in \d+ ways\.$/m);
    assert.match(stdout, /^Error in the program: 3 tasks \(1,12-13\)\n {4}ValueError: alpha 1 must be below 7 .*\n {4}at executors\/fail\.py:6.*\n {4}\/.*\.err:\d+\n {4}→ Correct the program at .* \(resubmit --category python_traceback\)/m);
    assert.match(stdout, /^Time limit: 1 task \(10\)$/m);
  });

  it('of some tasks only, and of none', async () => {
    const some = await data<FailuresOutput>('failures', runId, '--no-refresh', '--task-ids', JSON.stringify([0, 1]));
    assert.deepEqual([some.failed_count, some.clusters.map(({ task_ids }) => task_ids)], [1, [[1]]]);
    const none = await data<FailuresOutput>('failures', runId, '--no-refresh', '--task-ids', JSON.stringify([0]));
    assert.deepEqual([none.failed_count, none.clusters, none.note], [0, [], 'No task of this run has failed.']);
    const answer = await desk.run(['failures', runId, '--task-ids', JSON.stringify([99])]);
    assert.equal(answer.code, 1, answer.stdout);
    assert.match(answer.stdout, /has no task 99/);
  });

  it('follow the run’s own rules for retries, and say so where those cannot be read', async () => {
    const file = `.hpc/runs/${runId}.json`;
    const sidecar = JSON.parse(fs.readFileSync(path.join(desk.workspace, file), 'utf8')) as Record<string, unknown>;
    desk.write(file, JSON.stringify({ ...sidecar, auto_retry: { walltime: { max_attempts: 0, walltime_multiplier: 3 } } }));
    const own = await data<FailuresOutput>('failures', runId, '--no-refresh');
    const walltime = own.clusters.find(({ error_class }) => error_class === 'walltime');
    assert.deepEqual([own.auto_retry, walltime?.retry_advice], [true, { policy: { max_attempts: 0, walltime_multiplier: 3 }, eligible_task_ids: [], blocked_task_ids: [10] }]);
    assert.equal(own.clusters.find(({ error_class }) => error_class === 'system_oom')?.retry_advice, undefined);
    desk.write(file, JSON.stringify({ ...sidecar, auto_retry: { oom: {} } }));
    const wrong = await data<FailuresOutput>('failures', runId, '--no-refresh');
    assert.match(wrong.note ?? '', /auto_retry\.oom: is no class/);
    assert.equal(wrong.auto_retry, false);
  });
});
