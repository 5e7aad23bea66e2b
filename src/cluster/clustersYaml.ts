/**
 * `clusters.yaml` as a tree that remembers where everything stands in the text.
 *
 * Rules: one broken cluster never hides the others, so a file with a syntax error is read again cluster by cluster.
 * Tags are refused (nothing in a configuration file builds objects), aliases are followed on a budget (a few lines can
 * unfold into gigabytes), and a number keeps its spelling where that says more than its value (`00123`, `3.10`).
 */
import type { Alias, Document, LineCounter, Node, Pair, ParsedNode, YAMLMap } from 'yaml';
import type * as YamlPackage from 'yaml';
import type { ConfigProblem } from './configProblem.ts';
import { isPlainKey } from './profileSchema.ts';

export interface TextPlace {
  /** Both counted from 1. */
  readonly line: number;
  readonly column: number;
}
export type YamlScalarValue = string | number | boolean | null;
export type YamlTree =
  | { readonly kind: 'scalar'; readonly place: TextPlace; readonly value: YamlScalarValue }
  | { readonly kind: 'list'; readonly place: TextPlace; readonly items: readonly YamlTree[] }
  | YamlMapTree;
export interface YamlMapTree {
  readonly kind: 'map';
  readonly place: TextPlace;
  readonly entries: ReadonlyMap<string, { readonly keyPlace: TextPlace; readonly value: YamlTree }>;
}

export interface RawCluster {
  readonly name: string;
  readonly place: TextPlace;
  /** Undefined when it could not be read; the problems say why. */
  readonly tree: YamlMapTree | undefined;
}
export interface ClustersFile {
  readonly file: string;
  readonly clusters: readonly RawCluster[];
  readonly problems: readonly ConfigProblem[];
  /** Nothing of it could be read, so it is not known which clusters it would have changed. */
  readonly unreadable: boolean;
}

const maxTextLength = 1_000_000;
const maxNodes = 20_000;
const maxDepth = 20;
const clusterName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const startOfFile: TextPlace = { line: 1, column: 1 };

type Yaml = typeof YamlPackage;

class YamlFault extends Error {
  readonly place: TextPlace;
  readonly remediation: string;
  constructor(place: TextPlace, message: string, remediation: string) {
    super(message);
    this.place = place;
    this.remediation = remediation;
  }
}

export function isClusterName(name: string): boolean {
  return clusterName.test(name);
}

function remediationFor(code: string): string {
  if (code === 'TAB_AS_INDENT') return 'Indent with spaces: YAML allows no tabs there.';
  if (code === 'DUPLICATE_KEY') return 'Keep one of the two.';
  if (code === 'MULTIPLE_DOCS') return 'Put all clusters above the "---" line, or remove it.';
  return 'Correct the YAML at this place; often a quote, a bracket or the indentation is missing just before it.';
}

/** Turns a parsed document into trees. */
class TreeReader {
  private nodesLeft = maxNodes;
  private readonly yaml: Yaml;
  private readonly document: Document.Parsed;
  private readonly lines: LineCounter;
  constructor(yaml: Yaml, document: Document.Parsed, lines: LineCounter) {
    this.yaml = yaml;
    this.document = document;
    this.lines = lines;
  }

