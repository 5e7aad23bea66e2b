/**
 * A run's sidecar, `.hpc/runs/<run_id>.json`: hpc-agent's schema version 2, read and written so that both products
 * understand it. What is ours alone lies under `extra`. Keys that we do not know are kept.
 */
import * as fs from 'node:fs/promises';
import * as z from 'zod/mini';
import { readTextIfThere, writeJsonAtomic } from '../foundation/atomicFile.ts';
import { HpcError, systemCodeOf } from '../foundation/errors.ts';
import { runsDirectory, sidecarFile } from './workspace.ts';

const rangesSchema = z.array(z.tuple([z.number(), z.number()]));

const arraySchema = z.object({
  /** `w<wave>a<number>`: names the array in receipts, log files and job names. */
  key: z.string(),
  wave: z.number(),
  first_task: z.number(),
  task_count: z.number(),
  job_name: z.string(),
  job_id: z.nullable(z.string()),
  /** Of a job that was adopted: the scheduler's own indices, in the order of the tasks; or that it is no array. */
  indices: z.optional(rangesSchema),
  plain: z.optional(z.boolean()),
});
export type SubmittedArray = z.output<typeof arraySchema>;

const combinerSchema = z.object({ key: z.string(), wave: z.number(), job_name: z.string(), job_id: z.nullable(z.string()) });

/**
 * The arrays that go on where those of one submission stopped (`chain`): queued with it, each after the one that it continues. Its tasks see
 * the number as HPC_ATTEMPT.
 */
const hopSchema = z.object({
  number: z.number(),
  arrays: z.array(z.object({ key: z.string(), /** Of the first link, whose tasks and resources these are. */ of: z.string(), job_name: z.string(), job_id: z.nullable(z.string()) })),
});
export type Hop = z.output<typeof hopSchema>;

/** Tasks that were submitted again: the second, third, … attempt of the run, each with one request. */
const attemptSchema = z.object({
  /** From 2; the tasks see it as HPC_ATTEMPT. */
  number: z.number(),
  /** Who asks again with the same id gets this attempt back. */
  request_id: z.string(),
  at: z.string(),
  /** Without a person, by the run's auto_retry. */
  automatic: z.boolean(),
  groups: z.array(
    z.object({
      failure_class: z.nullable(z.string()),
      tasks: rangesSchema,
      resources: z.record(z.string(), z.unknown()),
      /** The tasks by the fingerprint of their failure, as `failures` gives it. */
      fingerprints: z.optional(z.record(z.string(), rangesSchema)),
      /** What is other than in the attempt before, and why, in one sentence. */
      change: z.string(),
    }),
  ),
  arrays: z.array(z.object({ key: z.string(), wave: z.number(), group: z.number(), tasks: rangesSchema, job_name: z.string(), job_id: z.nullable(z.string()) })),
  hops: z.optional(z.array(hopSchema)),
  /** Combines the results anew after the last array. */
  combiner: z.object({ key: z.string(), job_name: z.string(), job_id: z.nullable(z.string()) }),
  provenance: z.optional(z.record(z.string(), z.unknown())),
});
export type Attempt = z.output<typeof attemptSchema>;

const submissionSchema = z.object({
  token: z.string(),
  run_name: z.string(),
  workspace_id: z.string(),
  scheduler: z.string(),
  /** Absolute folder on the cluster for logs, receipts and event logs. */
  state_dir: z.string(),
  arrays: z.array(arraySchema),
  /** Further links of the first submission's chain, in their order. */
  hops: z.optional(z.array(hopSchema)),
  combiners: z.array(combinerSchema),
  max_concurrent: z.nullable(z.number()),
  /** Extra variables of the tasks. */
  env: z.record(z.string(), z.string()),
  /** Log path patterns by key, in the scheduler's placeholders. */
  logs: z.record(z.string(), z.object({ out: z.string(), err: z.string() })),
  attempts: z.optional(z.array(attemptSchema)),
});
export type Submission = z.output<typeof submissionSchema>;

const sidecarSchema = z.looseObject({
  sidecar_schema_version: z.literal([1, 2]),
  run_id: z.string(),
  cmd_sha: z.string(),
  hpc_agent_version: z.optional(z.string()),
  submitted_at: z.string(),
  executor: z.string(),
  result_dir_template: z.string(),
  task_count: z.number().check(z.int(), z.minimum(0)),
  tasks_py_sha: z.optional(z.string()),
  wave_map: z.optional(z.record(z.string(), z.array(z.number()))),
  cluster: z.optional(z.string()),
  profile: z.optional(z.string()),
  remote_path: z.optional(z.string()),
  resources: z.optional(z.record(z.string(), z.unknown())),
  env: z.optional(z.record(z.string(), z.unknown())),
  job_ids: z.optional(z.array(z.string())),
  extra: z.optional(z.looseObject({ submission: z.optional(submissionSchema), /** Jobs one after the other for tasks that take longer than one may. */ chain: z.optional(z.object({ max_hops: z.number() })) })),
});
export type Sidecar = z.output<typeof sidecarSchema>;

/** The sidecar, or undefined where there is none. Throws `journal_corrupt` or `schema_incompat` naming the file. */
export async function readSidecar(directory: string, runId: string): Promise<Sidecar | undefined> {
  const file = sidecarFile(directory, runId);
  const text = await readTextIfThere(file);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HpcError('journal_corrupt', `${file} is not JSON.`, { cause, remediation: 'Restore it from version control or from the copy in the run’s folder on the cluster.' });
  }
  const parsed = z.safeParse(sidecarSchema, value);
  if (parsed.success) return parsed.data;
  const version = (value as { sidecar_schema_version?: unknown } | null)?.sidecar_schema_version;
  if (version !== 1 && version !== 2) {
    throw new HpcError('schema_incompat', `${file} has schema version ${JSON.stringify(version)}; this version reads 1 and 2.`, { remediation: 'Update HPC Agent.' });
  }
  const issue = parsed.error.issues[0];
  throw new HpcError('journal_corrupt', `${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a sidecar'}.`, { remediation: 'Restore it from version control.' });
}

export async function writeSidecar(directory: string, sidecar: Sidecar, options: { exclusive?: boolean } = {}): Promise<void> {
  await writeJsonAtomic(sidecarFile(directory, sidecar.run_id), sidecar, options);
}

/** Run ids of the workspace, newest first. */
export async function listRunIds(directory: string): Promise<readonly string[]> {
  try {
    const names = await fs.readdir(runsDirectory(directory));
    return names
      .filter((name) => name.endsWith('.json') && !name.startsWith('.'))
      .map((name) => name.slice(0, -'.json'.length))
      .sort()
      .reverse();
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
