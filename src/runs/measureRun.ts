/** What the ended tasks of a run used, in groups that were given the same: each attempt counts with what it had. */
import { groupBy } from '../foundation/collections.ts';
import type { ResourceRequest } from '../scheduler/port.ts';
import type { RunDeps } from './deps.ts';
import { compactTaskIds } from './diagnosis/taskRanges.ts';
import { efficiencyOf, type Efficiency, type MeasuredTask } from './efficiency.ts';
import type { RuntimeSample } from './runtimes.ts';
import { givenTo, samplesOfRun } from './runtimeSamples.ts';
import type { OpenRun } from './runView.ts';

export interface MeasuredGroup {
  readonly attempt: number;
  readonly taskRanges: string;
  readonly resources: ResourceRequest;
  readonly efficiency: Efficiency;
}

const numberOr = (value: unknown, other: number | null): number | null => (typeof value === 'number' ? value : other);

function taskOf(sample: RuntimeSample): MeasuredTask {
  return { task: sample.task_id, elapsedS: numberOr(sample.elapsed_s, null) ?? sample.elapsed_sec, cpuS: numberOr(sample.cpu_s, sample.cpu_seconds_used), peakMiB: sample.peak_host_mem_mb, gpu: numberOr(sample.gpu_busy, null), gpuPeakMiB: numberOr(sample.peak_gpu_mem_mb, null), endedWell: sample.exit_code === 0 };
}

export async function measureRun(run: OpenRun, deps: RunDeps): Promise<{ overall: Efficiency; groups: readonly MeasuredGroup[] }> {
  const samples = (await samplesOfRun(run, deps)).map((sample) => ({ sample, given: givenTo(run.sidecar, sample.task_id, sample.attempt ?? 1) }));
  const groups = [...groupBy(samples, ({ given }) => JSON.stringify([given.number, given.resources]))].map(([, its]): MeasuredGroup => {
    const resources = its[0]?.given.resources ?? {};
    return {
      attempt: its[0]?.given.number ?? 1,
      taskRanges: compactTaskIds([...new Set(its.map(({ sample }) => sample.task_id))].sort((a, b) => a - b)),
      resources,
      efficiency: efficiencyOf(its.map(({ sample }) => taskOf(sample)), resources),
    };
  });
  groups.sort((a, b) => a.attempt - b.attempt);
  return { overall: overallOf(groups, samples.map(({ sample }) => taskOf(sample))), groups };
}

/** The groups differ in their cores: hours add up, shares do not. */
function overallOf(groups: readonly MeasuredGroup[], tasks: readonly MeasuredTask[]): Efficiency {
  const whole = efficiencyOf(tasks, {});
  const sum = (of: (efficiency: Efficiency) => number): number => groups.reduce((total, { efficiency }) => total + of(efficiency), 0);
  const measuredCoreHours = sum((its) => its.measuredCoreHours);
  const { usedCoreHours } = whole;
  return { ...whole, coreHours: sum((its) => its.coreHours), measuredCoreHours, cpu: usedCoreHours === null || measuredCoreHours === 0 ? null : usedCoreHours / measuredCoreHours, advice: [] };
}
