/**
 * What one task needs, in the words of either family: `select=` chunks in OpenPBS, `nodes=` with `ppn` in TORQUE.
 *
 * Rule: what nobody asked for is not named, so that the site's defaults hold. What a family has no word for is refused rather than forgotten.
 */
import { HpcError } from '../../foundation/errors.ts';
import type { ResourceRequest } from '../port.ts';
import type { PbsFamily } from './program.ts';

function walltime(seconds: number): string {
  const whole = Math.ceil(seconds);
  return [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, '0')).join(':');
}

function checked({ qos, partition, gpuType, constraint }: ResourceRequest): void {
  if (qos !== undefined) throw new HpcError('spec_invalid', `PBS has no QOS: ${JSON.stringify(qos)} cannot be asked for.`, { remediation: 'Take `qos` out. Where the site gave the word a meaning of its own (Moab), put it into `extra_arguments`: ["-l", "qos=…"].' });
  if (partition?.includes('@') === true) throw new HpcError('spec_invalid', `The queue ${JSON.stringify(partition)} is on another PBS server.`, { remediation: 'Let PBS_DEFAULT (or PBS_SERVER) in the login environment name that server, and give the queue without it.' });
  for (const word of [gpuType, constraint]) {
    if (word !== undefined && !/^[A-Za-z0-9_][\w.=:+-]*$/.test(word)) throw new HpcError('spec_invalid', `${JSON.stringify(word)} cannot stand in a request for resources.`, { remediation: 'Write it as the site does: `gpu_model=a100`, `cpu_type=rome`; several with a colon between them.' });
  }
}

function openPbs({ cpus, memoryMiB, gpus, gpuType, constraint, nodes }: ResourceRequest): string[] {
  const chunk = [
    cpus === undefined ? undefined : `ncpus=${cpus}`,
    memoryMiB === undefined ? undefined : `mem=${Math.ceil(memoryMiB)}mb`,
    gpus === undefined || gpus === 0 ? undefined : `ngpus=${gpus}`,
    gpus === undefined || gpus === 0 || gpuType === undefined ? undefined : gpuType.includes('=') ? gpuType : `gpu_type=${gpuType}`,
    constraint,
  ].filter((word) => word !== undefined);
  if (chunk.length === 0 && nodes === undefined) return [];
  return ['-l', [`select=${nodes ?? 1}`, ...chunk].join(':'), ...((nodes ?? 1) > 1 ? ['-l', 'place=scatter'] : [])];
}

function torque({ cpus, memoryMiB, gpus, gpuType, constraint, nodes }: ResourceRequest): string[] {
  const some = gpus !== undefined && gpus > 0;
  const asked = cpus !== undefined || some || constraint !== undefined || nodes !== undefined;
  const place = [`nodes=${nodes ?? 1}`, `ppn=${cpus ?? 1}`, ...(some ? [`gpus=${gpus}`, ...(gpuType === undefined ? [] : [gpuType])] : []), ...(constraint === undefined ? [] : [constraint])].join(':');
  // `mem` is of the whole job.
  return [...(asked ? ['-l', place] : []), ...(memoryMiB === undefined ? [] : ['-l', `mem=${Math.ceil(memoryMiB) * (nodes ?? 1)}mb`])];
}

/** Words of qsub, in order; the person's own come last and win. */
export function resourceWords(resources: ResourceRequest, family: PbsFamily): string[] {
  checked(resources);
  const own = resources.extraArguments ?? [];
  // Two `select` (or `nodes`) requests contradict each other: the person's own replaces ours.
  const placesItself = own.some((word) => /^(-l)?(select|nodes|ncpus|mem)=/.test(word));
  const place = placesItself ? [] : family === 'openpbs' ? openPbs(resources) : torque(resources);
  return [
    ...place,
    ...(resources.walltimeS === undefined ? [] : ['-l', `walltime=${walltime(resources.walltimeS)}`]),
    ...(resources.partition === undefined ? [] : ['-q', resources.partition]),
    ...(resources.account === undefined ? [] : ['-A', resources.account]),
    ...own,
  ];
}
