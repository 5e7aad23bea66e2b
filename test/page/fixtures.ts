/** A run as the host tells it, of any size: states, times and memory as a sweep has them, and two ways to fail. */
import type { ToHost, ToPage } from '../../webview/protocol.ts';
import { taskStates, type RunEvent } from '../../webview/protocol/run.ts';
import type { StateOf } from '../../webview/protocol.ts';

export const hostile = '<img src=x onerror="document.title=\'owned\'"><b>bold</b>';
const began = Date.parse('2026-11-22T08:00:00Z') / 1000;
export const stateOf = (name: (typeof taskStates)[number]): number => taskStates.indexOf(name);

export interface Sweep {
  readonly event: Extract<RunEvent, { kind: 'tasks' }>;
  readonly parameters: Extract<RunEvent, { kind: 'parameters' }>;
}

/** `alphas` × `horizons` × seeds; done up to `done`, then running, then waiting; every 23rd failed. */
export function sweep(alphas: number, horizons: number, seeds: number, done: number, running: number): Sweep {
  const total = alphas * horizons * seeds;
  const state = new Uint8Array(total);
  const attempt = new Uint8Array(total).fill(1);
  const started = new Float64Array(total).fill(Number.NaN);
  const elapsed = new Float32Array(total).fill(Number.NaN);
  const memory = new Float32Array(total).fill(Number.NaN);
  const exit = new Int16Array(total).fill(-32_768);
  const node = new Uint16Array(total).fill(65_535);
  const wide = Math.max(1, Math.round(total / 12));
  for (let task = 0; task < total; task += 1) {
    if (task >= done + running) continue;
    started[task] = began + Math.floor(task / wide) * 240 + (task % wide) * (60 / wide) + (task >= total / 2 ? 120 : 0);
    node[task] = task % 7;
    if (task >= done) {
      state[task] = stateOf('running');
      continue;
    }
    const bad = task % 23 === 17;
    state[task] = stateOf(bad ? (task % 2 === 0 ? 'timeout' : 'failed') : 'complete');
    exit[task] = bad ? 137 : 0;
    elapsed[task] = 90 + ((task * 7919) % 997) / 8 + (task % horizons) * 9;
    memory[task] = 900 + ((task * 104_729) % 1009) + Math.floor(task / (horizons * seeds)) * 320;
  }
  const column = (name: string, values: unknown[], at: (task: number) => number): { name: string; values: unknown[]; index: Uint32Array<ArrayBuffer> } => ({ name, values, index: Uint32Array.from({ length: total }, (_, task) => at(task)) });
  const words = ['ridge', 'lasso', 'knn', 'forest', 'boosting', 'svm', 'mlp', 'naive'];
  return {
    event: { kind: 'tasks', nodes: Array.from({ length: 7 }, (_, place) => `bm${String(place + 1).padStart(3, '0')}`), state, attempt, started, elapsed, memory, exit, node },
    parameters: {
      kind: 'parameters',
      parameters: [
        column('model', Array.from({ length: alphas }, (_, place) => words[place] ?? `model-${place}`), (task) => Math.floor(task / (horizons * seeds))),
        column('horizon', Array.from({ length: horizons }, (_, place) => (place + 1) * 5), (task) => Math.floor(task / seeds) % horizons),
        ...(seeds > 1 ? [column('seed', Array.from({ length: seeds }, (_, place) => place), (task) => task % seeds)] : []),
      ],
    },
  };
}