  placeAt(offset: number): TextPlace {
    const { line, col } = this.lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  placeOf(node: unknown, otherwise: TextPlace): TextPlace {
    const range = (node as { range?: readonly [number, number, number] | null } | null)?.range;
    return range ? this.placeAt(range[0]) : otherwise;
  }

  keyOf(pair: Pair, around: TextPlace): { name: string; place: TextPlace } {
    const place = this.placeOf(pair.key, around);
    if (!this.yaml.isScalar(pair.key)) throw new YamlFault(place, 'A key is not a plain text.', 'Write a word before the colon.');
    return { name: String(this.scalarValue(pair.key)), place };
  }

  private scalarValue(node: { value: unknown; source?: string }): YamlScalarValue {
    const { value, source } = node;
    if (typeof value === 'number') return source !== undefined && String(value) !== source ? source : value;
    if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
    // Big integers and whatever else a spelling may turn into: as it is written.
    return source ?? '';
  }

  isMergeKey(pair: Pair): boolean {
    if (!this.yaml.isScalar(pair.key)) return false;
    const { value } = pair.key;
    return typeof value === 'symbol' && value.description === '<<';
  }

  /** Reads a value with a budget of its own, so that one that is too large does not cost its neighbours. */
  readWhole(node: unknown, around: TextPlace): YamlTree {
    this.nodesLeft = maxNodes;
    return this.read(node, around, 0);
  }

  private read(node: unknown, around: TextPlace, depth: number): YamlTree {
    const place = this.placeOf(node, around);
    if (--this.nodesLeft < 0 || depth > maxDepth) {
      throw new YamlFault(place, 'This unfolds into far too many values (aliases within aliases, or one that holds itself).', 'Write the values in full, or use fewer aliases.');
    }
    if (node === null || node === undefined) return { kind: 'scalar', place, value: null };
    if (this.yaml.isAlias(node)) return this.read(this.resolve(node, place), place, depth + 1);
    const { tag } = node as Node & { tag?: string };
    if (tag !== undefined && !/^tag:yaml\.org,2002:(str|int|float|bool|null|map|seq)$/.test(tag)) {
      throw new YamlFault(place, `The tag ${tag} is not allowed.`, 'Remove the tag: configuration files hold only texts, numbers, lists and mappings.');
    }
    if (this.yaml.isScalar(node)) return { kind: 'scalar', place, value: this.scalarValue(node) };
    if (this.yaml.isSeq(node)) return { kind: 'list', place, items: node.items.map((item) => this.read(item, place, depth + 1)) };
    if (this.yaml.isMap(node)) return this.readMap(node, place, depth);
    throw new YamlFault(place, 'This value cannot be read.', remediationFor(''));
  }

  private resolve(alias: Alias, place: TextPlace): unknown {
    const target = alias.resolve(this.document);
    if (target === undefined) throw new YamlFault(place, `The alias *${alias.source} has no anchor before it.`, `Write &${alias.source} at the value it should repeat.`);
    return target;
  }

  private readMap(map: YAMLMap, place: TextPlace, depth: number): YamlMapTree {
    const entries = new Map<string, { keyPlace: TextPlace; value: YamlTree }>();
    const inherited: YamlMapTree[] = [];
    for (const pair of map.items) {
      if (this.isMergeKey(pair)) {
        const source = this.read(pair.value, place, depth + 1);
        for (const item of source.kind === 'list' ? source.items : [source]) {
          if (item.kind !== 'map') throw new YamlFault(this.placeOf(pair.key, place), 'The merge key << takes a mapping, or a list of mappings.', 'Let it name an anchor of a mapping.');
          inherited.push(item);
        }
        continue;
      }
      const key = this.keyOf(pair, place);
      entries.set(key.name, { keyPlace: key.place, value: this.read(pair.value, key.place, depth + 1) });
    }
    for (const source of inherited) {
      for (const [name, entry] of source.entries) if (!entries.has(name)) entries.set(name, entry);
    }
    return { kind: 'map', place, entries };
  }
}

interface Parsed {
  readonly reader: TreeReader;
  readonly document: Document.Parsed;
}
function parse(yaml: Yaml, text: string): Parsed {
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false, logLevel: 'error', strict: true });
  return { document, reader: new TreeReader(yaml, document, lines) };
}

