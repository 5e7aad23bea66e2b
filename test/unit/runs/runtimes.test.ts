import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import fc from 'fast-check';
import { profileHash } from '../../../src/cluster/profile.ts';
import { sha256Hex } from '../../../src/foundation/ids.ts';
import { historyFindings, type HistoryQuestion } from '../../../src/runs/historyFindings.ts';
import { planRun } from '../../../src/runs/planRun.ts';
import { defaultWalltimeRules, type Playbook } from '../../../src/runs/playbook.ts';
import { quantile, rollUp } from '../../../src/runs/runtimeQuantiles.ts';
import { maxSamples, mergeSamples, readRuntimes, rememberRuntimes, runtimesFile, storeSamples, type RuntimeSample } from '../../../src/runs/runtimes.ts';
import { endEvent, makePlace, startEvent, type Place } from './place.ts';

const sample = (run: string, task: number, more: Partial<RuntimeSample> = {}): RuntimeSample => ({
  run_id: run, task_id: task, attempt: 1, gpu_type: 'cpu', node: 'n1', cmd_sha: null, started_at: null, ended_at: `2026-01-01T00:00:${String(task % 60).padStart(2, '0')}Z`, elapsed_sec: 60, exit_code: 0,
  walltime_requested_sec: null, peak_host_mem_mb: null, cpu_seconds_used: null, cpus_requested: 1, ...more,
});
const noRebuild = { rebuild: (): Promise<readonly RuntimeSample[]> => Promise.resolve([]), now: new Date('2026-01-02T10:00:00Z') };

