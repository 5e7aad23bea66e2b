/**
 * One cluster's entry in one file, checked key by key.
 *
 * Rule: an unknown key is a warning (files are shared with other versions and with hpc-agent), a wrong value is an error that
 * names its place, what stands there and what is expected.
 */
import * as z from 'zod/mini';
import type { ConfigProblem } from './configProblem.ts';
import type { RawCluster, TextPlace, YamlTree } from './clustersYaml.ts';
import { didYouMean, nearMisses } from './nearMiss.ts';
import type { OriginScope, ValueOrigin } from './profile.ts';
import { hpcAgentOnlyKeys, isNestedKey, isPlainKey, nestedFields, placeholderPattern, plainFields, topLevelKeys } from './profileSchema.ts';

export interface LayerValue {
  /** As the file says it, checked; null takes a lower layer's value away. */
  readonly value: unknown;
  readonly origin: ValueOrigin;
}
/** Checked values of one entry under dotted keys: `host`, `constraints.max_walltime`, `env.OMP_NUM_THREADS`. */
export type Layer = ReadonlyMap<string, LayerValue>;

function toPlain(tree: YamlTree): unknown {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'list') return tree.items.map(toPlain);
  // fromEntries defines own properties: a key "__proto__" stays data.
  return Object.fromEntries([...tree.entries].map(([key, entry]) => [key, toPlain(entry.value)]));
}

function placeAt(tree: YamlTree, steps: readonly PropertyKey[]): { place: TextPlace; tree: YamlTree } {
  let current = tree;
  for (const step of steps) {
    const next: YamlTree | undefined = current.kind === 'map' ? current.entries.get(String(step))?.value : current.kind === 'list' ? current.items[Number(step)] : undefined;
    if (!next) break;
    current = next;
  }
  return { place: current.place, tree: current };
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

const isNull = (tree: YamlTree): boolean => tree.kind === 'scalar' && tree.value === null;

/** Checks one entry. The layer holds what is right; problems say what is not. */
export function readLayer(cluster: RawCluster, scope: OriginScope, file: string): { layer: Layer; problems: ConfigProblem[] } {
  const layer = new Map<string, LayerValue>();
  const problems: ConfigProblem[] = [];
  const report = (severity: ConfigProblem['severity'], key: string, place: TextPlace, message: string, remediation: string, suggestions: readonly string[] = []): void =>
    void problems.push({ severity, cluster: cluster.name, file, ...place, key, message, remediation, ...(suggestions.length === 0 ? {} : { suggestions }) });
  const unknownKey = (key: string, name: string, place: TextPlace, known: readonly string[]): void => {
    if (name.startsWith("x-")) return;
    if (hpcAgentOnlyKeys.includes(key)) report('warning', key, place, `"${key}" is a setting of newer hpc-agent versions and has no effect here.`, 'Nothing has to be done.');
    else report('warning', key, place, `"${key}" is not a setting of a cluster and has no effect.${didYouMean(name, known)}`, 'Correct the name, or remove it.', nearMisses(name, known));
  };
  // `wrapped`: how many steps of an issue's path the schema added above the value.
  const check = (key: string, tree: YamlTree, schema: z.ZodMiniType, wrapped = 0): void => {
    const origin: ValueOrigin = { scope, file, ...tree.place };
    if (isNull(tree)) {
      layer.set(key, { value: null, origin });
      return;
    }
    const value = toPlain(tree);
    const result = z.safeParse(schema, value);
    if (result.success) {
      layer.set(key, { value, origin });
      if (placeholderPattern.test(JSON.stringify(value))) report('warning', key, tree.place, `${key} still holds the sample text ${shown(value)}.`, 'Write your own value.');
      return;
    }
    for (const issue of result.error.issues) {
      const steps = issue.path.slice(wrapped);
      const at = placeAt(tree, steps);
      const inner = issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined;
      const where = [key, ...steps.map(String)].join('.');
      const found = toPlain(at.tree);
      const words = issue.code === 'invalid_value' ? issue.values.map(String) : [];
      const hint = typeof found === 'string' ? didYouMean(found, words) : '';
      const near = typeof found === 'string' ? nearMisses(found, words) : [];
      report('error', where, at.place, inner === undefined ? `${where} is ${shown(found)}, but must be ${issue.message}.${hint}` : `The last word of ${where} must be ${inner}.`, `Correct it, or remove ${where}.`, near.length > 0 ? near : words);
    }
  };
  for (const [key, { keyPlace, value }] of cluster.tree?.entries ?? []) {
    if (key === 'env' && value.kind === 'map') {
      for (const [name, entry] of value.entries) check(`env.${name}`, entry.value, z.pipe(z.transform((item) => ({ [name]: item })), plainFields.env), 1);
    } else if (isPlainKey(key)) check(key, value, plainFields[key]);
    else if (!isNestedKey(key)) unknownKey(key, key, keyPlace, topLevelKeys);
    else if (isNull(value)) for (const name of Object.keys(nestedFields[key])) check(`${key}.${name}`, value, z.any());
    else if (value.kind !== 'map') report('error', key, value.place, `${key} is ${shown(toPlain(value))}, but must be a mapping with keys such as ${Object.keys(nestedFields[key]).slice(0, 3).join(', ')}.`, `Correct it, or remove ${key}.`);
    else {
      const fields: Readonly<Record<string, z.ZodMiniType>> = nestedFields[key];
      for (const [name, entry] of value.entries) {
        const schema = Object.hasOwn(fields, name) ? fields[name] : undefined;
        if (schema) check(`${key}.${name}`, entry.value, schema);
        else unknownKey(`${key}.${name}`, name, entry.keyPlace, Object.keys(fields));
      }
    }
  }
  return { layer, problems };
}
