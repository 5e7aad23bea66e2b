/**
 * Writes a cluster into a `clusters.yaml` that people also write by hand.
 *
 * Rules: everything else in the file stays as it is, byte for byte where the text can be spliced; the new text is read back and
 * compared before it replaces the old one; nothing is written that the reader would refuse; an existing name is refused
 * unless it is to be replaced.
 */
import * as fs from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Document, Pair, ParsedNode, YAMLMap } from 'yaml';
import type * as YamlPackage from 'yaml';
import { readTextIfThere, writeFileAtomic } from '../foundation/atomicFile.ts';
import { HpcError } from '../foundation/errors.ts';
import { withFileLock } from '../foundation/fileLock.ts';
import type { ClusterStore } from './clusterStore.ts';
import { formatProblem } from './configProblem.ts';
import { isClusterName, parseClustersYaml } from './clustersYaml.ts';
import type { ClusterProfile } from './profile.ts';
import { readLayer } from './readLayer.ts';

type Yaml = typeof YamlPackage;

/** Settings as the file writes them: `{ scheduler: 'slurm', host: 'login.example.org', constraints: { max_array_size: 500 } }`. */
export type ClusterSettings = Readonly<Record<string, unknown>>;

export interface AddClusterRequest {
  readonly name: string;
  readonly settings: ClusterSettings;
  readonly scope: 'user' | 'workspace';
  readonly replace?: boolean;
  /** Everything but the writing. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}
export interface AddedCluster {
  readonly file: string;
  /** The entry as it stands in the file now. */
  readonly entry: string;
  /** The cluster as it is with all layers. */
  readonly profile: ClusterProfile;
}

// hpc-agent's reader is YAML 1.1, where 24:00:00 is a number and `no` a truth value: such texts are quoted for both.
function entryText(yaml: Yaml, name: string, settings: ClusterSettings): string {
  return yaml.stringify({ [name]: settings }, { indent: 2, lineWidth: 0, compat: 'yaml-1.1', flowCollectionPadding: false, aliasDuplicateObjects: false });
}

async function checkEntry(name: string, entry: string, file: string): Promise<void> {
  const parsed = await parseClustersYaml(entry, file);
  // A name that begins with x- would be read as a holder of anchors.
  if (!isClusterName(name) || parsed.clusters.length === 0) {
    throw new HpcError('spec_invalid', `${JSON.stringify(name)} cannot be the name of a cluster.`, { remediation: 'Use letters, digits, dots, dashes and underscores, at most 64, beginning with a letter or digit, but not with "x-".' });
  }
  const problems = [...parsed.problems, ...parsed.clusters.flatMap((cluster) => readLayer(cluster, 'user', file).problems)];
  // A setting without effect is a mistake too, when it is just being made. An unfilled sample text is only a warning.
  const [first] = problems.filter(({ severity, message }) => severity === 'error' || message.includes('has no effect'));
  if (first) throw new HpcError('spec_invalid', first.message, { remediation: first.remediation, details: { problems } });
}

const parse = (yaml: Yaml, text: string): Document.Parsed => yaml.parseDocument(text, { merge: true, prettyErrors: false, logLevel: 'error', compat: 'yaml-1.1' });

/** The mapping whose keys are the clusters' names; undefined in an empty file. */
function clustersMap(yaml: Yaml, document: Document.Parsed): { map: YAMLMap | undefined; wrapped: boolean } {
  const top: ParsedNode | null = document.contents;
  if (!yaml.isMap(top)) return { map: undefined, wrapped: false };
  const inner = top.get('clusters', true) as unknown;
  if (yaml.isMap(inner) && !inner.has('scheduler') && !inner.has('host')) return { map: inner, wrapped: true };
  return { map: top, wrapped: top.has('clusters') && !yaml.isMap(inner) };
}

const keyRange = (pair: Pair): readonly [number, number, number] => (pair.key as ParsedNode).range;
const lineStart = (text: string, offset: number): number => text.lastIndexOf('\n', offset - 1) + 1;

