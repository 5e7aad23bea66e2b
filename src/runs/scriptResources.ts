/**
 * What the job scripts among the executors ask for in their own `#SBATCH`, `#$` or `#PBS` lines, as defaults of the run.
 *
 * Rule: nothing of it is lost in silence. What cannot be taken over (an array, mail, what only another scheduler knows) is named.
 */
import { formatDurationS } from '../cluster/units.ts';
import type { ResourceRequest, ScriptResources } from '../scheduler/port.ts';
import type { Finding } from './planRun.ts';

export interface AskingScript {
  readonly path: string;
  readonly resources: ScriptResources;
}

const amounts = ['cpus', 'memoryMiB', 'walltimeS', 'gpus', 'nodes'] as const;
/** Names of the site: they mean something only to a scheduler of the same kind. */
const names = ['partition', 'account', 'qos', 'constraint'] as const;

const words: Readonly<Record<(typeof amounts)[number] | (typeof names)[number] | 'gpuType', string>> = {
  cpus: 'cores', memoryMiB: 'memory', walltimeS: 'time limit', gpus: 'GPUs', nodes: 'nodes', gpuType: 'GPU type', partition: 'partition', account: 'account', qos: 'QOS', constraint: 'constraint',
};

/** Directives that say where a job's output goes and what it is called: that is the run's own affair. */
const ofNoConsequence = /^(--(job-name|output|error|open-mode|export|chdir|comment|requeue|no-requeue|parsable)\b|-[oejND]\b|-cwd\b|-V\b|-S\b|-N\b)/;

/** Where several scripts ask, the largest amount holds, and a name where all agree. */
export function fromScripts(scripts: readonly AskingScript[], scheduler: string): { readonly resources: ResourceRequest; readonly findings: readonly Finding[] } {
  if (scripts.length === 0) return { resources: {}, findings: [] };
  const resources: { -readonly [K in keyof ResourceRequest]: ResourceRequest[K] } = {};
  const left: string[] = [];
  for (const key of amounts) {
    const asked = scripts.flatMap((script) => script.resources[key] ?? []);
    if (asked.length > 0) resources[key] = Math.max(...asked);
  }
  for (const key of ['gpuType', ...names] as const) {
    const asking = scripts.filter((script) => script.resources[key] !== undefined);
    const [value, ...others] = new Set(asking.map((script) => script.resources[key]));
    if (value === undefined) continue;
    const isKnownThere = key === 'gpuType' || asking.every((script) => script.resources.scheduler === scheduler);
    if (others.length === 0 && isKnownThere) resources[key] = value;
    else left.push(...asking.map((script) => `${words[key]} ${script.resources[key] ?? ''} (${script.path})`));
  }
  for (const { path, resources: own } of scripts) {
    if (own.array !== undefined) left.push(`array ${own.array} (${path}): the sweep says which tasks there are`);
    left.push(...own.other.filter((directive) => !ofNoConsequence.test(directive)).map((directive) => `${directive} (${path})`));
  }
  const where = scripts.map(({ path }) => path).join(', ');
  const taken = Object.entries(resources).map(([key, value]) => `${words[key as keyof typeof words]} ${key === 'walltimeS' ? formatDurationS(Number(value)) : key === 'memoryMiB' ? `${String(value)} MiB` : String(value)}`);
  return {
    resources,
    findings: [
      ...(taken.length === 0 ? [] : [{ severity: 'info', code: 'script_resources', message: `Asked for by ${where} itself, where nothing else is said: ${taken.join(', ')}.` } as const]),
      ...(left.length === 0 ? [] : [{ severity: 'warning', code: 'script_directives', message: `Not taken over from what the script asks for: ${left.join('; ')}.`, suggestedFix: 'Give what is needed as resources of the run, or in clusters.yaml.' } as const]),
    ],
  };
}
