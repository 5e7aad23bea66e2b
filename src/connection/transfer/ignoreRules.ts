/**
 * Which paths of a workspace stay at home: `.gitignore` and `.hpcignore` of every folder, read as git does. The last
 * matching line decides, a deeper file before a higher one, `.hpcignore` before the `.gitignore` beside it, and nothing
 * inside an ignored folder can be taken back.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Ignore } from 'ignore';
import { messageOf, systemCodeOf, HpcError } from '../../foundation/errors.ts';

export const ignoreFileNames: readonly string[] = ['.gitignore', '.hpcignore'];
const alwaysSkipped = new Set(['.git', 'node_modules', '__pycache__', '.venv']);

/** Names that are never part of a tree, whatever the ignore files say. */
export function isAlwaysSkipped(name: string): boolean {
  return alwaysSkipped.has(name);
}

export interface IgnoreRules {
  /** Reads the ignore files of a folder (its relative path, '' for the root) that holds such `names`. */
  addFolder(folder: string, names: readonly string[]): Promise<void>;
  /** Judges one path, assuming that its folder is not ignored. */
  ignores(relativePath: string, isFolder: boolean): boolean;
  /** Judges any path, its folders included; for files that exist only on the far side. */
  ignoresDeep(relativePath: string): boolean;
}

export function createIgnoreRules(root: string): IgnoreRules {
  const byFolder = new Map<string, Ignore>();

  const ignores = (relativePath: string, isFolder: boolean): boolean => {
    if (byFolder.size === 0) return false;
    const parts = relativePath.split('/');
    for (let depth = parts.length - 1; depth >= 0; depth -= 1) {
      const rules = byFolder.get(parts.slice(0, depth).join('/'));
      if (!rules) continue;
      const verdict = rules.test(parts.slice(depth).join('/') + (isFolder ? '/' : ''));
      if (verdict.ignored) return true;
      if (verdict.unignored) return false;
    }
    return false;
  };

  return {
    ignores,
    addFolder: async (folder, names) => {
      const present = ignoreFileNames.filter((name) => names.includes(name));
      if (present.length === 0) return;
      const { default: ignore } = await import('ignore');
      const rules = ignore({ ignorecase: process.platform !== 'linux', allowRelativePaths: false });
      for (const name of present) {
        const file = path.join(root, folder, name);
        try {
          rules.add(fs.readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));
        } catch (error) {
          if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'EISDIR') continue;
          // Going on without the rules could upload what they were written to keep at home.
          throw new HpcError('config_invalid', `Cannot read ${file}: ${messageOf(error)}.`, { remediation: 'Make the file readable, or remove it.', cause: error });
        }
      }
      byFolder.set(folder, rules);
    },
    ignoresDeep: (relativePath) => {
      const parts = relativePath.split('/');
      if (parts.some(isAlwaysSkipped)) return true;
      return parts.some((_, index) => ignores(parts.slice(0, index + 1).join('/'), index < parts.length - 1));
    },
  };
}