/** Where the region of a pair ends: before the next key and the comments above it that are not indented further. */
function endOfRegion(text: string, next: Pair | undefined): number {
  if (!next) return text.length;
  let end = lineStart(text, keyRange(next)[0]);
  const indent = keyRange(next)[0] - end;
  while (end > 0) {
    const above = lineStart(text, end - 1);
    const line = text.slice(above, end).trimEnd();
    if (line !== '' && (!/^\s*#/.test(line) || line.search(/\S/) > indent)) break;
    end = above;
  }
  return end;
}

/** The new text by cutting and inserting; undefined where the file's form does not allow it. */
function splice(yaml: Yaml, text: string, document: Document.Parsed, name: string, entry: string): string | undefined {
  const { map, wrapped } = clustersMap(yaml, document);
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  const top = document.contents;
  const indentOf = (pair: Pair): string => text.slice(lineStart(text, keyRange(pair)[0]), keyRange(pair)[0]);
  const block = (indent: string): string => entry.trimEnd().split('\n').map((line) => (line === '' ? '' : indent + line)).join(newline) + newline;
  const endLine = (part: string): string => (part === '' || part.endsWith('\n') ? part : part + newline);
  if (map === undefined) return top === null ? endLine(text) + block('') : undefined;
  if (map.flow || (yaml.isMap(top) && top.flow)) return undefined;
  const [first] = map.items;
  const empty = wrapped && map === (top as unknown) ? map.items.find((pair) => yaml.isScalar(pair.key) && pair.key.value === 'clusters') : undefined;
  if (empty) {
    const end = text.indexOf('\n', keyRange(empty)[1]);
    return end < 0 ? text + newline + block('  ') : text.slice(0, end + 1) + block('  ') + text.slice(end + 1);
  }
  if (wrapped && first === undefined) return undefined;
  const indent = first ? indentOf(first) : '';
  if (/\S/.test(indent)) return undefined;
  const at = map.items.findIndex((pair) => yaml.isScalar(pair.key) && String(pair.key.value) === name);
  const old = map.items[at];
  if (old) {
    const start = lineStart(text, keyRange(old)[0]);
    const valueEnd = (old.value as ParsedNode | null)?.range[1] ?? keyRange(old)[1];
    const end = text.indexOf('\n', Math.max(valueEnd - 1, keyRange(old)[1]));
    return text.slice(0, start) + block(indent) + (end < 0 ? '' : text.slice(end + 1));
  }
  const topPairs = yaml.isMap(top) ? (top.items as Pair[]) : [];
  const after = wrapped ? topPairs[topPairs.findIndex((pair) => (pair.value) === map) + 1] : undefined;
  const end = endOfRegion(text, after);
  return endLine(text.slice(0, end)) + block(indent) + text.slice(end);
}

/** Through the document model: for flow style and an empty `clusters:`. Comments stay, spacing may change. */
function rewrite(yaml: Yaml, document: Document.Parsed, name: string, settings: ClusterSettings): string {
  const { map, wrapped } = clustersMap(yaml, document);
  const target = wrapped || (map !== undefined && map !== (document.contents as unknown)) ? ['clusters', name] : [name];
  const entry = document.createNode(settings);
  if (target.length === 2 && !yaml.isMap(document.get('clusters', true))) document.set('clusters', document.createNode({ [name]: settings }));
  else document.setIn(target, entry);
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

function clustersOf(yaml: Yaml, text: string): Record<string, unknown> {
  const document = parse(yaml, text);
  if (document.errors.length > 0) return {};
  const { wrapped, map } = clustersMap(yaml, document);
  let value: unknown;
  try {
    value = document.toJS();
  } catch {
    // An alias whose anchor is gone, or too many of them.
    return {};
  }
  const all = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  return wrapped && map !== undefined ? { ...all, ...(all.clusters as Record<string, unknown> | null), clusters: undefined } : all;
}

/** The file's text with the cluster in it. Throws `config_invalid` when the old text cannot be read. */
export async function insertCluster(text: string, name: string, settings: ClusterSettings, file: string, replace: boolean): Promise<{ text: string; entry: string }> {
  const yaml = await import('yaml');
  const entry = entryText(yaml, name, settings);
  await checkEntry(name, entry, file);
  const document = parse(yaml, text);
  const [error] = document.errors;
  if (error) {
    const [problem] = (await parseClustersYaml(text, file)).problems;
    throw new HpcError('config_invalid', problem ? formatProblem(problem) : `${file}: ${error.message}`, { remediation: 'Correct the file first: nothing is added to one that cannot be read.' });
  }
  const before = clustersOf(yaml, text);
  if (name in before && !replace) {
    throw new HpcError('spec_invalid', `${file} already has a cluster "${name}".`, { remediation: 'Choose another name, or replace it.' });
  }
  const expected = { ...before, ...(yaml.parse(entry) as Record<string, unknown>) };
  for (const attempt of [() => splice(yaml, text, document, name, entry), () => rewrite(yaml, document, name, settings)]) {
    try {
      const candidate = attempt();
      if (candidate !== undefined && isDeepStrictEqual(clustersOf(yaml, candidate), expected)) return { text: candidate, entry };
    } catch {
      // The document cannot be written with this change: an alias has lost its anchor.
    }
  }
  throw new HpcError('config_invalid', `"${name}" cannot be added to ${file} without changing something else in it.`, { remediation: `Add it by hand:\n${entry}` });
}

/** Adds the cluster to the user's or the workspace's file. */
export async function addCluster(request: AddClusterRequest, store: ClusterStore): Promise<AddedCluster> {
  const { name, settings, scope, replace = false } = request;
  const named = scope === 'user' ? store.userFile : store.workspaceFile;
  if (named === undefined) throw new HpcError('spec_invalid', 'There is no workspace to add the cluster to.', { remediation: 'Open a folder, or add the cluster for yourself (scope user).' });
  if (scope === 'workspace' && !store.trusted) throw new HpcError('spec_invalid', 'The workspace is not trusted, so its clusters are not used.', { remediation: 'Trust the workspace, or add the cluster for yourself (scope user).' });
  // A linked file (kept with other dot files) stays a link.
  const file = await fs.realpath(named).catch(() => named);
  const change = async (): Promise<AddedCluster> => {
    const old = await readTextIfThere(file);
    const { text, entry } = await insertCluster(old ?? '', name, settings, named, replace);
    const profile = await store.withTexts(new Map([[named, text]])).get(name);
    if (!request.dryRun) {
      const mode = old === undefined ? undefined : (await fs.stat(file)).mode & 0o777;
      await writeFileAtomic(file, text, mode === undefined ? {} : { mode });
    }
    return { file: named, entry, profile };
  };
  return request.dryRun ? change() : withFileLock(`${file}.lock`, change, request.signal === undefined ? {} : { signal: request.signal });
}
