/** Nodes as `pbsnodes -a` prints them: a name at the margin, attributes below it; what differs between a host's vnodes is `<various>` and unknown. */
import { parsePbsSizeMiB } from './jobEnd.ts';

export interface PbsNode {
  readonly name: string;
  readonly state: string;
  readonly cpus: number;
  readonly cpusIdle: number;
  readonly memoryMiB: number | null;
  /** What jobs have not been promised; null where the server does not count memory. */
  readonly memoryFreeMiB: number | null;
  /** Takes jobs, whether it has room or not. */
  readonly works: boolean;
  readonly gpus: number;
  readonly gpusFree: number;
  readonly gpuType: string | undefined;
  /** Jobs of this queue only. */
  readonly queue: string | undefined;
  /** Why it is off-line, as its owner said. */
  readonly comment: string;
}

/** TORQUE: `jobs = 0/12.srv, 1-3/13.srv`, each number a core. */
function torqueBusy(text: string | undefined): number {
  let busy = 0;
  for (const item of (text ?? '').split(/,\s*/)) {
    for (const match of (item.split('/')[0] ?? '').matchAll(/(\d+)(?:-(\d+))?/g)) busy += match[2] === undefined ? 1 : Number(match[2]) - Number(match[1]) + 1;
  }
  return busy;
}

const number = (text: string | undefined): number => (text !== undefined && /^\d+$/.test(text) ? Number(text) : 0);

const working = ['free', 'job-busy', 'job-exclusive', 'resv-exclusive', 'job-sharing', 'busy', '<various>'];

function nodeOf(name: string, facts: ReadonlyMap<string, string>): PbsNode {
  const state = facts.get('state') ?? '';
  const cpus = number(facts.get('resources_available.ncpus') ?? facts.get('np') ?? facts.get('pcpus'));
  const busy = facts.has('np') ? torqueBusy(facts.get('jobs')) : number(facts.get('resources_assigned.ncpus'));
  const works = state === '' || state.split(/,\s*/).every((word) => working.includes(word));
  const usable = works && !state.includes('busy');
  const gpus = number(facts.get('resources_available.ngpus') ?? facts.get('gpus'));
  const physical = /\bphysmem=(\d+\w*)/.exec(facts.get('status') ?? '')?.[1];
  const memoryMiB = parsePbsSizeMiB(facts.get('resources_available.mem') ?? physical);
  return {
    name,
    state,
    cpus,
    cpusIdle: usable ? Math.max(0, cpus - busy) : 0,
    memoryMiB,
    memoryFreeMiB: memoryMiB === null ? null : works ? Math.max(0, memoryMiB - (parsePbsSizeMiB(facts.get('resources_assigned.mem')) ?? 0)) : 0,
    works,
    gpus,
    gpusFree: works ? Math.max(0, gpus - number(facts.get('resources_assigned.ngpus'))) : 0,
    gpuType: facts.get('resources_available.gpu_model') ?? facts.get('resources_available.gpu_type'),
    queue: facts.get('queue') ?? facts.get('resources_available.Qlist'),
    comment: facts.get('comment') ?? facts.get('note') ?? '',
  };
}

export function parseNodes(text: string): readonly PbsNode[] {
  const nodes: PbsNode[] = [];
  let name = '';
  let facts = new Map<string, string>();
  const close = (): void => {
    if (name !== '' && facts.size > 0) nodes.push(nodeOf(name, facts));
    name = '';
    facts = new Map();
  };
  for (const line of text.split('\n')) {
    const attribute = /^ +([\w.-]+) = (.*)$/.exec(line);
    if (attribute) facts.set(attribute[1] ?? '', attribute[2] ?? '');
    else if (/^\S+$/.test(line)) {
      close();
      name = line;
    } else if (line.trim() === '') close();
  }
  close();
  return nodes;
}
