/** What a shell script offers: its scheduler directives as resources, and its first comment. */
import type { ScriptResources } from '../scheduler/port.ts';
import type { Executor } from './executor.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Found {
  readonly resources: Mutable<ScriptResources>;
  readonly other: string[];
  /** The cores may be said on a later line. */
  perCoreMiB?: number | undefined;
}

/** `1-02:03:04`, `02:03:04`, `03:04` (Slurm: minutes:seconds), `90` (Slurm: minutes; SGE and PBS: seconds). */
export function parseWalltime(text: string, scheduler: ScriptResources['scheduler']): number | undefined {
  const match = /^(?:(\d+)-)?(\d+(?::\d+){0,3})$/.exec(text.trim());
  if (!match) return undefined;
  const days = Number(match[1] ?? 0);
  const parts = (match[2] ?? '').split(':').map(Number);
  if (match[1] !== undefined) {
    const [h = 0, m = 0, s = 0] = parts;
    return days * 86_400 + h * 3600 + m * 60 + s;
  }
  if (parts.length === 1) return (parts[0] ?? 0) * (scheduler === 'slurm' ? 60 : 1);
  return parts.reduce((sum, part) => sum * 60 + part, 0);
}

/** MiB of `4G`, `4000M`, `4000` (Slurm: MiB; elsewhere bytes), `4gb`. */
export function parseMemory(text: string, scheduler: ScriptResources['scheduler']): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)i?b?$/i.exec(text.trim());
  if (!match) return undefined;
  const unit = (match[2] ?? '').toLowerCase();
  const factor = { '': scheduler === 'slurm' ? 1 : 1 / 1_048_576, k: 1 / 1024, m: 1, g: 1024, t: 1_048_576, p: 1_073_741_824 }[unit] ?? 1;
  return Math.ceil(Number(match[1]) * factor);
}

const slurmShort: Readonly<Record<string, string>> = { c: 'cpus-per-task', t: 'time', p: 'partition', A: 'account', q: 'qos', C: 'constraint', N: 'nodes', a: 'array', J: 'job-name', n: 'ntasks' };

function slurm(found: Found, directive: string): void {
  const { resources, other } = found;
  // A comment may follow; `--a=b --c=d` may stand on one line.
  for (const match of directive.replace(/\s#.*$/, '').matchAll(/(--[\w-]+)(?:[= ]\s*("[^"]*"|[^-\s]\S*))?|(-[A-Za-z])\s*("[^"]*"|[^-\s]\S*)?|(\S+)/g)) {
    const name = match[1]?.slice(2) ?? slurmShort[match[3]?.[1] ?? ''];
    const value = (match[2] ?? match[4] ?? '').replace(/^"|"$/g, '');
    const count = Number(value);
    switch (name) {
      case 'cpus-per-task': if (Number.isInteger(count)) resources.cpus = count; break;
      case 'mem-per-cpu': found.perCoreMiB = parseMemory(value, 'slurm'); break;
      case 'mem': set(resources, 'memoryMiB', parseMemory(value, 'slurm')); break;
      case 'time': set(resources, 'walltimeS', parseWalltime(value, 'slurm')); break;
      case 'partition': resources.partition = value; break;
      case 'account': resources.account = value; break;
      case 'qos': resources.qos = value; break;
      case 'constraint': resources.constraint = value; break;
      case 'nodes': if (Number.isInteger(count)) resources.nodes = count; break;
      case 'array': resources.array = value; break;
      case 'job-name': resources.jobName = value; break;
      case 'gpus':
      case 'gpus-per-node':
      case 'gpus-per-task':
      case 'gres': {
        const [type, number] = gpuOf(name === 'gres' ? value.replace(/^gpu:?/, '') : value);
        if (name === 'gres' && !value.startsWith('gpu')) other.push(match[0]);
        else {
          resources.gpus = number;
          set(resources, 'gpuType', type);
        }
        break;
      }
      default: other.push(match[0]);
    }
  }
}

function gpuOf(value: string): [string | undefined, number] {
  const [first = '', second] = value.split(':');
  if (second !== undefined) return [first, Number(second) || 1];
  return /^\d+$/.test(first) ? [undefined, Number(first)] : [first || undefined, 1];
}

function set<K extends keyof ScriptResources>(resources: Mutable<ScriptResources>, key: K, value: ScriptResources[K] | undefined): void {
  if (value !== undefined) resources[key] = value;
}

function gridEngine(found: Found, directive: string): void {
  const { resources, other } = found;
  const words = directive.trim().split(/\s+/);
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const value = words[i + 1] ?? '';
    if (word === '-l') {
      for (const request of value.split(',')) {
        const [key = '', amount = ''] = request.split('=');
        if (['h_rt', 's_rt'].includes(key)) set(resources, 'walltimeS', parseWalltime(amount, 'sge'));
        else if (['h_data', 'h_vmem'].includes(key)) found.perCoreMiB = parseMemory(amount, 'sge');
        else if (['mem_free', 'mem'].includes(key)) set(resources, 'memoryMiB', parseMemory(amount, 'sge'));
        else if (key === 'gpu' || key === 'cuda') resources.gpus = Number(amount) || 1;
        else other.push(`-l ${request}`);
      }
    } else if (word === '-pe') {
      resources.cpus = Number(words[i + 2]) || 1;
      i += 1;
    } else if (word === '-q') resources.partition = value;
    else if (word === '-P' || word === '-A') resources.account = value;
    else if (word === '-t') resources.array = value;
    else if (word === '-N') resources.jobName = value;
    else {
      const takes = value !== '' && !value.startsWith('-');
      other.push(takes ? `${word} ${value}` : word);
      if (takes) i += 1;
      continue;
    }
    i += 1;
  }
}

