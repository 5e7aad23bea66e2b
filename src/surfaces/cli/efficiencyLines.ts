/** What a run used of what it asked for, for people: a line per group of tasks, and what would do. */
import type { EfficiencyOutput } from '../../operations/efficiency.ts';
import { plain } from './terminal.ts';

const percent = (share: number | null): string => (share === null ? 'not known' : `${Math.round(share * 100)} %`);
const mib = (value: number): string => (value < 1024 ? `${Math.ceil(value)}M` : `${(value / 1024).toFixed(1)}G`);
const hours = (value: number): string => (value >= 10 ? value.toFixed(0) : value.toPrecision(2));
const time = (seconds: number): string => (seconds < 120 ? `${seconds.toFixed(seconds < 10 ? 1 : 0)} s` : seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`);

export function efficiencyLines(data: EfficiencyOutput): string {
  const { overall } = data;
  if (overall === null) return `${data.run_id}: ${data.note ?? 'nothing was measured.'}`;
  return [
    `${data.run_id}: ${overall.tasks} ended attempts of ${data.total_tasks} tasks; cores busy ${percent(overall.cpu_efficiency)}, ${hours(overall.core_hours)} core-hours${overall.used_core_hours === null ? '' : ` of which ${hours(overall.used_core_hours)} were used`}`,
    ...data.groups.flatMap((group) => [
      `${group.attempt === 1 ? 'First submission' : `Attempt ${group.attempt}`}, tasks ${group.task_ranges.length <= 60 ? group.task_ranges : `${group.task_ranges.slice(0, group.task_ranges.lastIndexOf(',', 60) + 1 || 60)}…`}`,
      `    cores ${group.resources.cpus ?? 1}, busy ${percent(group.cpu_efficiency)}`,
      `    memory ${typeof group.resources.memory === 'number' ? mib(group.resources.memory) : 'the site’s default'}${group.peak_rss_mib === null ? ', peak not known' : `, at most ${mib(group.peak_rss_mib)} used${group.memory_efficiency === null ? '' : ` (${percent(group.memory_efficiency)})`}`}`,
      ...(group.gpu_efficiency === null ? [] : [`    GPUs ${group.resources.gpus ?? 1}, busy ${percent(group.gpu_efficiency)}${group.peak_gpu_mib === null ? '' : `, at most ${mib(group.peak_gpu_mib)} of their memory used`}`]),
      `    time ${typeof group.resources.walltime === 'number' ? time(group.resources.walltime) : 'the site’s default'}, longest ${time(group.longest_s)}, half within ${time(group.median_s)}`,
      ...(group.advice.length === 0 ? ['    It fits.'] : group.advice.map((sentence) => `  → ${sentence}`)),
    ]),
  ]
    .map(plain)
    .join('\n');
}
