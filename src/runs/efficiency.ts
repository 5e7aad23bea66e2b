/**
 * How much of what was asked for the tasks used, and what to ask for next time. Pure.
 *
 * Rules: only measured tasks count, and how many they are is said; memory is judged by the largest peak, since one task above the
 * limit is killed; a little above it no advice is given. GPUs are measured where nvidia-smi is there, in tasks that took longer than its first look.
 */
import type { ResourceRequest } from '../scheduler/port.ts';

export interface MeasuredTask {
  readonly task: number;
  readonly elapsedS: number;
  /** Of all cores together; null where it was not measured. */
  readonly cpuS: number | null;
  readonly peakMiB: number | null;
  /** Share of the time that its GPUs were busy; null where it was not measured. */
  readonly gpu?: number | null;
  readonly gpuPeakMiB?: number | null;
  readonly endedWell: boolean;
}

export interface Efficiency {
  readonly tasks: number;
  /** 0 to 1 of the cores over the time; null where nothing was measured. May pass 1 where cores are not kept apart. */
  readonly cpu: number | null;
  /** Largest peak of what was asked for; null where either is not known. */
  readonly memory: number | null;
  /** Longest task of the time limit. */
  readonly walltime: number | null;
  /** 0 to 1; null where no GPU was measured. */
  readonly gpu: number | null;
  readonly gpuPeakMiB: number | null;
  readonly coreHours: number;
  /** Of the tasks whose CPU time was measured. */
  readonly measuredCoreHours: number;
  readonly usedCoreHours: number | null;
  readonly peakMiB: number | null;
  readonly medianPeakMiB: number | null;
  readonly longestS: number;
  readonly medianS: number;
  readonly advice: readonly string[];
}

/** `1.2G`, `800M`. */
export function readableMiB(mib: number): string {
  return mib < 1024 ? `${Math.ceil(mib)}M` : `${(mib / 1024).toFixed(1).replace(/\.0$/, '')}G`;
}

/** What to ask for where this was the largest peak: a fifth more, in round steps. */
export function adviseMemory(peakMiB: number): number {
  const need = peakMiB * 1.2;
  const step = need <= 512 ? 64 : need <= 1024 ? 256 : need <= 16_384 ? 1024 : 4096;
  return Math.max(128, Math.ceil(need / step) * step);
}

const readableS = (seconds: number): string => (seconds < 120 ? `${Math.round(seconds)} s` : seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`);

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}

export function efficiencyOf(tasks: readonly MeasuredTask[], asked: ResourceRequest): Efficiency {
  const cores = (asked.cpus ?? 1) * (asked.nodes ?? 1);
  const withCpu = tasks.filter((task): task is MeasuredTask & { cpuS: number } => task.cpuS !== null);
  const elapsed = (of: readonly MeasuredTask[]): number => of.reduce((sum, { elapsedS }) => sum + elapsedS, 0);
  const cpuS = withCpu.reduce((sum, task) => sum + task.cpuS, 0);
  const cpu = elapsed(withCpu) > 0 ? cpuS / (elapsed(withCpu) * cores) : null;
  const peaks = tasks.flatMap(({ peakMiB }) => (peakMiB === null || peakMiB <= 0 ? [] : [peakMiB]));
  const peakMiB = peaks.length === 0 ? null : peaks.reduce((a, b) => Math.max(a, b));
  const memory = peakMiB === null || asked.memoryMiB === undefined ? null : peakMiB / asked.memoryMiB;
  const times = tasks.map(({ elapsedS }) => elapsedS);
  const longestS = times.reduce((a, b) => Math.max(a, b), 0);
  const walltime = asked.walltimeS === undefined || times.length === 0 ? null : longestS / asked.walltimeS;
  const withGpu = tasks.filter((task): task is MeasuredTask & { gpu: number } => typeof task.gpu === 'number');
  // By time: a short task says little of what the GPUs did.
  const gpu = elapsed(withGpu) > 0 ? withGpu.reduce((sum, task) => sum + task.gpu * task.elapsedS, 0) / elapsed(withGpu) : null;
  const gpuPeaks = tasks.flatMap(({ gpuPeakMiB }) => (typeof gpuPeakMiB === 'number' ? [gpuPeakMiB] : []));
  const found = { tasks: tasks.length, cpu, memory, walltime, gpu, gpuPeakMiB: gpuPeaks.length === 0 ? null : gpuPeaks.reduce((a, b) => Math.max(a, b)), coreHours: (elapsed(tasks) * cores) / 3600, measuredCoreHours: (elapsed(withCpu) * cores) / 3600, usedCoreHours: withCpu.length === 0 ? null : cpuS / 3600, peakMiB, medianPeakMiB: median(peaks), longestS, medianS: median(times) ?? 0 };
  return { ...found, advice: adviceOn(found, asked, cores, tasks.every(({ endedWell }) => endedWell)) };
}

function adviceOn(found: Omit<Efficiency, 'advice'>, asked: ResourceRequest, cores: number, allWell: boolean): readonly string[] {
  const advice: string[] = [];
  const { peakMiB, memory, cpu, walltime, longestS } = found;
  if (peakMiB !== null && memory !== null && asked.memoryMiB !== undefined) {
    const enough = adviseMemory(peakMiB);
    // A task that was killed shows the limit, not its need.
    if (memory >= 0.95) advice.push(`Memory was all but used up: asked ${readableMiB(asked.memoryMiB)}, used up to ${readableMiB(peakMiB)}; ask for ${readableMiB(Math.max(enough, asked.memoryMiB * 1.25))}.`);
    else if (allWell && enough <= asked.memoryMiB * 0.75) advice.push(`Asked ${readableMiB(asked.memoryMiB)} of memory, used at most ${readableMiB(peakMiB)}: ${readableMiB(enough)} would do.`);
  }
  if (cpu !== null && cores > 1 && found.medianS >= 1) {
    const used = cpu * cores;
    const enough = Math.max(1, Math.ceil(used * 1.1 - 1e-9));
    if (enough <= cores / 2 || used <= cores - 1.5) advice.push(`Asked ${cores} cores, kept ${used.toFixed(1)} busy on average: ${enough} would do${enough === 1 ? '' : ', or let the program use them all'}.`);
  } else if (cpu !== null && cpu < 0.5 && found.medianS >= 10) advice.push(`The core was busy ${Math.round(cpu * 100)} % of the time: the tasks wait for something (files, network) more than they compute.`);
  if (found.gpu !== null && found.gpu < 0.4 && found.medianS >= 60) advice.push(`The GPU${(asked.gpus ?? 1) > 1 ? 's were' : ' was'} busy ${Math.round(found.gpu * 100)} % of the time: the tasks wait for something else (data, the cores) more than they compute there${(asked.gpus ?? 1) > 1 ? '; fewer would do' : ''}.`);
  if (walltime !== null && asked.walltimeS !== undefined) {
    if (walltime >= 0.9) advice.push(`The longest task took ${readableS(longestS)} of ${readableS(asked.walltimeS)}: ask for more time.`);
    else if (allWell && asked.walltimeS > Math.max(3600, longestS * 4)) advice.push(`Asked ${readableS(asked.walltimeS)} of time, the longest task took ${readableS(longestS)}: ${readableS(Math.ceil((longestS * 1.5) / 600) * 600)} would do, and shorter limits start sooner.`);
  }
  return advice;
}