function pbs(found: Found, directive: string): void {
  const { resources, other } = found;
  const match = /^(-\w)\s*(.*)$/.exec(directive.trim());
  const [flag, value] = [match?.[1], match?.[2]?.trim() ?? ''];
  if (flag === '-q') resources.partition = value;
  else if (flag === '-A' || flag === '-P') resources.account = value;
  else if (flag === '-J' || flag === '-t') resources.array = value;
  else if (flag === '-N') resources.jobName = value;
  else if (flag === '-l') {
    for (const request of value.split(/[,:](?=\w+=)/)) {
      const [key = '', amount = ''] = request.split('=');
      if (key === 'walltime') set(resources, 'walltimeS', parseWalltime(amount, 'pbs'));
      else if (key === 'mem' || key === 'pmem') set(resources, 'memoryMiB', parseMemory(amount, 'pbs'));
      else if (key === 'ncpus' || key === 'ppn') resources.cpus = Number(amount);
      else if (key === 'ngpus') resources.gpus = Number(amount);
      else if (key === 'select' || key === 'nodes') resources.nodes = Number(amount) || 1;
      else other.push(`-l ${request}`);
    }
  } else other.push(directive.trim());
}

export function discoverShell(path: string, text: string): Executor {
  const directives: [ScriptResources['scheduler'], string][] = [];
  let summary = '';
  for (const line of text.split(/\r?\n/)) {
    const match = /^#(SBATCH|\$|PBS)\s+(.*)$/.exec(line);
    if (match) directives.push([({ SBATCH: 'slurm', $: 'sge', PBS: 'pbs' } as const)[match[1] as 'SBATCH' | '$' | 'PBS'], match[2] ?? '']);
    else if (/^\s*[^#\s]/.test(line)) break; // directives after the first command do not count
    else if (summary === '' && /^#\s+\S/.test(line)) summary = line.replace(/^#\s+/, '').trim();
  }
  const scheduler = directives[0]?.[0];
  const other: string[] = [];
  const resources: Mutable<ScriptResources> | undefined = scheduler && { scheduler, other };
  if (resources) {
    const found: Found = { resources, other };
    for (const [kind, directive] of directives) if (kind === scheduler) ({ slurm, sge: gridEngine, pbs })[kind](found, directive);
    if (found.perCoreMiB !== undefined) resources.memoryMiB = found.perCoreMiB * (resources.cpus ?? 1);
  }
  return {
    path,
    file: path,
    kind: 'shell',
    summary: summary.slice(0, 300),
    flags: [],
    hasMainGuard: false,
    hasComputeFunction: false,
    imports: [],
    ...(resources && { resources }),
    notes: [],
  };
}
