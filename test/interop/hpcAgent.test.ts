/**
 * Files go to and fro between this product and the published hpc-agent, its oldest version that is read and its newest. What either
 * writes, the other reads without complaint. Installed with pip once; nothing here is a copy of its code.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { ClusterStore } from '../../src/cluster/clusterStore.ts';
import { parseCombined, tableOf } from '../../src/runs/resultsTable.ts';
import { rollUp } from '../../src/runs/runtimeQuantiles.ts';
import { readRuntimes, storeSamples } from '../../src/runs/runtimes.ts';
import { readSidecar } from '../../src/runs/sidecar.ts';
import { resourcesOfRun } from '../../src/runs/sidecarResources.ts';
import { exchange, installPublished } from './published.ts';

const root = path.resolve(import.meta.dirname, '../..');
const versions = ['0.3.0', '0.11.4'];

interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly n_samples: number;
}
interface Rollup {
  readonly needs_canary: boolean;
  readonly quantiles: Readonly<Record<string, Quantiles>>;
  readonly mem_quantiles_mb: Readonly<Record<string, Quantiles>>;
}
interface WhatItRead {
  readonly sidecar: Readonly<Record<string, unknown>>;
  readonly runs: readonly string[];
  readonly orphan: boolean;
  readonly prior: Readonly<Record<string, unknown>>;
  readonly record: Readonly<Record<string, unknown>> | null;
  readonly in_flight: readonly string[];
  readonly cmd_sha: string;
  readonly tasks_py_sha: string;
  readonly partials: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly errors: Readonly<Record<string, unknown>>;
  readonly verified: Readonly<Record<string, unknown>>;
  readonly rollup: Rollup;
  readonly findings: readonly string[];
  readonly recall: number;
  readonly axes: { readonly axes: readonly { readonly name: string; readonly size: number }[] } | null;
  readonly clusters: readonly string[];
}
interface WhatItWrote {
  readonly cmd_sha: string;
  readonly total: number;
  readonly tasks: readonly Readonly<Record<string, unknown>>[];
  readonly rollup: Rollup;
  readonly wave: string;
  readonly clusters_yaml: string;
}

const quantilesOf = ({ p50, p95, p99, n_samples }: Quantiles): readonly number[] => [p50, p95, p99, n_samples];

/** Any two versions of hpc-agent say this of each other's sidecars. */
const isVersionNotice = (text: string): boolean => /^sidecar '\S+' written by hpc-agent '\S+' but reader is '\S+';/.test(text);

