import * as z from 'zod/mini';
import { failureClasses } from '../runs/diagnosis/failureClass.ts';
import { defineOperation } from './operation.ts';
import { runId, taskId } from './schemas.ts';
import { runDepsOf } from './runRequest.ts';

/** `clusters` is hpc-agent's word on the wire for groups of equal failures; machines are never meant by it here. */
const retryRule = z.object({ max_attempts: z.number(), mem_multiplier: z.optional(z.number()), walltime_multiplier: z.optional(z.number()) });

const evidence = z.object({
  /** `scheduler` (its queue), `accounting`, `task_events` (what the dispatcher measured), `log`. */
  source: z.enum(['scheduler', 'accounting', 'task_events', 'log']),
  text: z.string(),
  /** Log on the cluster, and line in it from 1; null where it is too long to count. */
  path: z.nullable(z.string()),
  line: z.nullable(z.number()),
});

const failureCluster = z.object({
  error_class: z.enum(failureClasses),
  /** The same as error_class, as hpc-agent has both. */
  category: z.string(),
  title: z.string(),
  /** proved: a source says so; likely: what was measured fits nothing else; guessed: only an exit status, or nothing. */
  certainty: z.enum(['proved', 'likely', 'guessed']),
  message: z.string(),
  fingerprint: z.string(),
  count: z.number(),
  task_ids: z.array(z.number()),
  /** The same, compact: `3,7,12-14`. */
  task_ranges: z.string(),
  nodes: z.array(z.string()),
  peak_rss_mib: z.nullable(z.number()),
  /** The line of the program that an exception came through last. */
  culprit: z.nullable(z.object({ file: z.string(), line: z.number(), function: z.string(), is_users_code: z.boolean() })),
  /** Of the sample task; the first piece is what decided. */
  evidence: z.array(evidence),
  sample: z.string(),
  sample_task_id: z.nullable(z.number()),
  sample_path: z.nullable(z.string()),
  sample_line: z.nullable(z.number()),
  suggested_fix: z.object({ action: z.string(), factor: z.optional(z.number()) }),
  advice: z.string(),
  /** Absent for classes that are not tried again before a person has changed something. */
  retry_advice: z.optional(z.object({ policy: retryRule, eligible_task_ids: z.array(z.number()), blocked_task_ids: z.array(z.number()) })),
});

export const failures = defineOperation({
  name: 'failures',
  kind: 'query',
  summary: 'Tell why tasks of a run failed: equal failures as one, each with its class, the line that proves it and what to do.',
  guidance:
    'Use this instead of reading logs one by one. Show the class, the count, the proving line and the culprit; say `guessed` where certainty says so. Classes with retry_advice may be resubmitted for the eligible ids; the others need a change first.',
  input: z.strictObject({
    run_id: runId,
    /** Lines of log in each sample. */
    lines: z.optional(z.number().check(z.int(), z.minimum(1), z.maximum(200))),
    /** Only these tasks. */
    task_ids: z.optional(z.array(taskId)),
    /** Ask the cluster about the run first (default); false goes by the last observation. The logs are read in any case. */
    refresh: z.optional(z.boolean()),
  }),
  output: z.object({
    run_id: z.string(),
    failed_count: z.number(),
    clusters: z.array(failureCluster),
    scheduler: z.string(),
    preempted_count: z.optional(z.number()),
    preempted_task_ids: z.optional(z.array(z.number())),
    /** The rules by which retry_advice was made: the run's own, else the product's. */
    auto_retry_policy: z.record(z.string(), retryRule),
    /** Whether the owner of the run has asked for retries without a person. */
    auto_retry: z.boolean(),
    /** What could not be asked, or is not as it seems. */
    note: z.optional(z.string()),
  }),
  idempotent: true,
  tool: true,
  positional: ['run_id'],
  run: async (input, context) => {
    const [{ diagnoseRun }, { policyOf, ruleOnWire }, { retriesOf, retryAdvice, retryRulesOf }] = await Promise.all([
      import('../runs/diagnosis/diagnoseRun.ts'),
      import('../runs/diagnosis/failureClass.ts'),
      import('../runs/diagnosis/retryAdvice.ts'),
    ]);
    const diagnosis = await diagnoseRun({ runId: input.run_id, refresh: input.refresh ?? true, lines: input.lines ?? 30, ...(input.task_ids ? { tasks: input.task_ids } : {}) }, await runDepsOf(context), context);
    const { view, groups } = diagnosis;
    const rules = retryRulesOf(view.sidecar);
    const preempted = groups.flatMap((group) => (group.failureClass === 'preempted' ? group.tasks : [])).sort((a, b) => a - b);
    const notes = [
      ...(diagnosis.failed.length === 0 ? ['No task of this run has failed.'] : []),
      ...(diagnosis.cancelled > 0 ? [`${diagnosis.cancelled} tasks were cancelled with the scheduler’s own tools, and are not counted.`] : []),
      ...(rules.problem === undefined ? [] : [`${rules.problem} The product’s own rules are shown.`]),
      ...diagnosis.notes,
    ];
    return {
      run_id: input.run_id,
      failed_count: diagnosis.failed.length,
      clusters: groups.map((group) => {
        const policy = policyOf(group.failureClass);
        const advice = retryAdvice(group.failureClass, group.tasks, rules.rules, (task) => retriesOf(view, task));
        return {
          error_class: group.failureClass,
          category: group.failureClass,
          title: policy.title,
          certainty: group.certainty,
          message: group.message,
          fingerprint: group.fingerprint,
          count: group.tasks.length,
          task_ids: [...group.tasks],
          task_ranges: group.taskRanges,
          nodes: group.nodes.slice(0, 32),
          peak_rss_mib: group.peakMiB,
          culprit: group.culprit ? { file: group.culprit.file, line: group.culprit.line, function: group.culprit.function, is_users_code: group.culprit.isUsersCode } : null,
          evidence: group.evidence.map(({ source, text, path, line }) => ({ source, text, path: path ?? null, line: line ?? null })),
          sample: group.sample?.text ?? '',
          sample_task_id: group.sample?.task ?? group.tasks[0] ?? null,
          sample_path: group.sample?.path ?? null,
          sample_line: group.sample?.line ?? null,
          suggested_fix: { action: policy.action, ...(policy.factor === 1 ? {} : { factor: policy.factor }) },
          advice: policy.advice,
          ...(advice ? { retry_advice: { policy: advice.policy, eligible_task_ids: [...advice.eligible], blocked_task_ids: [...advice.blocked] } } : {}),
        };
      }),
      scheduler: view.submission.scheduler,
      ...(preempted.length > 0 ? { preempted_count: preempted.length, preempted_task_ids: preempted } : {}),
      auto_retry_policy: Object.fromEntries([...rules.rules].map(([name, rule]) => [name, ruleOnWire(rule)])),
      auto_retry: rules.automatic,
      ...(notes.length > 0 ? { note: notes.join(' ') } : {}),
    };
  },
});

export type FailuresOutput = Awaited<ReturnType<typeof failures.call>>;
