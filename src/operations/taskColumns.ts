import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { runId, runSummary, taskState, type TaskStateName } from './schemas.ts';
import { runDepsOf, runSummaryOf } from './runRequest.ts';

/** The names that `state` counts in. */
export const taskStates = ['pending', 'running', 'complete', 'failed', 'cancelled', 'timeout', 'lost', 'unknown'] as const satisfies readonly TaskStateName[];

const numbers = z.array(z.nullable(z.number()));

/** Values once each, in the order in which they come, and for each task which one it has: thousands of tasks share few. */
function coded<T>(values: readonly T[]): { values: T[]; index: number[] } {
  const places = new Map<string, number>();
  const found: T[] = [];
  const index = values.map((value) => {
    const key = JSON.stringify(value);
    let place = places.get(key);
    if (place === undefined) {
      places.set(key, (place = found.length));
      found.push(value);
    }
    return place;
  });
  return { values: found, index };
}

export const taskColumns = defineOperation({
  name: 'task-columns',
  kind: 'query',
  summary: 'Give every task of a run, in columns: state, time, memory, node, parameters.',
  guidance: 'For plots and programs: the n-th entry of each column is task n, null is not known. For a few tasks or the counts use status.',
  input: z.strictObject({
    run_id: runId,
    /** Ask the cluster first; default false. */
    refresh: z.optional(z.boolean()),
    /** Also the parameters; they never change. Default false. */
    parameters: z.optional(z.boolean()),
  }),
  output: z.object({
    run: runSummary,
    /** Seconds from now until the tasks that are left may be done; null: not known. */
    eta_s: z.nullable(z.number()),
    /** How far off that may be, either way, by how much measured times differ. */
    eta_spread_s: z.nullable(z.number()),
    cost: z.object({ core_hours: z.number(), gpu_hours: z.nullable(z.number()) }),
    /** What the numbers in `state` mean. */
    states: z.array(taskState),
    state: z.array(z.number()),
    /** From 1. */
    attempt: z.array(z.number()),
    /** Seconds since the epoch at which the latest attempt began, by the node's clock. */
    started_at_s: numbers,
    elapsed_s: numbers,
    peak_rss_mib: numbers,
    exit_code: numbers,
    node: z.object({ values: z.array(z.nullable(z.string())), index: z.array(z.number()) }),
    parameters: z.optional(z.array(z.object({ name: z.string(), values: z.array(z.unknown()), index: z.array(z.number()) }))),
  }),
  idempotent: true,
  tool: false,
  positional: ['run_id'],
  run: async (input, context) => {
    const [{ runState }, { readRuntimes }, { rollUp }, { etaOf }, { costOf }, { readParams }] = await Promise.all([
      import('../runs/listRuns.ts'), import('../runs/runtimes.ts'), import('../runs/runtimeQuantiles.ts'), import('../runs/eta.ts'), import('../runs/costOfRun.ts'), import('../runs/runView.ts')]);
    const deps = await runDepsOf(context);
    const view = await runState(input.run_id, { refresh: input.refresh ?? false }, deps, context);
    const { tasks } = view;
    const history = view.counts.running === 0 ? [] : await readRuntimes(view.experimentDir, view.sidecar.profile ?? view.submission.run_name, view.sidecar.cluster ?? '');
    const params = input.parameters === true && view.sidecar.extra?.adopted === undefined ? await readParams(view.experimentDir, input.run_id) : undefined;
    const names = [...new Set(params?.flatMap((kwargs) => Object.keys(kwargs)) ?? [])];
    const places = new Map<string, number>(taskStates.map((state, place) => [state, place]));
    const eta = etaOf(view, rollUp(history));
    return {
      run: runSummaryOf(view),
      eta_s: eta?.s ?? null,
      eta_spread_s: eta?.spreadS ?? null,
      cost: costOf(view, deps.clock.now().getTime() / 1000),
      states: [...taskStates],
      state: tasks.map(({ state }) => places.get(state) ?? taskStates.length - 1),
      attempt: tasks.map(({ attempt }) => attempt),
      started_at_s: tasks.map(({ startedAtS }) => startedAtS),
      elapsed_s: tasks.map(({ elapsedS }) => elapsedS),
      peak_rss_mib: tasks.map(({ peakRssMiB }) => peakRssMiB),
      exit_code: tasks.map(({ exitCode }) => exitCode),
      node: coded(tasks.map(({ node }) => node)),
      ...(params === undefined ? {} : { parameters: names.map((name) => ({ name, ...coded(tasks.map((_, task) => params[task]?.[name] ?? null)) })) }),
    };
  },
});

export type TaskColumnsOutput = Awaited<ReturnType<typeof taskColumns.call>>;
