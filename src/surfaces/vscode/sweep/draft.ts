/** What the New Sweep guide has learnt so far, and what operations are asked from it. Nothing here knows how it is drawn. */
import { l10n } from '../../../../l10n/words.ts';
import type { ResourcesInput } from '../../../operations/schemas.ts';

export interface Flag {
  readonly name: string;
  readonly type: string;
  readonly default?: unknown;
  readonly required: boolean;
  readonly choices: readonly unknown[] | null;
  readonly help: string;
}

export interface Executor {
  /** What names it: the file and, after a space, its subcommand. */
  readonly path: string;
  readonly file: string;
  readonly kind: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
}

export interface SweepDraft {
  readonly executors: readonly string[];
  /** Text of the values by parameter; a parameter that is not here keeps its default. */
  readonly values: Readonly<Record<string, string>>;
  /** What to do with a tasks.py that is there and differs. */
  readonly existing?: 'use' | 'replace';
  readonly cluster?: string;
  readonly resources: ResourceTexts;
  readonly runName?: string;
}

export const resourceKeys = ['cpus', 'memory', 'walltime', 'gpus', 'partition', 'account'] as const;
export type ResourceKey = (typeof resourceKeys)[number];
export type ResourceTexts = Readonly<Partial<Record<ResourceKey, string>>>;

export const emptyDraft: SweepDraft = { executors: [], values: {}, resources: {} };

/** A flag of one or more of the chosen executors. */
export interface Parameter {
  readonly name: string;
  readonly flag: Flag;
  /** The executors that have it; all of them share its values. */
  readonly owners: readonly string[];
  /** Whether every chosen executor has it. */
  readonly shared: boolean;
}

/** The parameters of the chosen executors; what they have in common comes first. */
export function parametersOf(executors: readonly Executor[]): readonly Parameter[] {
  const byName = new Map<string, { flag: Flag; owners: string[] }>();
  for (const { path, flags } of executors) {
    for (const flag of flags) {
      const known = byName.get(flag.name);
      if (known) {
        known.owners.push(path);
        if (flag.required && !known.flag.required) known.flag = flag;
      } else byName.set(flag.name, { flag, owners: [path] });
    }
  }
  const all = [...byName].map(([name, { flag, owners }]) => ({ name, flag, owners, shared: owners.length === executors.length }));
  return [...all.filter(({ shared }) => shared), ...all.filter(({ shared }) => !shared)];
}

export function hasDefault(flag: Flag): boolean {
  return !flag.required || (flag.default !== null && flag.default !== undefined);
}

/** Parameters that must be given and are not. */
export function missingParameters(draft: SweepDraft, parameters: readonly Parameter[]): readonly string[] {
  return parameters.filter(({ name, flag }) => !hasDefault(flag) && draft.values[name] === undefined).map(({ name }) => name);
}

export function withValue(draft: SweepDraft, name: string, text: string): SweepDraft {
  const { [name]: _, ...others } = draft.values;
  const trimmed = text.trim();
  return { ...draft, values: trimmed === '' ? others : { ...others, [name]: trimmed } };
}

export type CountOf = (text: string) => number | undefined;

/** `3 × 2 × 4 = 24 tasks`; undefined total where some text cannot be read yet. */
export function sweepSize(draft: SweepDraft, parameters: readonly Parameter[], countOf: CountOf): { readonly total: number | undefined; readonly words: string } {
  const counts = parameters.flatMap((parameter) => {
    const text = draft.values[parameter.name];
    return text === undefined ? [] : [{ parameter, count: countOf(text) }];
  });
  const product = (factors: readonly (number | undefined)[]): number | undefined => factors.reduce<number | undefined>((total, factor) => (total === undefined || factor === undefined ? undefined : total * factor), 1);
  const shared = counts.filter(({ parameter }) => parameter.shared).map(({ count }) => count);
  const own = draft.executors.map((path) => product(counts.filter(({ parameter }) => !parameter.shared && parameter.owners.includes(path)).map(({ count }) => count)));
  const ownSum = own.reduce<number | undefined>((total, count) => (total === undefined || count === undefined ? undefined : total + count), 0);
  const total = product([...shared, ownSum]);
  const several = draft.executors.length > 1;
  const factors = [
    ...(several ? [own.every((count) => count === 1) ? l10n.t('{0, plural, one {# script} other {# scripts}}', draft.executors.length) : `(${own.map((count) => count ?? '?').join(' + ')})`] : []),
    ...shared.filter((count) => count !== 1).map((count) => String(count ?? '?')),
  ];
  const words = total === undefined ? '?' : l10n.t('{0, plural, one {# task} other {# tasks}}', total);
  return { total, words: factors.length > 1 || (several && factors.length > 0) ? `${factors.join(' × ')} = ${words}` : words };
}