/** Texts of single clusters, each with empty lines before it so that its places stay true. */
function splitClusters(text: string): { name: string; line: number; text: string }[] {
  const lines = text.split('\n');
  const wrapper = lines.findIndex((line) => /^clusters\s*:\s*(#.*)?\r?$/.test(line));
  let indent = '';
  if (wrapper >= 0) indent = lines.slice(wrapper + 1).map((line) => /^( +)[^\s#]/.exec(line)?.[1]).find((found) => found !== undefined) ?? ' ';
  const blocks: { name: string; line: number; lines: string[] }[] = [];
  lines.forEach((line, index) => {
    if (index <= wrapper) return;
    const key = line.startsWith(indent) ? /^(?:"([^"]+)"|'([^']+)'|([^\s#&*!|>%@`"'{}[\],-][^:#]*?))\s*:(?:\s|$)/.exec(line.slice(indent.length)) : null;
    if (key) blocks.push({ name: key[1] ?? key[2] ?? key[3] ?? '', line: index + 1, lines: [line] });
    else blocks.at(-1)?.lines.push(line);
  });
  return blocks.map((block) => ({ name: block.name, line: block.line, text: '\n'.repeat(block.line - 1) + block.lines.join('\n') }));
}

const ignoredTopLevel = (name: string): boolean => /^(x-|\.[A-Za-z]|\$schema$)/.test(name);

/** Reads the text of one file. Never throws for what it says. */
export async function parseClustersYaml(text: string, file: string): Promise<ClustersFile> {
  const yaml = await import('yaml');
  const problems: ConfigProblem[] = [];
  const unreadable = (place: TextPlace, message: string, remediation: string): ClustersFile => ({ file, clusters: [], unreadable: true, problems: [{ severity: 'error', file, ...place, message, remediation }] });
  if (text.length > maxTextLength) return unreadable(startOfFile, `The file is larger than ${maxTextLength / 1e6} MB.`, 'Keep only clusters in it.');
  const clean = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const { document, reader } = parse(yaml, clean);
  const fatal = document.errors.find((error) => error.code !== 'DUPLICATE_KEY');
  if (fatal) return recover(yaml, clean, file, fatal.code === 'MULTIPLE_DOCS') ?? unreadable(reader.placeAt(fatal.pos[0]), `${fatal.message}.`, remediationFor(fatal.code));

  const top: ParsedNode | null = document.contents;
  if (top === null || (yaml.isScalar(top) && top.value === null)) return { file, clusters: [], problems: [], unreadable: false };
  if (!yaml.isMap(top)) return unreadable(reader.placeOf(top, startOfFile), 'The file must be a mapping of cluster names.', 'Write "name:" and below it, indented, the settings of the cluster.');

  let pairs: readonly Pair[] = top.items;
  const wrapper = pairs.find((pair) => yaml.isScalar(pair.key) && pair.key.value === 'clusters');
  const inner = yaml.isAlias(wrapper?.value) ? wrapper.value.resolve(document) : wrapper?.value;
  // A cluster may itself be called "clusters": then settings stand below it, such as a scheduler that is a word.
  const isSetting = (pair: Pair): boolean => yaml.isScalar(pair.key) && isPlainKey(String(pair.key.value)) && !yaml.isMap(pair.value) && !yaml.isAlias(pair.value);
  const isEmpty = inner === null || (yaml.isScalar(inner) && inner.value === null);
  const isWrapper = wrapper !== undefined && (isEmpty || (yaml.isMap(inner) && !inner.items.some(isSetting)));
  if (isWrapper) {
    for (const pair of pairs) {
      const key = reader.keyOf(pair, startOfFile);
      if (pair !== wrapper && !ignoredTopLevel(key.name)) {
        problems.push({ severity: 'warning', file, ...key.place, key: key.name, message: `"${key.name}" stands beside "clusters:" and is not read.`, remediation: 'Move it below "clusters:" if it is a cluster; begin it with "x-" if it only holds anchors.' });
      }
    }
    pairs = yaml.isMap(inner) ? inner.items : [];
  }

  const clusters = new Map<string, RawCluster>();
  for (const pair of pairs) {
    const place = reader.placeOf(pair.key, startOfFile);
    try {
      if (reader.isMergeKey(pair)) throw new YamlFault(place, 'The merge key << cannot stand among the clusters.', 'Use it inside a cluster.');
      const { name } = reader.keyOf(pair, startOfFile);
      if (ignoredTopLevel(name)) continue;
      const cluster = readCluster(reader, pair, name, place, file, problems);
      // Of two with one name neither is believed.
      clusters.set(name, clusters.has(name) ? { name, place, tree: undefined } : cluster);
      for (const error of document.errors) {
        const range = [(pair.key as ParsedNode).range[0], (pair.value as ParsedNode | null)?.range[2] ?? (pair.key as ParsedNode).range[2]] as const;
        if (error.pos[0] < range[0] || error.pos[0] >= range[1]) continue;
        clusters.set(name, { name, place, tree: undefined });
        const at = reader.placeAt(error.pos[0]);
        problems.push({ severity: 'error', cluster: name, file, ...at, message: at.line === place.line ? `There are two clusters with the name "${name}".` : `The key ${wordAt(clean, error.pos[0])} stands here a second time.`, remediation: remediationFor(error.code) });
      }
    } catch (error) {
      if (!(error instanceof YamlFault)) throw error;
      problems.push({ severity: 'error', file, ...error.place, message: error.message, remediation: error.remediation });
    }
  }
  return { file, clusters: [...clusters.values()], problems, unreadable: false };
}

function wordAt(text: string, offset: number): string {
  return JSON.stringify(/^[^:\s]*/.exec(text.slice(offset, offset + 80))?.[0] ?? '');
}

function readCluster(reader: TreeReader, pair: Pair, name: string, place: TextPlace, file: string, problems: ConfigProblem[]): RawCluster {
  const fail = (at: TextPlace, message: string, remediation: string): RawCluster => {
    problems.push({ severity: 'error', cluster: name, file, ...at, message, remediation });
    return { name, place, tree: undefined };
  };
  if (!isClusterName(name)) return fail(place, `${JSON.stringify(name)} cannot be the name of a cluster.`, 'Use letters, digits, dots, dashes and underscores, at most 64, beginning with a letter or digit.');
  try {
    const tree = reader.readWhole(pair.value, place);
    if (tree.kind === 'map') return { name, place, tree };
    if (tree.kind === 'scalar' && tree.value === null) return { name, place, tree: { kind: 'map', place, entries: new Map() } };
    return fail(tree.place, `The cluster "${name}" must be a mapping of settings, but is ${tree.kind === 'list' ? 'a list' : JSON.stringify(tree.value)}.`, 'Write its settings below it, indented: "scheduler: slurm", "host: login.example.org", …');
  } catch (error) {
    if (!(error instanceof YamlFault)) throw error;
    return fail(error.place, error.message, error.remediation);
  }
}

/** After a syntax error: each cluster by itself. Undefined when the text has no clusters that can be told apart. */
function recover(yaml: Yaml, text: string, file: string, severalDocuments: boolean): ClustersFile | undefined {
  const blocks = severalDocuments ? [] : splitClusters(text);
  if (blocks.length === 0) return undefined;
  const problems: ConfigProblem[] = [];
  const clusters = new Map<string, RawCluster>();
  for (const block of blocks) {
    const { name } = block;
    if (ignoredTopLevel(name)) continue;
    const { document, reader } = parse(yaml, block.text);
    const pair = yaml.isMap(document.contents) ? document.contents.items[0] : undefined;
    const place = { line: block.line, column: 1 };
    const [error] = document.errors;
    if (error) problems.push({ severity: 'error', cluster: name, file, ...reader.placeAt(error.pos[0]), message: `${error.message}.`, remediation: remediationFor(error.code) });
    const again = clusters.has(name);
    if (again) problems.push({ severity: 'error', cluster: name, file, ...place, message: `There are two clusters with the name "${name}".`, remediation: remediationFor('DUPLICATE_KEY') });
    clusters.set(name, error || again || !pair ? { name, place, tree: undefined } : readCluster(reader, pair, name, reader.placeOf(pair.key, place), file, problems));
  }
  // The whole did not parse but each part does: the fault lies between them, and nothing can be trusted.
  return problems.some(({ severity }) => severity === 'error') ? { file, clusters: [...clusters.values()], problems, unreadable: false } : undefined;
}