export function runState(of: Sweep, over: Partial<NonNullable<StateOf<'run'>['run']>> = {}): StateOf<'run'> {
  const total = of.event.state.length;
  const count = (...names: (typeof taskStates)[number][]): number => of.event.state.filter((state) => names.map(stateOf).includes(state)).length;
  const half = Math.floor(total / 2);
  const counts = { complete: count('complete'), running: count('running'), pending: count('pending'), failed: count('failed', 'timeout'), cancelled: 0, unknown: 0 };
  const none = { complete: 0, running: 0, pending: 0, failed: 0, cancelled: 0, unknown: 0 };
  const failed = [...of.event.state.keys()].filter((task) => of.event.state[task] === stateOf('failed'));
  const late = [...of.event.state.keys()].filter((task) => of.event.state[task] === stateOf('timeout'));
  return {
    run: {
      run_id: 'ridge-1', name: 'model-vs-horizon', cluster: 'spartan', scheduler: 'slurm', executor: 'forecast.py', lifecycle: 'in_flight', word: 'running', open: true, total, counts,
      submitted_at: new Date((began - 300) * 1000).toISOString(), observed_at: new Date(Date.now() - 12_000).toISOString(), stale_reason: null, eta_s: 1500, eta_spread_s: 360, eta_from: new Date().toISOString(),
      cost: { core_hours: 41.3, gpu_hours: null },
      waves: [{ wave: 0, first_task: 0, task_count: half, arrays: 1, counts: { ...none, complete: half - failed.length - late.length, failed: failed.length + late.length } }, { wave: 1, first_task: half, task_count: total - half, arrays: 1, counts: { ...none, running: counts.running, pending: counts.pending, complete: counts.complete - (half - failed.length - late.length) } }],
      attention: [{ kind: 'failed', message: 'Tasks failed' }], hasResults: true, canResume: false, ...over,
    },
    failures: {
      asking: false,
      note: null,
      groups: [
        {
          id: 'oom', title: 'Out of memory', certainty: 'proved', message: `MemoryError: Unable to allocate 1.2 GiB ${hostile}`, count: failed.length, taskRanges: failed.slice(0, 8).join(','), taskIds: failed, culprit: 'forecast.py:42',
          evidence: [{ source: 'accounting', text: 'OUT_OF_MEMORY, peak 5.7G of 4G', place: null }, { source: 'log', text: 'MemoryError: Unable to allocate 1.2 GiB', place: 'logs/12_18.err:214' }],
          sampleTask: failed[0] ?? null, find: 'MemoryError', advice: 'Ask for more memory.', blocked: null,
          proposal: { count: failed.length, changes: [{ name: 'memory', before: '4G', after: '6.3G' }], because: 'the measured peak was 5.7G' },
        },
        {
          id: 'import', title: 'Module not found', certainty: 'likely', message: "ModuleNotFoundError: No module named 'sklearn'", count: late.length, taskRanges: late.slice(0, 8).join(','), taskIds: late, culprit: null,
          evidence: [{ source: 'log', text: "ModuleNotFoundError: No module named 'sklearn'", place: 'logs/12_41.err:7' }], sampleTask: late[0] ?? null, find: null, advice: 'Install the module in the environment of the run, then submit the class again.', proposal: null, blocked: null,
        },
      ],
    },
    record: {
      executor: 'forecast.py', cmd_sha: '9e21d0c47be1'.repeat(5), version: '0.1.0', git_sha: '3f2c1a9b0d'.repeat(4), git_changed_files: ['forecast.py', '.hpc/tasks.py'], remote_path: '/scratch/anna/model-vs-horizon',
      resources: [{ name: 'cores', value: '2' }, { name: 'memory', value: '4G' }, { name: 'time limit', value: '0:30:00' }],
      attempts: [{ number: 1, submitted_at: new Date((began - 300) * 1000).toISOString(), automatic: false, task_count: total, jobs: ['1201', '1202'], changes: [] }, { number: 2, submitted_at: new Date((began + 900) * 1000).toISOString(), automatic: false, task_count: 2, jobs: ['1207'], changes: [{ title: 'system oom', count: 2, change: 'memory 4G → 6.3G: the measured peak was 5.7G' }] }],
    },
  };
}

const logText = `\u001b[32mINFO\u001b[0m reading data\n 10 %\r 60 %\r100 %\n${hostile}\n\u001b]0;title\u0007Traceback (most recent call last):\n  File "forecast.py", line 42, in fit\nMemoryError: Unable to allocate 1.2 GiB\n`;

/** A host with one run. */
export function runHost(of: Sweep, over: Partial<NonNullable<StateOf<'run'>['run']>> = {}): (message: ToHost, post: (message: ToPage) => Promise<void>) => Promise<void> {
  return async (message, post) => {
    if (message.type === 'ready') {
      await post({ type: 'start', words: {}, language: 'en', route: null });
      await post({ type: 'shell', difference: [{ at: [], value: { runs: [{ run_id: 'ridge-1', run_name: 'model-vs-horizon', words: 'running · 61 of 72' }, { run_id: 'older-2', run_name: hostile, words: 'complete' }], trusted: true, hasFolder: true } }] });
    }
    if (message.type === 'subscribe' && message.route?.view === 'run') {
      const { subscription } = message;
      await post({ type: 'state', subscription, difference: [{ at: [], value: runState(of, over) }] });
      await post({ type: 'event', subscription, event: of.event });
      await post({ type: 'event', subscription, event: of.parameters });
    }
    if (message.type === 'request' && message.name === 'log') {
      await post({ type: 'answer', id: message.id, value: { path: '/logs/1.err', found: true, text: (message.input as { offset: number | null }).offset === null ? logText : '', offset: 0, size: logText.length, nextOffset: logText.length, ended: true } });
    }
    if (message.type === 'request' && message.name === 'metric') {
      const { name } = message.input as { name: string | null };
      const names = ['rmse', ...Array.from({ length: 199 }, (_, place) => `metric_${place}`)];
      await post({ type: 'answer', id: message.id, value: { names, chosen: { name: name ?? 'rmse', values: Float64Array.from(of.event.state, (_, task) => (task % 5 === 0 ? Number.NaN : 1e300 / (task + 1))) } } });
    }
    if (message.type === 'request' && message.name === 'evidence') await post({ type: 'answer', id: message.id, value: { evidence: 'ended with status 137 on bm003 (task log)', job: '1201_18' } });
  };
}