export interface BuildInput {
  executors: string[];
  axes?: Record<string, string>;
  executor_axes?: Record<string, Record<string, string>>;
}

export function buildInputOf(draft: SweepDraft, parameters: readonly Parameter[]): BuildInput {
  const axes: Record<string, string> = {};
  const own: Record<string, Record<string, string>> = {};
  for (const { name, shared, owners } of parameters) {
    const text = draft.values[name];
    if (text === undefined) continue;
    if (shared) axes[name] = text;
    else for (const owner of owners) (own[owner] ??= {})[name] = text;
  }
  return { executors: [...draft.executors], ...(Object.keys(axes).length > 0 ? { axes } : {}), ...(Object.keys(own).length > 0 ? { executor_axes: own } : {}) };
}

export function resourcesOf(texts: ResourceTexts): ResourcesInput {
  const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));
  const cpus = number(texts.cpus);
  const gpus = number(texts.gpus);
  return {
    ...(cpus === undefined ? {} : { cpus }),
    ...(gpus === undefined ? {} : { gpus }),
    ...(texts.memory === undefined ? {} : { memory: texts.memory }),
    ...(texts.walltime === undefined ? {} : { walltime: texts.walltime }),
    ...(texts.partition === undefined ? {} : { partition: texts.partition }),
    ...(texts.account === undefined ? {} : { account: texts.account }),
  };
}

/** What `plan` and `submit` are asked. */
export function runSpecOf(draft: SweepDraft): { cluster: string; run_name?: string; resources?: ResourcesInput } {
  if (draft.cluster === undefined) throw new Error('A cluster is chosen before a run is planned.');
  const resources = resourcesOf(draft.resources);
  return { cluster: draft.cluster, ...(draft.runName === undefined ? {} : { run_name: draft.runName }), ...(Object.keys(resources).length > 0 ? { resources } : {}) };
}

/** Forgets answers about executors and parameters that are no longer there. */
export function pruned(draft: SweepDraft, found: readonly Executor[]): SweepDraft {
  const executors = draft.executors.filter((path) => found.some((executor) => executor.path === path));
  const names = new Set(parametersOf(found.filter(({ path }) => executors.includes(path))).map(({ name }) => name));
  const { existing: _, ...kept } = draft;
  return { ...kept, executors, values: Object.fromEntries(Object.entries(draft.values).filter(([name]) => names.has(name))) };
}

/** A draft read back from the editor's memory, which an older version may have written. */
export function restoreDraft(stored: unknown): SweepDraft {
  if (typeof stored !== 'object' || stored === null) return emptyDraft;
  const { executors, values, cluster, resources, runName } = stored as Record<string, unknown>;
  const texts = (value: unknown): Record<string, string> =>
    typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string')) : {};
  return {
    executors: Array.isArray(executors) ? executors.filter((path): path is string => typeof path === 'string') : [],
    values: texts(values),
    resources: Object.fromEntries(Object.entries(texts(resources)).filter(([key]) => (resourceKeys as readonly string[]).includes(key))),
    ...(typeof cluster === 'string' ? { cluster } : {}),
    ...(typeof runName === 'string' ? { runName } : {}),
  };
}
