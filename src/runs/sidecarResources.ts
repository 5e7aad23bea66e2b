/**
 * What a task is given, as it stands in the sidecar: our names, and beside them those by which hpc-agent reads it (`walltime_sec`, `mem_mb`,
 * `gpu_type`). Where only hpc-agent's stand there, of any of its versions, they are read.
 */
import { parseDurationS, parseMemoryMiB } from '../cluster/units.ts';
import type { ResourceRequest } from '../scheduler/port.ts';
import type { Sidecar } from './sidecar.ts';

const foreignNames = new Set(['walltime_sec', 'mem_mb', 'mem', 'memory', 'walltime', 'gpu_type']);

export function resourcesForSidecar(resources: ResourceRequest): Record<string, unknown> {
  const { walltimeS, memoryMiB, gpuType } = resources;
  return { ...resources, ...(walltimeS === undefined ? {} : { walltime_sec: walltimeS }), ...(memoryMiB === undefined ? {} : { mem_mb: memoryMiB }), ...(gpuType === undefined ? {} : { gpu_type: gpuType }) };
}

type Value = string | number;
const valueOf = (value: unknown): Value | undefined => (typeof value === 'string' || typeof value === 'number' ? value : undefined);

export function resourcesOfRun({ resources }: Pick<Sidecar, 'resources'>): ResourceRequest {
  if (resources === undefined) return {};
  const own: ResourceRequest = Object.fromEntries(Object.entries(resources).filter(([name, value]) => !foreignNames.has(name) && value !== null));
  const first = <T>(names: readonly string[], parse: (value: Value) => T | undefined): T | undefined => {
    for (const name of names) {
      const value = valueOf(resources[name]);
      const parsed = value === undefined ? undefined : parse(value);
      if (parsed !== undefined) return parsed;
    }
    return undefined;
  };
  const memoryMiB = own.memoryMiB ?? first(['mem_mb', 'mem', 'memory'], parseMemoryMiB);
  const walltimeS = own.walltimeS ?? first(['walltime_sec', 'walltime'], parseDurationS);
  const gpuType = own.gpuType ?? first(['gpu_type'], String);
  return { ...own, ...(memoryMiB === undefined ? {} : { memoryMiB }), ...(walltimeS === undefined ? {} : { walltimeS }), ...(gpuType === undefined ? {} : { gpuType }) };
}