/** The overview of somebody who has a little of everything, and names that want to be HTML. */
export function overviewState(): StateOf<'overview'> {
  const now = Date.now();
  const ago = (seconds: number): string => new Date(now - seconds * 1000).toISOString();
  const counts = { complete: 61, running: 8, pending: 0, failed: 3, cancelled: 0, unknown: 0 };
  const head = { cluster: 'spartan', submitted_at: ago(4000), observed_at: ago(12), stale_reason: null, eta_from: ago(12), canResume: false, hasResults: true };
  const free = { observed_at: ago(30), stale_reason: null, cpus_total: 960, cpus_free: 212, nodes: 30, gpus: [{ type: 'a100', total: 16, free: 3 }, { type: '', total: 4, free: 0 }], mine_running: 8, mine_pending: 2 };
  return {
    loaded: true,
    failure: null,
    clusters: [
      { name: 'spartan', scheduler: 'Slurm', target: 'anna@spartan', state: 'connected', reason: null, free, asking: false, problem: null, heard_at: null },
      { name: 'hoffman2', scheduler: 'Grid Engine', target: 'anna@hoffman2', state: 'refused', reason: 'The server takes no key of yours.', free: null, asking: false, problem: null, heard_at: null },
      { name: hostile, scheduler: 'Slurm', target: 'x', state: 'idle', reason: null, free: null, asking: true, problem: null, heard_at: null },
      { name: 'this-computer', scheduler: 'no scheduler', target: '', state: 'here', reason: null, free: { ...free, gpus: [], stale_reason: 'it slept', mine_running: 0, mine_pending: 0 }, asking: false, problem: null, heard_at: null },
    ],
    clusterProblems: ['clusters.yaml:12: there is no such key'],
    runs: [
      { ...head, run_id: 'ridge-1', name: 'model-vs-horizon', lifecycle: 'in_flight', word: 'running', open: true, total: 72, counts, eta_s: 1500, eta_spread_s: 360, attention: [{ kind: 'failed', message: '3 tasks failed' }], cost: { core_hours: 41.3, gpu_hours: 2.5 }, hasFailures: true },
      { ...head, run_id: 'new-2', name: hostile, lifecycle: 'in_flight', word: 'submitted', open: true, total: 2000, counts: { ...counts, complete: 0, running: 0, failed: 0, unknown: 2000 }, observed_at: null, eta_s: null, eta_spread_s: null, attention: [], cost: null, hasFailures: false, hasResults: false },
      { ...head, run_id: 'half-3', name: 'half', lifecycle: 'unknown', word: 'unknown', open: true, total: 8, counts: { ...counts, complete: 0, running: 0, failed: 0, unknown: 8 }, eta_s: null, eta_spread_s: null, attention: [], cost: null, canResume: true, hasFailures: false, hasResults: false },
      { ...head, run_id: 'done-4', name: 'co2-forecast', lifecycle: 'complete', word: 'complete', open: false, total: 24, counts: { ...counts, complete: 24, running: 0, failed: 0 }, eta_s: null, eta_spread_s: null, attention: [], cost: { core_hours: 0.2, gpu_hours: null }, hasFailures: false },
    ],
    ended: 40,
    reservations: [
      { id: 'r1', name: 'dev-pool', cluster: 'spartan', node: 'bm022', liveness: 'alive', word: 'alive', held: true, persistent: true, ends_at: new Date(now + 6.1 * 86_400_000).toISOString(), submitted_at: ago(86_400), idle_s: 2400, observed_at: ago(60), node_hours: 24, attention: [] },
      { id: 'r2', name: 'old', cluster: 'hoffman2', node: '', liveness: 'unknown', word: 'not known', held: false, persistent: false, ends_at: null, submitted_at: ago(86_400), idle_s: null, observed_at: null, node_hours: null, attention: ['It could not be asked since yesterday.'] },
    ],
  };
}
