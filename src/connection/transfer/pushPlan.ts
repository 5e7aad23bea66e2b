/** What a push has to do, from what both sides said: a pure comparison of the local tree with the far side's. */
import { contentHash } from './hashCache.ts';
import { isAlwaysSkipped } from './ignoreRules.ts';
import { modeClassOf, type EntryRow, type TreeEntry } from './tree.ts';
import type { ExtraFile } from './transferOptions.ts';
import type { LocalFile, LocalTree } from './walk.ts';

/** An entry of the far side. `deviates`: it does not look as its manifest says, so the manifest must be set right. */
export interface RemoteEntry extends TreeEntry {
  readonly deviates?: boolean;
}

export interface Outgoing {
  readonly entry: TreeEntry;
  readonly source: { readonly kind: 'file'; readonly file: LocalFile } | { readonly kind: 'memory'; readonly data: Uint8Array } | { readonly kind: 'link' };
}

export type ListedFile = readonly [path: string, kind: string, size: number, mtimeNs: string];
export type TouchRow = readonly [path: string, size: number, mtimeUs: number, mode: string, content: string];

export interface PushPlan {
  readonly send: readonly Outgoing[];
  readonly touch: readonly TouchRow[];
  readonly forget: readonly string[];
  readonly unchanged: number;
}

function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : data;
}

export async function planPush(
  tree: LocalTree,
  extras: readonly ExtraFile[],
  remote: ReadonlyMap<string, RemoteEntry>,
  gone: readonly string[],
  hashOf: (file: LocalFile) => string | undefined | Promise<string>,
): Promise<PushPlan> {
  const send: Outgoing[] = [];
  const touch: TouchRow[] = [];
  let unchanged = 0;
  const settle = (entry: TreeEntry, there: RemoteEntry): void => {
    const sameTime = entry.mtimeUs < 0 || there.mtimeUs === entry.mtimeUs;
    if (there.deviates !== true && there.mode === entry.mode && sameTime) unchanged += 1;
    else if (entry.kind === 'f') touch.push([entry.path, entry.size, entry.mtimeUs, entry.mode, entry.content]);
    else send.push({ entry, source: { kind: 'link' } });
  };
  const inMemory = new Set<string>();
  for (const extra of extras) {
    inMemory.add(extra.path);
    const data = bytesOf(extra.data);
    const entry: TreeEntry = { path: extra.path, kind: 'f', size: data.length, mtimeUs: -1, mode: modeClassOf(extra.mode ?? 0o644), content: contentHash(data) };
    const there = remote.get(extra.path);
    if (there?.kind === 'f' && there.content === entry.content) settle(entry, there);
    else send.push({ entry, source: { kind: 'memory', data } });
  }
  for (const file of tree.files.values()) {
    if (inMemory.has(file.path)) continue;
    const { path, kind, size, mtimeUs, mode } = file;
    const there = remote.get(path);
    if (kind === 'l') {
      const entry: TreeEntry = { path, kind, size, mtimeUs, mode, content: file.target };
      if (there?.kind === 'l' && there.content === file.target) settle(entry, there);
      else send.push({ entry, source: { kind: 'link' } });
      continue;
    }
    let content = '';
    if (there?.kind === 'f' && there.size === size) {
      const known = hashOf(file);
      content = typeof known === 'string' ? known : ((await known) ?? '');
      if (content !== '' && content === there.content) {
        settle({ path, kind, size, mtimeUs, mode, content }, there);
        continue;
      }
    }
    send.push({ entry: { path, kind, size, mtimeUs, mode, content }, source: { kind: 'file', file } });
  }
  const forget = gone.filter((path) => !tree.files.has(path) && !inMemory.has(path));
  return { send, touch, forget, unchanged };
}

/** Files of the far side that a mirror would delete: not ours to keep, not protected, not ignored, not left out with a reason. */
export function planDeletions(listing: readonly ListedFile[], tree: LocalTree, extras: readonly ExtraFile[], isProtected: (path: string) => boolean): ListedFile[] {
  const keep = new Set([...extras.map((extra) => extra.path), ...tree.skipped.map((file) => file.path)]);
  const environments = listing.filter(([path]) => path.endsWith('/pyvenv.cfg')).map(([path]) => path.slice(0, -'pyvenv.cfg'.length));
  return listing
    .filter(([path, kind]) => {
      if (kind !== 'f' && kind !== 'l') return false;
      if (tree.files.has(path) || keep.has(path) || path === '.hpc' || path.startsWith('.hpc/')) return false;
      if (isProtected(path) || environments.some((folder) => path.startsWith(folder))) return false;
      return !path.split('/').some(isAlwaysSkipped) && !tree.rules.ignoresDeep(path);
    })
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

export function planRow({ entry }: Outgoing): EntryRow {
  return [entry.path, entry.kind, entry.size, entry.mtimeUs, entry.mode, entry.kind === 'l' ? entry.content : ''];
}
