import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { runId } from './schemas.ts';
import { runDepsOf } from './runRequest.ts';

export const discoverReducers = defineOperation({
  name: 'discover-reducers',
  kind: 'query',
  summary: 'Find the scripts of the workspace that reduce results.',
  guidance: 'Use before writing a new aggregation script. Reads source only, runs nothing. What the sidecar of the run names (declared) counts before what is found. Next: cluster-reduce with the aggregate_cmd.',
  input: z.strictObject({ search_dirs: z.optional(z.array(z.string())), run_id: z.optional(runId) }),
  output: z.object({
    /** aggregate_defaults of the run's sidecar, where a run is named and has them. */
    declared: z.nullable(z.object({ aggregate_cmd: z.nullable(z.string()), expect_output: z.nullable(z.string()), require_outputs: z.array(z.string()) })),
    reducers: z.array(z.object({ path: z.string(), name: z.string(), matches: z.array(z.string()), docstring: z.string(), aggregate_cmd: z.string() })),
    problems: z.array(z.object({ path: z.string(), message: z.string() })),
  }),
  idempotent: true,
  tool: false,
  run: async ({ search_dirs, run_id }, context) => {
    const { discoverReducers: find } = await import('../executors/discoverReducers.ts');
    const found = await find(context.experimentDir, { signal: context.signal, ...(search_dirs ? { searchDirs: search_dirs } : {}) });
    return {
      declared: run_id === undefined ? null : await declaredBy(run_id, context),
      reducers: found.reducers.map(({ aggregateCmd, ...reducer }) => ({ ...reducer, matches: [...reducer.matches], aggregate_cmd: aggregateCmd })),
      problems: found.problems.map(({ path, message }) => ({ path, message })),
    };
  },
});

async function declaredBy(id: string, context: Parameters<typeof runDepsOf>[0]): Promise<{ aggregate_cmd: string | null; expect_output: string | null; require_outputs: string[] } | null> {
  const { requireRun } = await import('../runs/listRuns.ts');
  const { aggregateDefaultsOf } = await import('../runs/reduceRun.ts');
  const { sidecar } = await requireRun(id, await runDepsOf(context));
  if (sidecar.aggregate_defaults === undefined || sidecar.aggregate_defaults === null) return null;
  const { aggregate_cmd, expect_output, require_outputs } = aggregateDefaultsOf(sidecar);
  return { aggregate_cmd: aggregate_cmd ?? null, expect_output: expect_output ?? null, require_outputs: require_outputs ?? [] };
}

export const reducedOutput = z.object({
  run_id: z.string(),
  /** What the reducer gave: any JSON. */
  reduced: z.unknown(),
  partial: z.boolean(),
  provenance: z.object({
    command: z.string(),
    cmd_sha: z.string(),
    tasks: z.string(),
    missing_tasks: z.string(),
    scripts: z.record(z.string(), z.string()),
    cluster: z.string(),
    reduced_at: z.string(),
    elapsed_s: z.number(),
    source: z.enum(['file', 'stdout']),
    output_path_remote: z.nullable(z.string()),
  }),
  stderr_tail: z.string(),
  file: z.string(),
});

export const clusterReduce = defineOperation({
  name: 'cluster-reduce',
  kind: 'mutate',
  summary: 'Run the workspace’s own reducer over a run’s results on the cluster, and fetch only what it gives.',
  guidance:
    'The command runs in the run’s folder on the cluster (login node) with the software of the profile. It finds HPC_RUN_ID, HPC_RESULTS_DIR, HPC_TASK_COUNT, HPC_PARAMS (the frozen parameters), HPC_TASKS (a line of JSON with task_id, result_dir and params for each task whose result counts), HPC_PARTIAL, and HPC_OUTPUT, the file to write JSON to; else its last line of output is taken. Refuses (outputs_missing) while tasks are missing, unless partial, and (spec_invalid) where the script that it names is not there as it is here: sync first. Writes results/<run_id>/reduced.json.',
  input: z.strictObject({
    run_id: runId,
    /** Default: aggregate_defaults.aggregate_cmd of the run's sidecar. */
    aggregate_cmd: z.optional(z.string().check(z.minLength(1))),
    /** Where the command writes its result, below the run's folder. Default: the sidecar's expect_output, else _aggregated/<run_id>.json. */
    output_path: z.optional(z.string().check(z.minLength(1))),
    /** Reduce what is there while tasks are missing. */
    partial: z.optional(z.boolean()),
    /** How long it may take, seconds; default 1800. */
    timeout_sec: z.optional(z.number().check(z.positive())),
  }),
  output: reducedOutput,
  idempotent: true,
  tool: false,
  positional: ['run_id'],
  confirm: async (input, context) => {
    const { commandFor } = await import('../runs/reduceRun.ts');
    const { run, command } = await commandFor({ runId: input.run_id, ...(input.aggregate_cmd === undefined ? {} : { command: input.aggregate_cmd }) }, await runDepsOf(context));
    return `Run \`${command}\` on ${run.sidecar.cluster ?? '?'} over the results of run ${input.run_id} (${run.sidecar.task_count} tasks${input.partial === true ? ', those that are there' : ''}).`;
  },
  run: async (input, context) => {
    const { reduceRun } = await import('../runs/reduceRun.ts');
    return reduceRun(
      {
        runId: input.run_id,
        partial: input.partial ?? false,
        timeoutS: input.timeout_sec ?? 1800,
        ...(input.aggregate_cmd === undefined ? {} : { command: input.aggregate_cmd }),
        ...(input.output_path === undefined ? {} : { output: input.output_path }),
      },
      await runDepsOf(context),
      context,
    );
  },
});
