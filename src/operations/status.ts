import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { runId, runSummary, taskRow, taskState } from './schemas.ts';
import { runDepsOf, runSummaryOf, taskRowsOf } from './runRequest.ts';

export const status = defineOperation({
  name: 'status',
  kind: 'query',
  summary: 'Tell the state of a run, with the evidence and its age.',
  guidance: 'Counts by state; with `tasks` also single tasks (by state, or by id), at most 200. Unknown means unknown: do not report it as done or lost.',
  input: z.strictObject({
    run_id: runId,
    /** Ask the cluster now (default); false shows the last observation. */
    refresh: z.optional(z.boolean()),
    task_states: z.optional(z.array(taskState)),
    task_ids: z.optional(z.array(z.number())),
  }),
  output: z.object({
    run: runSummary,
    tasks: z.array(taskRow),
    /** Seconds from now until the tasks that are left may be done, by what tasks took so far; null: not known. */
    eta_s: z.nullable(z.number()),
    /** How far off that may be, either way, by how much measured times differ. */
    eta_spread_s: z.nullable(z.number()),
    /** What it has cost until now: all attempts, and what runs. gpu_hours null: no GPU was asked for. */
    cost: z.object({ core_hours: z.number(), gpu_hours: z.nullable(z.number()) }),
  }),
  idempotent: true,
  tool: true,
  positional: ['run_id'],
  run: async (input, context) => {
    const [{ runState }, { rememberRuntimes, readRuntimes }, { rollUp }, { etaOf }, { recordOutcome }, { costOf }] = await Promise.all([
      import('../runs/listRuns.ts'), import('../runs/runtimes.ts'), import('../runs/runtimeQuantiles.ts'), import('../runs/eta.ts'), import('../runs/recordOutcome.ts'), import('../runs/costOfRun.ts')]);
    const deps = await runDepsOf(context);
    const view = await runState(input.run_id, { refresh: input.refresh ?? true }, deps, context);
    if (view.lifecycle === 'complete') await rememberRuntimes(input.run_id, deps);
    await recordOutcome(view, deps);
    const history = view.counts.running === 0 ? [] : await readRuntimes(view.experimentDir, view.sidecar.profile ?? view.submission.run_name, view.sidecar.cluster ?? '');
    const wanted = input.task_ids ?? (input.task_states ? view.tasks.flatMap((task, index) => (input.task_states?.includes(task.state) ? [index] : [])) : []);
    const eta = etaOf(view, rollUp(history));
    return { run: runSummaryOf(view), tasks: await taskRowsOf(view, wanted.slice(0, 200)), eta_s: eta?.s ?? null, eta_spread_s: eta?.spreadS ?? null, cost: costOf(view, deps.clock.now().getTime() / 1000) };
  },
});
