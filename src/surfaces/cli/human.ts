/** The answers of operations for people. What has no form of its own is shown as indented JSON. */
import type { EfficiencyOutput } from '../../operations/efficiency.ts';
import type { Envelope } from '../../operations/envelope.ts';
import type { FailuresOutput } from '../../operations/failures.ts';
import type { JobRunOutput, JobShape } from '../../operations/jobs/jobs.ts';
import type { ReservationShape } from '../../operations/reservations/wire.ts';
import type { ResourcesOutput } from '../../operations/resources.ts';
import type { ResubmitOutput } from '../../operations/resubmit.ts';
import type { ResultsTable, RunSummary } from '../../operations/schemas.ts';
import { efficiencyLines } from './efficiencyLines.ts';
import { failuresLines } from './failuresLines.ts';
import { jobLines, jobRunLines } from './jobLines.ts';
import { listLines, reservationLines } from './reservationLines.ts';
import { resourcesLines } from './resourcesLines.ts';
import { bar, plain, table } from './terminal.ts';

const words = (counts: RunSummary['counts']): string =>
  ([['complete', 'done'], ['running', 'running'], ['pending', 'waiting'], ['failed', 'failed'], ['cancelled', 'cancelled'], ['unknown', 'unknown']] as const)
    .flatMap(([key, word]) => (counts[key] > 0 ? [`${counts[key]} ${word}`] : []))
    .join(' · ');

export function runLines(run: RunSummary): string {
  return [
    `${run.run_id}  ${run.run_name} on ${run.cluster} (${run.scheduler}): ${run.lifecycle_state}`,
    `${bar(run.counts.complete, run.total_tasks)} ${words(run.counts)} of ${run.total_tasks}`,
    run.observed_at === null ? 'The cluster was not asked yet.' : `As of ${run.observed_at}${run.stale_reason === null ? '' : `; asking again failed: ${run.stale_reason}`}`,
    ...(run.chain ? [`chained jobs: ${run.chain.tasks_by_link.map((count, link) => `${count} in ${link + 1}`).join(', ')} of at most ${run.chain.max_hops + 1}`] : []),
    ...run.attention.map(({ message }) => `! ${message}`),
    ...run.evidence.map((sentence) => `  ${sentence}`),
  ]
    .map(plain)
    .join('\n');
}

export function resultsLines(results: ResultsTable): string {
  return [
    table([...results.parameters, ...results.metrics, 'tasks'], results.rows.map((row) => [...results.parameters.map((name) => row.parameters[name]), ...results.metrics.map((name) => row.metrics[name]), row.tasks.length])),
    '',
    ...(results.missing_task_ranges === '' ? [] : [`! Not in these numbers, of ${results.task_count} tasks: ${results.missing_task_ranges}.`]),
    ...(results.row_count > results.rows.length ? [`The first ${results.rows.length} of ${results.row_count} rows; all are in the table.`] : []),
    ...results.notes.map((note) => plain(`! ${note}`)),
    `Table: ${results.files.csv}`,
    `JSON:  ${results.files.json}`,
  ].join('\n');
}

/** The first tasks and, where not all are shown, the last one. */
function previewLines(preview: readonly Readonly<Record<string, unknown>>[], taskCount: number): string[] {
  const lines = preview.map((kwargs) => `  ${Object.entries(kwargs).map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join('  ')}`).map(plain);
  return taskCount > lines.length ? [...lines.slice(0, -1), '  …', ...lines.slice(-1)] : lines;
}

type Renderer = (data: never) => string;