describe('the memory of run times', function () {
  this.timeout(30_000);
  let place: Place;
  const at = (): string => runtimesFile(place.experimentDir, 'run', 'bed');
  const where = (): { experimentDir: string; profile: string; cluster: string } => ({ experimentDir: place.experimentDir, profile: 'run', cluster: 'bed' });
  const events = async (runId: string, text: string): Promise<void> => {
    const folder = path.join(place.deps.journal.observationDirectory(place.experimentDir, runId), 'events');
    await fs.mkdir(folder, { recursive: true });
    await fs.writeFile(path.join(folder, 'node1.jsonl'), text);
  };
  beforeEach(async () => {
    place = await makePlace();
  });
  afterEach(() => place.dispose());

  it('learns of each attempt once, with what it was given, and not of tasks that had nothing to do', async () => {
    await place.writeRun({ run_id: 'r1', task_count: 4, resources: { memoryMiB: 2048, walltimeS: 600, cpus: 2 } }, [{ wave: 0, first: 0, count: 4, jobId: '7' }]);
    const text = [startEvent('7', 0, 1), endEvent('7', 0, 1, 1_767_340_060, 'failed', 3), startEvent('8', 0, 1, 1_767_341_000, 2), endEvent('8', 0, 1, 1_767_341_060, 'done', 0, 2), startEvent('7', 1, 2), endEvent('7', 1, 2), endEvent('7', 2, 3, 1_767_340_000, 'skipped'), startEvent('7', 3, 4)].join('');
    await events('r1', text);
    await rememberRuntimes('r1', place.deps);
    await rememberRuntimes('r1', place.deps);
    // The same told again by another process.
    await events('r1', `${text}\n`);
    await rememberRuntimes('r1', place.deps);
    const samples = await readRuntimes(place.experimentDir, 'run', 'bed');
    assert.deepEqual(samples.map(({ task_id, attempt, exit_code, elapsed_sec, peak_host_mem_mb, walltime_requested_sec, cpus_requested }) => [task_id, attempt, exit_code, elapsed_sec, peak_host_mem_mb, walltime_requested_sec, cpus_requested]), [
      [0, 1, 3, 60, 42, 600, 2],
      [1, 1, 0, 60, 42, 600, 2],
      [0, 2, 0, 60, 42, 600, 2],
    ]);
    const file = JSON.parse(await fs.readFile(at(), 'utf8')) as Record<string, unknown>;
    assert.deepEqual([file.profile, file.cluster, file.schema_version], ['run', 'bed', 2]);
  });

  it('keeps what others wrote, and gives way to nobody older', async () => {
    await fs.mkdir(path.dirname(at()), { recursive: true });
    await fs.writeFile(at(), JSON.stringify({ profile: 'run', cluster: 'bed', schema_version: 1, theirs: { a: 1 }, samples: [{ run_id: 'x', task_id: 1, elapsed_sec: 9, gpu_type: 'a100', predicted: 3 }, { run_id: 'r1', task_id: 0, elapsed_sec: 9, gpu_type: 'cpu' }] }));
    await storeSamples(where(), [sample('r1', 0)], noRebuild);
    const file = JSON.parse(await fs.readFile(at(), 'utf8')) as { theirs: unknown; schema_version: number; samples: RuntimeSample[] };
    assert.deepEqual([file.theirs, file.schema_version], [{ a: 1 }, 2]);
    assert.deepEqual(file.samples.map(({ run_id, attempt, predicted }) => [run_id, attempt, predicted]), [['x', undefined, 3], ['r1', 1, undefined]]);
  });

  it('leaves the file of a newer product alone', async () => {
    await fs.mkdir(path.dirname(at()), { recursive: true });
    const text = JSON.stringify({ schema_version: 3, samples: [], more: true });
    await fs.writeFile(at(), text);
    await storeSamples(where(), [sample('r1', 0)], noRebuild);
    assert.equal(await fs.readFile(at(), 'utf8'), text);
  });

  for (const torn of ['{"profile": "run", "samples": [{"run_', '', '[]']) {
    it(`sets a torn file aside and makes it anew from all runs (${JSON.stringify(torn)})`, async () => {
      for (const runId of ['r1', 'r2']) {
        await place.writeRun({ run_id: runId, task_count: 1, profile: 'run' }, [{ wave: 0, first: 0, count: 1, jobId: '7' }]);
        await events(runId, startEvent('7', 0, 1) + endEvent('7', 0, 1));
      }
      await fs.mkdir(path.dirname(at()), { recursive: true });
      await fs.writeFile(at(), torn);
      await rememberRuntimes('r2', place.deps);
      assert.deepEqual((await readRuntimes(place.experimentDir, 'run', 'bed')).map(({ run_id }) => run_id).sort(), ['r1', 'r2']);
      const aside = (await fs.readdir(path.dirname(at()))).filter((name) => name.includes('unreadable'));
      assert.equal(aside.length, 1);
      assert.equal(await fs.readFile(path.join(path.dirname(at()), aside[0] ?? ''), 'utf8'), torn);
    });
  }

  it('never fails a run: not where the folder is a file', async () => {
    await place.writeRun({ run_id: 'r1', task_count: 1 }, [{ wave: 0, first: 0, count: 1, jobId: '7' }]);
    await events('r1', startEvent('7', 0, 1) + endEvent('7', 0, 1));
    await fs.writeFile(path.join(place.experimentDir, '.hpc', 'runtimes'), 'a file');
    await rememberRuntimes('r1', place.deps);
    await rememberRuntimes('no-such-run', place.deps);
    assert.deepEqual(await readRuntimes(place.experimentDir, 'run', 'bed'), []);
  });

  it('loses nothing to several writers at once', async () => {
    await Promise.all(Array.from({ length: 12 }, (_, n) => storeSamples(where(), [sample(`r${n}`, 0), sample('shared', n)], noRebuild)));
    assert.equal((await readRuntimes(place.experimentDir, 'run', 'bed')).length, 24);
  });

  it('keeps the newest of too many, and telling again changes nothing', () => {
    const old = Array.from({ length: 60 }, (_, task) => sample('old', task, { ended_at: '2025-01-01T00:00:00Z' }));
    const young = Array.from({ length: 60 }, (_, task) => sample('young', task));
    const merged = mergeSamples(young, old, 100);
    assert.equal(merged.length, 100);
    assert.equal(merged.filter(({ run_id }) => run_id === 'young').length, 60);
    assert.deepEqual(mergeSamples(merged, [...young, ...old], 100), merged);
    assert.equal(maxSamples, 10_000);
  });

  it('any order of telling gives each attempt once', () => {
    const parts = fc.array(fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 3 })), { maxLength: 12 }), { maxLength: 6 });
    fc.assert(
      fc.property(parts, (told) => {
        let known: readonly RuntimeSample[] = [];
        for (const part of told) known = mergeSamples(known, part.map(([run, task, attempt]) => sample(`r${run}`, task, { attempt })));
        const keys = known.map(({ run_id, task_id, attempt }) => `${run_id}/${task_id}/${attempt}`);
        assert.deepEqual([...new Set(keys)].sort(), [...new Set(told.flat().map(([run, task, attempt]) => `r${run}/${task}/${attempt}`))].sort());
        assert.equal(keys.length, new Set(keys).size);
      }),
    );
  });

  it('quantiles: between neighbours, halves to the even number, successes only', () => {
    assert.deepEqual([0.5, 0.95, 0.99].map((q) => quantile([10, 20, 30, 41], q)), [25, 39, 41]);
    assert.deepEqual([quantile([1, 2], 0.5), quantile([2, 3], 0.5), quantile([5], 0.99), quantile([], 0.5)], [2, 2, 5, 0]);
    const rolled = rollUp([sample('r', 0, { elapsed_sec: 100 }), sample('r', 1, { elapsed_sec: 7, exit_code: 1 }), sample('r', 2, { elapsed_sec: 50, gpu_type: 'a100', peak_host_mem_mb: 900 })]);
    assert.deepEqual([...rolled.seconds].map(([type, { p50, n_samples }]) => [type, p50, n_samples]), [['cpu', 100, 1], ['a100', 50, 1]]);
    assert.deepEqual([...rolled.memoryMiB.keys()], ['a100']);
    assert.equal(rolled.needs_canary, false);
    assert.equal(rollUp([sample('r', 1, { exit_code: 1 })]).needs_canary, true);
  });

  describe('findings', () => {
    const none: Playbook = { walltimeRules: [], knownBad: [] };
    const history = rollUp(Array.from({ length: 20 }, (_, task) => sample('r', task, { elapsed_sec: 100 + task * 10, peak_host_mem_mb: 1200 })));
    const ask = (more: Partial<HistoryQuestion>): HistoryQuestion => ({ cluster: 'bed', profile: 'run', resources: {}, walltimeS: undefined, workloadTags: [], ...more });
    const codes = (question: Partial<HistoryQuestion>, playbook: Parameters<typeof historyFindings>[2] = none, of = history): readonly string[] => historyFindings(ask(question), of, playbook).map(({ severity, code }) => `${severity} ${code}`);

    it('compares the time limit with earlier tasks', () => {
      assert.deepEqual(codes({ resources: { walltimeS: 279 }, walltimeS: 279 }), ['warning walltime_below_quantile']);
      assert.deepEqual(codes({ resources: { walltimeS: 280 }, walltimeS: 280 }), []);
      assert.deepEqual(codes({ resources: { walltimeS: 600 }, walltimeS: 600 }), []);
      assert.deepEqual(codes({ resources: { walltimeS: 86_400 }, walltimeS: 86_400 }), ['info walltime_far_above_need']);
      assert.deepEqual(codes({ resources: { walltimeS: 60 }, walltimeS: 60 }, none, rollUp([])), ['info cold_start_no_history']);
      // Another GPU type is another history.
      assert.deepEqual(codes({ resources: { walltimeS: 60, gpus: 1, gpuType: 'a100' }, walltimeS: 60 }), ['info cold_start_no_history']);
    });
    it('compares the memory with the measured peak', () => {
      assert.deepEqual(codes({ resources: { memoryMiB: 1000 } }), ['warning memory_below_peak']);
      assert.deepEqual(codes({ resources: { memoryMiB: 1200 } }), []);
      assert.deepEqual(codes({ resources: { memoryMiB: 8192 } }), ['info memory_far_above_need']);
    });
    it('obeys the playbook, and tells where it is broken', () => {
      const playbook: Playbook = { walltimeRules: [{ belowQuantile: 0.99, severity: 'error', message: 'No.' }], knownBad: [{ gpu: 'v100', workloadTag: 'fp32', severity: 'error', reason: 'unstable' }] };
      assert.deepEqual(codes({ resources: { walltimeS: 285 }, walltimeS: 285 }, playbook), ['error walltime_below_quantile']);
      assert.deepEqual(codes({ resources: { gpuType: 'v100' }, workloadTags: ['fp32'] }, playbook), ['error known_bad_combination']);
      assert.deepEqual(codes({ resources: { gpuType: 'v100' }, workloadTags: ['bf16'] }, playbook), []);
      const [problem] = historyFindings(ask({}), history, { file: '/w/.hpc/playbook.yaml', line: 3, message: 'severity must be error, warning or info' });
      assert.equal(problem?.code, 'playbook_parse_error');
      assert.match(problem.message, /playbook\.yaml:3: severity/);
      assert.deepEqual(defaultWalltimeRules.map(({ belowQuantile }) => belowQuantile), [0.95]);
    });
  });

  it('a plan takes its estimate from it where the user gives none', async () => {
    await fs.mkdir(path.join(place.experimentDir, '.hpc'), { recursive: true });
    await fs.writeFile(path.join(place.experimentDir, '.hpc', 'tasks.py'), '');
    const limits = path.join(place.deps.journal.clusterDirectory('bed'), 'limits.json');
    await fs.mkdir(path.dirname(limits), { recursive: true });
    await fs.writeFile(limits, JSON.stringify({ at: place.nowMs(), profile: profileHash(place.session.profile), limits: { maxArrayIndex: 1000, maxArraySize: 1001, partitions: [] } }));
    const lines = ['{"x": 0}', '{"x": 1}'];
    const deps = { ...place.deps, executors: { ...place.deps.executors, evaluate: () => Promise.resolve({ taskCount: 2, lines, cmdSha: sha256Hex(lines.join('\n')), tasksPySha: sha256Hex(''), keyOrder: ['x'], flagModules: [], problems: [] }) } };
    const plan = (more: object = {}): Promise<{ estWallS: number | null; findings: readonly { code: string }[] }> => planRun({ cluster: 'bed', command: 'true', runName: 'run', resources: { walltimeS: 100 }, env: {}, evaluateOn: 'local', ...more }, deps, place.call);
    assert.equal((await plan()).estWallS, null);
    await storeSamples(where(), [sample('r', 0, { elapsed_sec: 500 })], noRebuild);
    const given = await plan({ estTaskDurationS: 50 });
    const found = await plan();
    assert.equal((found.estWallS ?? 0) - (given.estWallS ?? 0), 450);
    assert.deepEqual(found.findings.map(({ code }) => code), ['walltime_below_quantile']);
    await fs.writeFile(path.join(place.experimentDir, '.hpc', 'playbook.yaml'), 'walltime_rules: [\n');
    assert.deepEqual((await plan({ resources: {} })).findings.map(({ code }) => code), ['playbook_parse_error']);
  });
});
