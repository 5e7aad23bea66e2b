/** What may be written at a place of a file, from the file's JSON Schema. */
import type { YamlPath } from './yamlPlace.ts';

export type SchemaNode = Readonly<Record<string, unknown>>;

export interface SchemaWord {
  readonly text: string;
  readonly description: string;
  /** Of a key: what its value is. */
  readonly holds?: 'mapping' | 'list' | 'value';
  readonly values?: readonly string[];
}

const isNode = (value: unknown): value is SchemaNode => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The node itself, or the alternatives that it consists of; `#/$defs/…` followed. */
function alternatives(node: unknown, root: SchemaNode, depth = 0): readonly SchemaNode[] {
  if (!isNode(node) || depth > 8) return [];
  if (typeof node.$ref === 'string') {
    const target = node.$ref.split('/').slice(1).reduce<unknown>((at, step) => (isNode(at) ? at[step] : undefined), root);
    return alternatives(target, root, depth + 1);
  }
  const inner = [node.anyOf, node.oneOf, node.allOf].flatMap((list) => (Array.isArray(list) ? (list as unknown[]) : []));
  return inner.length === 0 ? [node] : inner.flatMap((item) => alternatives(item, root, depth + 1)).map((item) => (item.description === undefined && node.description !== undefined ? { ...item, description: node.description } : item));
}

function step(node: SchemaNode, key: string, root: SchemaNode): readonly SchemaNode[] {
  if (key === '[]') return alternatives(node.items, root);
  if (isNode(node.properties) && Object.hasOwn(node.properties, key)) return alternatives(node.properties[key], root);
  return alternatives(node.additionalProperties, root);
}

export function nodesAt(root: SchemaNode, path: YamlPath): readonly SchemaNode[] {
  return path.reduce<readonly SchemaNode[]>((nodes, key) => nodes.flatMap((node) => step(node, key, root)), alternatives(root, root));
}

function valuesOf(nodes: readonly SchemaNode[]): readonly string[] {
  const words = nodes.flatMap((node) => (Array.isArray(node.enum) ? node.enum.map(String) : [node.type].flat().includes('boolean') ? ['true', 'false'] : []));
  return [...new Set(words)];
}

function wordOf(text: string, nodes: readonly SchemaNode[]): SchemaWord {
  const values = valuesOf(nodes);
  const description = nodes.map((node) => node.description).find((found) => typeof found === 'string');
  const types = nodes.flatMap((node) => [node.type].flat());
  return { text, description: typeof description === 'string' ? description : '', holds: types.includes('object') ? 'mapping' : types.includes('array') ? 'list' : 'value', ...(values.length === 0 ? {} : { values }) };
}

/** Keys that may stand at the path, those that are there already left out. */
export function keyWords(root: SchemaNode, path: YamlPath, present: ReadonlySet<string>): readonly SchemaWord[] {
  const found = new Map<string, SchemaWord>();
  for (const node of nodesAt(root, path)) {
    if (!isNode(node.properties)) continue;
    for (const key of Object.keys(node.properties)) if (!present.has(key) && !found.has(key)) found.set(key, wordOf(key, step(node, key, root)));
  }
  return [...found.values()];
}

export function valueWords(root: SchemaNode, path: YamlPath): readonly SchemaWord[] {
  const nodes = nodesAt(root, path);
  return valuesOf(nodes).map((text) => ({ text, description: '' }));
}

/** What is known of the key at the end of the path. */
export function describeKey(root: SchemaNode, path: YamlPath): SchemaWord | undefined {
  const nodes = nodesAt(root, path);
  const word = nodes.length === 0 ? undefined : wordOf(path.at(-1) ?? '', nodes);
  return word?.description === '' && word.values === undefined ? undefined : word;
}
