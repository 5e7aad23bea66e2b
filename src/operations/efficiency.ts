import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { resources, runId } from './schemas.ts';
import { resourcesOutput, runDepsOf } from './runRequest.ts';

const measured = z.object({
  /** Ended tasks that were measured. */
  tasks: z.number(),
  /** CPU seconds of elapsed seconds × cores, 0 to 1; null: not measured. */
  cpu_efficiency: z.nullable(z.number()),
  /** The largest peak of the memory asked for; null: no memory was asked for, or no peak measured. */
  memory_efficiency: z.nullable(z.number()),
  /** The longest task of the time limit. */
  walltime_efficiency: z.nullable(z.number()),
  /** Share of the time that the GPUs were busy, 0 to 1; null: not measured (no nvidia-smi, or too short a task). */
  gpu_efficiency: z.nullable(z.number()),
  peak_gpu_mib: z.nullable(z.number()),
  core_hours: z.number(),
  used_core_hours: z.nullable(z.number()),
  /** Of the largest process of a task. */
  peak_rss_mib: z.nullable(z.number()),
  median_rss_mib: z.nullable(z.number()),
  longest_s: z.number(),
  median_s: z.number(),
  /** What to ask for next time, a sentence each; empty: it fits. */
  advice: z.array(z.string()),
});

export const efficiency = defineOperation({
  name: 'efficiency',
  kind: 'query',
  summary: 'Tell how much of the cores, the memory, the GPUs and the time that were asked for the tasks of a run used, and what would do.',
  guidance: 'Use after a run, or in the middle of it, before the next submit: the advice of each group of tasks (those that asked for the same) says what to ask for. Goes by what was observed last; GPUs are measured where nvidia-smi is on the node.',
  input: z.strictObject({
    run_id: runId,
    /** Ask the cluster first; default false. */
    refresh: z.optional(z.boolean()),
  }),
  output: z.object({
    run_id: z.string(),
    total_tasks: z.number(),
    overall: z.nullable(z.omit(measured, { advice: true, memory_efficiency: true, walltime_efficiency: true })),
    /** Tasks that were given the same, attempt by attempt. */
    groups: z.array(z.extend(measured, { attempt: z.number(), task_ranges: z.string(), resources })),
    note: z.optional(z.string()),
  }),
  idempotent: true,
  tool: true,
  positional: ['run_id'],
  run: async (input, context) => {
    const [{ runState }, { measureRun }] = await Promise.all([import('../runs/listRuns.ts'), import('../runs/measureRun.ts')]);
    const deps = await runDepsOf(context);
    const view = await runState(input.run_id, { refresh: input.refresh ?? false }, deps, context);
    const { overall, groups } = await measureRun(view, deps);
    const wire = ({ tasks, cpu, gpu, gpuPeakMiB, coreHours, usedCoreHours, peakMiB, medianPeakMiB, longestS, medianS }: typeof overall): Omit<z.output<typeof measured>, 'advice' | 'memory_efficiency' | 'walltime_efficiency'> => ({
      tasks,
      cpu_efficiency: cpu,
      gpu_efficiency: gpu,
      peak_gpu_mib: gpuPeakMiB,
      core_hours: coreHours,
      used_core_hours: usedCoreHours,
      peak_rss_mib: peakMiB,
      median_rss_mib: medianPeakMiB,
      longest_s: longestS,
      median_s: medianS,
    });
    return {
      run_id: input.run_id,
      total_tasks: view.tasks.length,
      overall: overall.tasks === 0 ? null : wire(overall),
      groups: groups.map(({ attempt, taskRanges, resources: asked, efficiency: found }) => ({
        ...wire(found),
        memory_efficiency: found.memory,
        walltime_efficiency: found.walltime,
        advice: [...found.advice],
        attempt,
        task_ranges: taskRanges,
        resources: resourcesOutput(asked),
      })),
      ...(overall.tasks === 0 ? { note: 'No task of this run has ended yet, as far as was observed.' } : {}),
    };
  },
});

export type EfficiencyOutput = Awaited<ReturnType<typeof efficiency.call>>;
