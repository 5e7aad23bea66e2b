/** Single jobs for people. */
import { formatDuration } from '../../foundation/clock.ts';
import type { JobRunOutput, JobShape } from '../../operations/jobs/jobs.ts';
import { plain, table } from './terminal.ts';

export function jobLines(data: { readonly jobs: readonly JobShape[] }): string {
  if (data.jobs.length === 0) return 'No jobs.';
  return table(
    ['job', 'name', 'state', 'because', 'node', 'exit', 'time', 'what'],
    data.jobs.map((job) => [job.indices === null ? job.job_id : `${job.job_id}[${job.indices}]`, job.name, job.state, job.reason, job.node, job.exit_code, job.elapsed_s === null ? '' : formatDuration(job.elapsed_s * 1000), (job.what ?? '').slice(0, 60)]),
  );
}

export function jobRunLines(data: JobRunOutput): string {
  const head = `Job ${data.job_id} (${plain(data.name)}) on ${data.cluster}${data.resumed ? ', submitted by an earlier call' : ''}`;
  if (!data.waited) return `${head}. Its output: job-log ${data.job_id} --cluster ${data.cluster}`;
  const lines = (text: string | null): string[] => (text === null || text === '' ? [] : text.replace(/\n$/, '').split('\n').map(plain));
  return [...lines(data.stdout_tail), ...lines(data.stderr_tail), `${head}: ${data.state ?? 'unknown'}${data.exit_code === null ? '' : `, exit status ${data.exit_code}`}${data.signal === null ? '' : `, signal ${data.signal}`}${data.elapsed_s === null ? '' : `, after ${formatDuration(data.elapsed_s * 1000)}`}`].join('\n');
}