const renderers: Readonly<Record<string, Renderer>> = {
  'clusters-list': (data: { clusters: { name: string; scheduler: string; target: string; scope: string; state: string }[]; problems: { file: string; line: number | null; message: string }[] }) =>
    [table(['cluster', 'scheduler', 'target', 'from', 'connection'], data.clusters.map((c) => [c.name, c.scheduler, c.target, c.scope, c.state])), ...data.problems.map((p) => `! ${p.file}:${p.line ?? ''} ${p.message}`)].join('\n'),
  'clusters-describe': (data: { values: { key: string; value: unknown; scope: string; file: string | null; line: number | null }[] }) =>
    table(['setting', 'value', 'from'], data.values.map((v) => [v.key, v.value, v.file === null ? v.scope : `${v.file}:${v.line ?? ''}`])),
  preflight: (data: { cluster: string; all_ok: boolean; cached: boolean; checks: { name: string; ok: boolean | null; detail: string; remediation: string | null }[] }) =>
    [
      ...data.checks.map((check) => `${check.ok === true ? '✓' : check.ok === false ? '✗' : '?'} ${check.name.replaceAll('_', ' ')}: ${check.detail}${check.ok !== true && check.remediation !== null ? `\n    ${check.remediation}` : ''}`),
      `${data.cluster} ${data.all_ok ? 'is ready' : 'is not ready'}${data.cached ? ' (checked within the last 24 hours; --force checks again)' : ''}.`,
    ].join('\n'),
  resources: (data: ResourcesOutput) => resourcesLines(data),
  discover: (data: { executors: { path: string; kind: string; summary: string; flags: { name: string; type: string; default: unknown; required: boolean }[] }[]; problems: { path: string; message: string }[] }) =>
    [
      ...data.executors.flatMap((e) => [`${e.path}  (${e.kind}) ${e.summary}`.trimEnd(), ...e.flags.map((f) => `    ${f.name} <${f.type}>${f.required ? ' required' : f.default === null ? '' : ` = ${JSON.stringify(f.default)}`}`)]),
      ...data.problems.map((p) => `! ${p.path}: ${p.message}`),
    ].join('\n') || 'No executors were found in executors/, scripts/, src/ or here.',
  'build-tasks-py': (data: { path: string; written: boolean; task_count: number; preview: Readonly<Record<string, unknown>>[] }) => [`${data.written ? 'Wrote' : 'Would write'} ${data.path}: ${data.task_count} tasks.`, ...previewLines(data.preview, data.task_count)].join('\n'),
  plan: (data: { headline: string; body: string; verdict: string }) => `${data.headline}\n${data.body}\nVerdict: ${data.verdict}`,
  submit: (data: { headline: string; run_id: string; job_ids: string[] }) => `${data.headline}\nRun ${data.run_id}${data.job_ids.length > 0 ? ` · jobs ${data.job_ids.join(', ')}` : ''}`,
  'list-runs': (data: { runs: RunSummary[]; problems: { cluster: string; message: string }[] }) =>
    [
      data.runs.length === 0 ? 'No runs yet.' : table(['run', 'name', 'cluster', 'state', 'tasks', 'done', 'running', 'failed', 'seen'], data.runs.map((r) => [r.run_id, r.run_name, r.cluster, r.lifecycle_state, r.total_tasks, r.counts.complete, r.counts.running, r.counts.failed, r.observed_at ?? 'never'])),
      ...data.problems.map((p) => `! ${p.cluster}: ${p.message}`),
    ].join('\n'),
  status: (data: { run: RunSummary; tasks: { task_id: number; state: string; kwargs: unknown; evidence: string }[]; eta_s: number | null }) =>
    [runLines(data.run), ...(data.eta_s === null ? [] : [`About ${data.eta_s < 120 ? `${data.eta_s} s` : `${Math.ceil(data.eta_s / 60)} min`} to go.`]), ...(data.tasks.length > 0 ? ['', table(['task', 'state', 'parameters', 'because'], data.tasks.map((t) => [t.task_id, t.state, JSON.stringify(t.kwargs), t.evidence]))] : [])].join('\n'),
  monitor: (data: { run: RunSummary }) => runLines(data.run),
  logs: (data: { found: boolean; text: string; path: string }) => (data.found ? data.text.split('\n').map(plain).join('\n') : `No such log yet: ${data.path}`),
  failures: (data: FailuresOutput) => failuresLines(data),
  'discover-reducers': (data: { declared: { aggregate_cmd: string | null } | null; reducers: { path: string; docstring: string; matches: string[] }[]; problems: { path: string; message: string }[] }) =>
    [
      ...(data.declared?.aggregate_cmd ? [`The run names: ${data.declared.aggregate_cmd}`] : []),
      ...(data.reducers.length > 0 ? [table(['script', 'because', 'what it says'], data.reducers.map((r) => [r.path, r.matches.join(' '), r.docstring]))] : ['No script looks like a reducer.']),
      ...data.problems.map((p) => `! ${p.path}: ${p.message}`),
    ].join('\n'),
  efficiency: (data: EfficiencyOutput) => efficiencyLines(data),
  resubmit: (data: ResubmitOutput) =>
    [
      data.headline,
      ...data.groups.map(({ title, count, task_ranges, change }) => `  ${title}: ${count} (${task_ranges}): ${change}`),
      ...data.blocked.map(({ title, count, task_ranges, reason }) => `  not again, ${title}: ${count} (${task_ranges}): ${reason}`),
      ...data.notes,
    ].join('\n'),
  cancel: (data: { cancelled_tasks: number; already_ended: number; jobs: string[] }) => `Asked ${data.cancelled_tasks} tasks to end (jobs ${data.jobs.join(', ') || 'none'}); ${data.already_ended} had ended already.`,
  aggregate: (data: { table: ResultsTable }) => resultsLines(data.table),
  results: (data: ResultsTable) => resultsLines(data),
  'verify-canary': (data: { ok: boolean; canary_run_id: string; failure_kind: string | null; details: string; stderr_tail: string }) =>
    [data.ok ? `The canary ${data.canary_run_id} passed.` : `The canary ${data.canary_run_id} did not pass (${data.failure_kind ?? 'unknown'}): ${plain(data.details)}`, ...(data.ok || data.stderr_tail === '' ? [] : [data.stderr_tail.split('\n').map(plain).join('\n')])].join('\n'),
  reconcile: (data: { run: RunSummary; tasks: { verdict: string; task_ranges: string; count: number; because: string }[] }) =>
    [runLines(data.run), '', table(['tasks', 'are', 'because'], data.tasks.map((t) => [`${t.count} (${t.task_ranges})`, t.verdict === 'dead' ? 'ended' : t.verdict, t.because]))].join('\n'),
  'adopt-job': (data: { run: RunSummary }) => runLines(data.run),
  'prune-orphan-sidecars': (data: { orphans: { run_id: string; cluster: string; submitted_at: string }[]; dry_run: boolean; moved_to: string | null }) =>
    data.orphans.length === 0
      ? 'Every sidecar belongs to a submission.'
      : [table(['run', 'cluster', 'begun'], data.orphans.map((o) => [o.run_id, o.cluster, o.submitted_at])), data.dry_run ? 'Nothing was moved: --no-dry-run moves them to .hpc/runs/.pruned.' : `Moved to ${data.moved_to ?? '.hpc/runs/.pruned'}.`].join('\n'),
  'cluster-reduce': (data: { reduced: unknown; file: string; provenance: { tasks: string; missing_tasks: string } }) =>
    [JSON.stringify(data.reduced, undefined, 2), `Of tasks ${data.provenance.tasks}${data.provenance.missing_tasks === '' ? '' : `; missing: ${data.provenance.missing_tasks}`}.`, `JSON: ${data.file}`].join('\n'),
  'job-run': (data: JobRunOutput) => jobRunLines(data),
  'job-list': (data: { jobs: JobShape[] }) => jobLines(data),
  'job-show': (data: { jobs: JobShape[] }) => jobLines(data),
  'job-log': (data: { found: boolean; text: string; path: string }) => (data.found ? data.text.split('\n').map(plain).join('\n') : `No such log yet: ${data.path}`),
  'job-cancel': (data: { job_id: string; name: string }) => `Asked job ${data.job_id} (${plain(data.name)}) to end.`,
  'reservation-book': (data: { reservation: ReservationShape }) => reservationLines(data.reservation),
  'reservation-list': (data: { reservations: ReservationShape[]; problems: { file: string; message: string }[] }) => listLines(data),
  'reservation-get': (data: { reservation: ReservationShape }) => reservationLines(data.reservation),
  'reservation-adopt': (data: { reservation: ReservationShape }) => reservationLines(data.reservation),
  'reservation-refresh': (data: { reservation: ReservationShape; did: string[] }) => [reservationLines(data.reservation), ...data.did.map((text) => `  ${plain(text)}`)].join('\n'),
  'reservation-verify': (data: { reservation: ReservationShape; findings: string[] }) => [reservationLines(data.reservation), ...(data.findings.length === 0 ? ['  lease, queue, accounting and record agree'] : data.findings.map((text) => `! ${plain(text)}`))].join('\n'),
  'reservation-release': (data: { name: string; cancelled: string[]; notes: string[] }) => [`${data.name} is released${data.cancelled.length === 0 ? '; there was no job of it any more' : ` (jobs ${data.cancelled.join(', ')})`}.`, ...data.notes.map((text) => `! ${plain(text)}`)].join('\n'),
};

export function renderHuman(verb: string, envelope: Envelope): string {
  // A person's own interrupt is no error to them.
  if (!envelope.ok && envelope.error_code === 'cluster_timeout' && envelope.category === 'user') return envelope.message;
  if (!envelope.ok) return [`Error (${envelope.error_code}): ${plain(envelope.message)}`, ...(envelope.remediation === undefined ? [] : [`What to do: ${plain(envelope.remediation)}`])].join('\n');
  const renderer = renderers[verb];
  // Each renderer is written for the output schema of its own verb.
  return renderer ? renderer(envelope.data as never) : JSON.stringify(envelope.data, undefined, 2);
}
