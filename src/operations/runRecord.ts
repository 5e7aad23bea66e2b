import * as z from 'zod/mini';
import { defineOperation } from './operation.ts';
import { resources, runId } from './schemas.ts';
import { resourcesOutput, runDepsOf } from './runRequest.ts';
import { resourcesOfRun } from '../runs/sidecarResources.ts';

export const runRecord = defineOperation({
  name: 'run-record',
  kind: 'query',
  summary: 'Tell what a run was made of: its code, its resources, its attempts with what changed between them.',
  guidance: 'Use it to explain where a result comes from. It asks no cluster.',
  input: z.strictObject({ run_id: runId }),
  output: z.object({
    run_id: z.string(),
    executor: z.string(),
    cmd_sha: z.string(),
    submitted_at: z.string(),
    hpc_agent_version: z.nullable(z.string()),
    git_sha: z.nullable(z.string()),
    /** Files that differed from the commit, at most 100; empty where it is not known. */
    git_changed_files: z.array(z.string()),
    remote_path: z.string(),
    state_dir: z.string(),
    resources,
    /** From the first submission on. */
    attempts: z.array(
      z.object({
        number: z.number(),
        submitted_at: z.string(),
        automatic: z.boolean(),
        task_count: z.number(),
        groups: z.array(z.object({ failure_class: z.nullable(z.string()), task_count: z.number(), resources, change: z.string() })),
        job_ids: z.array(z.string()),
      }),
    ),
  }),
  idempotent: true,
  tool: false,
  positional: ['run_id'],
  run: async (input, context) => {
    const [{ requireRun }, { TaskList }] = await Promise.all([import('../runs/listRuns.ts'), import('../runs/placement.ts')]);
    const { sidecar, submission } = await requireRun(input.run_id, await runDepsOf(context));
    const provenance = sidecar.extra?.provenance as { git_sha?: unknown; git_changed_files?: unknown } | undefined;
    const jobsOf = (arrays: readonly { readonly job_id: string | null }[]): string[] => arrays.flatMap(({ job_id }) => job_id ?? []);
    const asked = resourcesOutput(resourcesOfRun(sidecar));
    return {
      run_id: sidecar.run_id,
      executor: sidecar.executor,
      cmd_sha: sidecar.cmd_sha,
      submitted_at: sidecar.submitted_at,
      hpc_agent_version: sidecar.hpc_agent_version ?? null,
      git_sha: typeof provenance?.git_sha === 'string' ? provenance.git_sha : null,
      git_changed_files: Array.isArray(provenance?.git_changed_files) ? provenance.git_changed_files.map(String) : [],
      remote_path: sidecar.remote_path ?? '',
      state_dir: submission.state_dir,
      resources: asked,
      attempts: [
        { number: 1, submitted_at: sidecar.submitted_at, automatic: false, task_count: sidecar.task_count, groups: [{ failure_class: null, task_count: sidecar.task_count, resources: asked, change: '' }], job_ids: jobsOf(submission.arrays) },
        ...(submission.attempts ?? []).map(({ number, at, automatic, groups, arrays }) => {
          const its = groups.map((group) => ({ failure_class: group.failure_class, task_count: new TaskList(group.tasks).count, resources: resourcesOutput(group.resources), change: group.change }));
          return { number, submitted_at: at, automatic, task_count: its.reduce((sum, { task_count }) => sum + task_count, 0), groups: its, job_ids: jobsOf(arrays) };
        }),
      ],
    };
  },
});

export type RunRecordOutput = Awaited<ReturnType<typeof runRecord.call>>;