describe('files to and from the published hpc-agent', function () {
  this.timeout(240_000);
  let directory: string;
  const at = (...parts: string[]): string => path.join(directory, ...parts);
  const homeOf = (place: string): string => at(`${place}-home`);

  async function ours<Data = unknown>(place: string, ...words: string[]): Promise<Data> {
    const env = { ...process.env, HPC_AGENT_HOME: homeOf(place), HPC_CLUSTERS_CONFIG: '' };
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli.ts', ...words, '--experiment-dir', at(place), '--yes'], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    await once(child, 'close');
    const text = Buffer.concat(out).toString();
    const envelope = JSON.parse(text) as { ok: boolean; data: Data };
    assert.ok(envelope.ok, `${words.join(' ')}: ${text}\n${Buffer.concat(err).toString()}`);
    return envelope.data;
  }

  before(async () => {
    directory = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-interop-'));
    for (const version of versions) await installPublished(version);
  });
  after(() => fs.rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));

  describe('what we wrote, it reads', () => {
    let runId: string;
    let cmdSha: string;
    before(async () => {
      await fs.mkdir(at('ours', 'executors'), { recursive: true });
      await fs.mkdir(homeOf('ours'), { recursive: true });
      await fs.writeFile(at('ours', 'executors', 'fit.py'), 'import argparse, json\np = argparse.ArgumentParser()\np.add_argument("--alpha", type=float, default=0.1)\np.add_argument("--name", default="a")\na = p.parse_args()\nprint(json.dumps({"loss": a.alpha * 2, "n_samples": 4}))\n');
      await fs.writeFile(path.join(homeOf('ours'), 'clusters.yaml'), 'bed:\n  scheduler: slurm\n  host: login.example.org\n  user: me\n  scratch: /scratch/me\n  modules: [gcc]\n  constraints:\n    max_walltime: "24:00:00"\n');
      await ours('ours', 'build-tasks-py', '--executors', 'executors/fit.py', '--axes', '{"alpha":[0.5,0.00001,2],"name":["a","ü b"]}');
      const submitted = await ours<{ run_id: string }>('ours', 'submit', '--cluster', 'this-computer', '--run-name', 'fit', '--resources', '{"memory":"512M","walltime":"10m"}');
      runId = submitted.run_id;
      await ours('ours', 'monitor', runId);
      await ours('ours', 'aggregate', runId);
      const sidecar = await readSidecar(at('ours'), runId);
      cmdSha = sidecar?.cmd_sha ?? '';
      // The names by which it takes a run's resources from a sidecar.
      assert.deepEqual([sidecar?.resources?.mem_mb, sidecar?.resources?.walltime_sec], [512, 600]);
    });

    for (const version of versions) {
      it(`${version}: sidecar, journal, tasks.py, combined results, run times, clusters.yaml`, async () => {
        const folder = await installPublished(version);
        const ask = { work: at('ours'), run_id: runId, profile: 'fit', cluster: 'this-computer', clusters: path.join(homeOf('ours'), 'clusters.yaml') };
        const { answer, warnings, said } = await exchange(folder, at('its-home'), path.join(homeOf('ours'), 'journal'), 'read', ask);
        const its = answer as WhatItRead;
        assert.deepEqual([warnings.filter((text) => !isVersionNotice(text)), said], [[], '']);
        const jobIds = (await readSidecar(at('ours'), runId))?.job_ids;
        assert.deepEqual(its.sidecar, { run_id: runId, task_count: 6, wave_map: { 0: [0, 1, 2, 3, 4, 5] }, cluster: 'this-computer', profile: 'fit', job_ids: jobIds, result_dir_template: 'results/{run_id}/task_{task_id}' });
        assert.deepEqual([its.runs, its.orphan], [[runId], false]);
        assert.deepEqual(its.prior, { found: true, prior_run_id: runId, is_orphan: false, job_ids: jobIds });
        assert.deepEqual(its.record, { total_tasks: 6, job_ids: jobIds, profile: 'fit', status: 'complete' });
        assert.deepEqual(its.in_flight, []);
        assert.deepEqual([its.cmd_sha, its.tasks_py_sha], [cmdSha, (await readSidecar(at('ours'), runId))?.tasks_py_sha]);
        assert.deepEqual(Object.values(its.partials).map(({ loss, n_samples }) => [loss, n_samples]).sort(), [0.00001, 0.00001, 0.5, 0.5, 2, 2].map((alpha) => [alpha * 2, 4]).sort());
        assert.deepEqual(its.errors, {});
        assert.equal(its.verified.ok, true);
        const rolled = rollUp(await readRuntimes(at('ours'), 'fit', 'this-computer'));
        assert.equal(its.rollup.needs_canary, false);
        assert.deepEqual([its.rollup.quantiles.cpu, its.rollup.mem_quantiles_mb.cpu].map((found) => found && quantilesOf(found)), [rolled.seconds.get('cpu'), rolled.memoryMiB.get('cpu')].map((found) => found && quantilesOf(found)));
        assert.equal(rolled.seconds.get('cpu')?.n_samples, 6);
        assert.equal(its.recall, 0);
        assert.deepEqual(its.axes?.axes, [{ name: 'alpha', size: 3 }, { name: 'name', size: 2 }]);
        assert.deepEqual(its.clusters, ['bed']);
      });
    }

    it('what it adds to our memory of run times, we add to no second time', async () => {
      const folder = await installPublished('0.3.0');
      const { answer, warnings } = await exchange(folder, at('its-home'), path.join(homeOf('ours'), 'journal'), 'ingest', { work: at('ours'), run_id: runId, profile: 'fit', cluster: 'this-computer' });
      assert.deepEqual([answer, warnings], [6, []]);
      assert.equal((await readRuntimes(at('ours'), 'fit', 'this-computer')).length, 6);
      await ours('ours', 'aggregate', runId);
      const samples = await readRuntimes(at('ours'), 'fit', 'this-computer');
      assert.deepEqual(samples.map(({ task_id, attempt }) => [task_id, attempt]).sort(), [0, 1, 2, 3, 4, 5].map((task) => [task, 1]));
    });

    it('a run is watched on after it has looked at our journal', async () => {
      const { run } = await ours<{ run: { lifecycle_state: string } }>('ours', 'status', runId);
      assert.equal(run.lifecycle_state, 'complete');
    });
  });

  it('both tell the memory of run times at once: neither loses a word of the other', async () => {
    const place = { experimentDir: at('both'), profile: 'fit', cluster: 'bed' };
    await fs.mkdir(at('both', '.hpc'), { recursive: true });
    const folder = await installPublished('0.11.4');
    const its = { done: false };
    const end = exchange(folder, at('its-home'), at('both-journal'), 'append', { work: place.experimentDir, profile: place.profile, cluster: place.cluster, tasks: '60' }).finally(() => (its.done = true));
    let told = 0;
    const tell = async (): Promise<void> => {
      const sample = { run_id: 'ours', task_id: told++, attempt: 1, gpu_type: 'cpu', node: 'n', cmd_sha: null, started_at: null, ended_at: null, elapsed_sec: 1, exit_code: 0, walltime_requested_sec: null, peak_host_mem_mb: null, cpu_seconds_used: null, cpus_requested: null };
      await storeSamples(place, [sample], { rebuild: () => Promise.resolve([]), now: new Date() });
    };
    while (!its.done) await tell();
    await end;
    const samples = await readRuntimes(place.experimentDir, place.profile, place.cluster);
    assert.deepEqual(['its', 'ours'].map((who) => samples.filter(({ run_id }) => run_id === who).length), [60, told]);
  });

  for (const version of versions) {
    describe(`what ${version} wrote, we read`, () => {
      const place = `its-${version}`;
      const runId = '20260102-100000-abcdef01';
      let its: WhatItWrote;
      before(async () => {
        for (const folder of [at(place), homeOf(place), at(`${place}-journal`)]) await fs.mkdir(folder, { recursive: true });
        const { answer } = await exchange(await installPublished(version), at('its-home'), at(`${place}-journal`), 'write', { work: at(place), run_id: runId });
        its = answer as WhatItWrote;
      });

      it('its sidecar: a run of another product, that find-prior-run finds', async () => {
        const sidecar = await readSidecar(at(place), runId);
        assert.deepEqual([sidecar?.task_count, sidecar?.cmd_sha, sidecar?.job_ids, sidecar?.resources], [6, its.cmd_sha, ['4711'], { cpus: 2, mem: '4G', walltime: '01:00:00' }]);
        assert.deepEqual(sidecar && resourcesOfRun(sidecar), { cpus: 2, memoryMiB: 4096, walltimeS: 3600 });
        const listed = await ours<{ runs: readonly unknown[]; problems: readonly unknown[] }>(place, 'list-runs');
        assert.deepEqual([listed.runs, listed.problems], [[], []]);
        const prior = await ours<Readonly<Record<string, unknown>>>(place, 'find-prior-run', its.cmd_sha);
        assert.deepEqual([prior.found, prior.prior_run_id, prior.is_orphan, prior.cluster, prior.job_ids], [true, runId, false, 'bed', ['4711']]);
      });

      it('its tasks.py: the same tasks and the same cmd_sha', async () => {
        await fs.writeFile(path.join(at(place), 'fit.py'), 'print("{}")\n');
        const plan = await ours<{ total_tasks: number; cmd_sha: string; sample_tasks: readonly { task_id: number; kwargs: unknown }[] }>(place, 'plan', '--cluster', 'this-computer', '--command', 'true');
        assert.deepEqual([plan.total_tasks, plan.cmd_sha], [its.total, its.cmd_sha]);
        for (const { task_id, kwargs } of plan.sample_tasks) assert.deepEqual(kwargs, its.tasks[task_id]);
      });

      it('its run times: the same quantiles, and nothing of them is lost when we write', async () => {
        const before = await readRuntimes(at(place), 'fit', 'bed');
        const rolled = rollUp(before);
        const [seconds, memory] = [rolled.seconds.get('cpu'), rolled.memoryMiB.get('cpu')];
        assert.deepEqual([seconds && quantilesOf(seconds), memory && quantilesOf(memory)], [its.rollup.quantiles.cpu, its.rollup.mem_quantiles_mb.cpu].map((found) => found && quantilesOf(found)));
        assert.equal(seconds?.n_samples, 6);
        const [first] = before;
        assert.ok(first);
        await storeSamples({ experimentDir: at(place), profile: 'fit', cluster: 'bed' }, [{ ...first, run_id: 'ours', attempt: 1 }], { rebuild: () => Promise.resolve([]), now: new Date() });
        assert.deepEqual((await readRuntimes(at(place), 'fit', 'bed')).slice(0, 6), before);
      });

      it('its combined results', async () => {
        const table = tableOf(parseCombined(await fs.readFile(its.wave, 'utf8'), its.wave), []);
        assert.deepEqual(table.rows.map(({ metrics }) => metrics.loss).sort(), [0, 0.5, 1, 1.5, 2, 2.5]);
        assert.equal(new Set(table.rows.map(({ parameters }) => parameters.grid_point)).size, 6);
      });

      it('its clusters.yaml', async () => {
        await fs.writeFile(path.join(homeOf(place), 'clusters.yaml'), its.clusters_yaml);
        const { clusters, problems } = await ours<{ clusters: readonly { name: string }[]; problems: readonly { message: string }[] }>(place, 'clusters-list');
        const names = [...its.clusters_yaml.matchAll(/^([A-Za-z][\w-]*):/gm)].map(([, name]) => name);
        assert.ok(names.length > 0);
        assert.deepEqual(names.filter((name) => !clusters.some((cluster) => cluster.name === name)), []);
        // Its sample file is to be filled in, and we say so; a key that is younger than what we know is named and changes nothing.
        assert.deepEqual(problems.filter(({ message }) => !message.includes('still holds the sample text')).map(({ message }) => message), []);
        const store = new ClusterStore({ workspaceDirectory: at(place), trusted: true, home: at('its-home'), env: { HPC_AGENT_HOME: homeOf(place) } });
        for (const name of names) assert.equal((await store.get(name ?? '')).name, name);
      });
    });
  }
});
