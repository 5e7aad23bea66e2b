/**
 * The local tree as it would be pushed.
 *
 * Rules: what ignore files exclude is passed over silently; everything else that cannot travel (links that lead outside,
 * secrets, names that are not UTF-8, devices, unreadable folders) is reported, never dropped in silence. A link that stays
 * inside the tree travels as a relative link and is not followed; folders without files do not travel.
 * System calls are synchronous, several times faster than asynchronous ones for thousands of small files, and give way to
 * the event loop every few milliseconds.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { throwIfAborted } from '../../foundation/abort.ts';
import { HpcError, messageOf, systemCodeOf } from '../../foundation/errors.ts';
import { createIgnoreRules, isAlwaysSkipped, type IgnoreRules } from './ignoreRules.ts';
import { isSecretFile } from './secrets.ts';
import { isOwnState, modeClassOf, type EntryKind, type ModeClass } from './tree.ts';

export interface LocalFile {
  readonly path: string;
  readonly kind: EntryKind;
  readonly size: number;
  readonly mtimeUs: number;
  readonly ctimeUs: number;
  readonly inode: number;
  readonly mode: ModeClass;
  /** A link's target; empty for a file, whose hash is looked up later. */
  readonly target: string;
}

export type SkipReason = 'link_leads_outside' | 'secret' | 'name_not_utf8' | 'not_a_file' | 'unreadable' | 'changed_while_reading';

export interface SkippedFile {
  readonly path: string;
  readonly reason: SkipReason;
  readonly message: string;
}

export interface LocalTree {
  readonly files: ReadonlyMap<string, LocalFile>;
  readonly skipped: readonly SkippedFile[];
  readonly rules: IgnoreRules;
}

const sliceMs = 6;

/** Gives the event loop a turn when the slice of time is used up. */
export function createPacer(signal: AbortSignal | undefined): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < sliceMs) return undefined;
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      throwIfAborted(signal);
      since = performance.now();
    });
  };
}

function linkTarget(root: string, folder: string, file: string): string | undefined {
  const target = fs.readlinkSync(file);
  const absolute = path.resolve(path.dirname(file), target);
  const inside = (base: string, place: string): boolean => place === base || place.startsWith(base + path.sep);
  if (!inside(root, absolute)) return undefined;
  try {
    // A chain of links may still lead out.
    if (!inside(root, fs.realpathSync(file))) return undefined;
  } catch (error) {
    // Dangling inside the tree: its target may be made on the cluster.
    if (systemCodeOf(error) !== 'ENOENT') return undefined;
  }
  const relative = path.isAbsolute(target) ? path.relative(path.join(root, folder), absolute) : target;
  return relative.split(path.sep).join('/') || '.';
}

/** The folder without symbolic links on its way, so that a link's target can be judged by comparing paths. */
export function realFolder(folder: string): string {
  try {
    return fs.realpathSync(path.resolve(folder));
  } catch (error) {
    throw new HpcError('config_invalid', `Cannot read the folder ${folder}: ${messageOf(error)}.`, { remediation: 'Check that the folder exists and may be read.', cause: error });
  }
}

export async function walkTree(localRoot: string, options: { signal?: AbortSignal; /** True for a path that stays here. */ isExcluded?: (relative: string) => boolean } = {}): Promise<LocalTree> {
  const root = realFolder(localRoot);
  const files = new Map<string, LocalFile>();
  const skipped: SkippedFile[] = [];
  const rules = createIgnoreRules(root);
  const pace = createPacer(options.signal);
  const posixNames = process.platform !== 'win32' && process.platform !== 'darwin';
  const skip = (relative: string, reason: SkipReason, message: string): void => void skipped.push({ path: relative, reason, message });
  const visit = async (folder: string): Promise<void> => {
    let entries: fs.Dirent[];
    try {
      entries = fs.readdirSync(path.join(root, folder), { withFileTypes: true });
    } catch (error) {
      if (folder === '') {
        throw new HpcError('config_invalid', `Cannot read the workspace folder ${root}: ${messageOf(error)}.`, { remediation: 'Check that the folder exists and may be read.', cause: error });
      }
      skip(folder, 'unreadable', `The folder cannot be read: ${messageOf(error)}.`);
      return;
    }
    const names = entries.map((entry) => entry.name);
    // A virtual environment under any name: it is bound to this machine's paths.
    if (folder !== '' && names.includes('pyvenv.cfg')) return;
    await rules.addFolder(folder, names);
    for (const entry of entries) {
      const waited = pace();
      if (waited) await waited;
      const { name } = entry;
      const relative = folder === '' ? name : `${folder}/${name}`;
      if (isAlwaysSkipped(name) || isOwnState(relative) || options.isExcluded?.(relative)) continue;
      const isFolder = entry.isDirectory();
      if (rules.ignores(relative, isFolder)) continue;
      // Node shows a name that is not UTF-8 with U+FFFD; a name that really holds that character is found by the look below.
      const lossy = posixNames && name.includes('\uFFFD') && !fs.existsSync(path.join(root, relative));
      if (lossy) {
        skip(relative, 'name_not_utf8', 'The name is not valid UTF-8 and would not be the same on the far side.');
      } else if (isFolder) {
        await visit(relative);
      } else if (entry.isFile() || entry.isSymbolicLink()) {
        addFile(relative, name);
      } else {
        skip(relative, 'not_a_file', 'Only files, folders and symbolic links can be copied.');
      }
    }
  };
  const addFile = (relative: string, name: string): void => {
    const file = path.join(root, relative);
    try {
      const stats = fs.lstatSync(file);
      const common = { path: relative, size: stats.size, mtimeUs: Math.floor(stats.mtimeMs * 1000), ctimeUs: Math.floor(stats.ctimeMs * 1000), inode: stats.ino };
      if (stats.isSymbolicLink()) {
        const target = linkTarget(root, path.dirname(relative), file);
        if (target === undefined) skip(relative, 'link_leads_outside', `The symbolic link leads out of the workspace, to ${fs.readlinkSync(file)}.`);
        else files.set(relative, { ...common, kind: 'l', mtimeUs: -1, size: Buffer.byteLength(target), mode: 'r', target });
      } else if (isSecretFile(name, file, stats.size)) {
        skip(relative, 'secret', 'It holds a private key or password; these are never copied.');
      } else {
        files.set(relative, { ...common, kind: 'f', mode: modeClassOf(stats.mode), target: '' });
      }
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT') skip(relative, 'unreadable', `It cannot be read: ${messageOf(error)}.`);
    }
  };
  throwIfAborted(options.signal);
  await visit('');
  return { files, skipped, rules };
}
