/**
 * Finds the executors of a workspace: under executors/, scripts/ and src/, then in its root (hpc-agent's order).
 *
 * Rules: source is read, never run; a file that cannot be read or understood is listed among the problems and never fails
 * the rest; hidden and installed folders are not entered; symbolic links to folders are not followed.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { throwIfAborted } from '../foundation/abort.ts';
import { messageOf, systemCodeOf } from '../foundation/errors.ts';
import { declaredFlags, discoverPython } from './discoverPython.ts';
import { discoverShell } from './discoverShell.ts';
import type { Executor, ExecutorFlag } from './executor.ts';
import { parsePython } from './pythonSource.ts';

export interface DiscoveryProblem {
  /** Relative to the workspace. */
  readonly path: string;
  readonly message: string;
  readonly line?: number;
}

export interface Discovery {
  readonly executors: readonly Executor[];
  readonly problems: readonly DiscoveryProblem[];
}

export interface DiscoverOptions {
  readonly searchDirs?: readonly string[];
  readonly signal: AbortSignal;
}

const defaultSearchDirs = ['executors', 'scripts', 'src', '.'];
const maxBytes = 1_048_576;
const maxFiles = 5000;
const maxDepth = 8;
const skippedNames = new Set(['_hpc_dispatch.py', '_hpc_combiner.py', '_hpc_task.py', 'hpc_chunking_shim.py', '__init__.py', 'conftest.py', 'setup.py', 'noxfile.py']);
const skippedFolders = new Set(['node_modules', '__pycache__', 'site-packages', 'venv', 'env', 'build', 'dist', 'results', '_combiner']);
const shellEndings = ['.sh', '.bash', '.slurm', '.sbatch', '.sge', '.pbs', '.qsub'];

function isCandidate(name: string): boolean {
  if (name.startsWith('.') || skippedNames.has(name) || /^test_.*\.py$|_test\.py$/.test(name)) return false;
  return name.endsWith('.py') || shellEndings.includes(path.extname(name));
}

async function walk(root: string, folder: string, recursive: boolean, depth: number, found: Set<string>, problems: DiscoveryProblem[], signal: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  let entries;
  try {
    entries = await fs.readdir(path.join(root, folder), { withFileTypes: true });
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(systemCodeOf(error) ?? '')) problems.push({ path: folder, message: messageOf(error) });
    return;
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const relative = folder === '.' ? entry.name : `${folder}/${entry.name}`;
    if (found.size >= maxFiles) {
      if (!problems.some((problem) => problem.path === '.')) problems.push({ path: '.', message: `More than ${maxFiles} scripts: the rest was not looked at. Name folders to search.` });
      return;
    }
    if (entry.isDirectory()) {
      if (recursive && depth < maxDepth && !entry.name.startsWith('.') && !skippedFolders.has(entry.name)) await walk(root, relative, true, depth + 1, found, problems, signal);
    } else if ((entry.isFile() || entry.isSymbolicLink()) && isCandidate(entry.name)) found.add(relative);
  }
}

/** The file's text, or why it is none. */
export async function readSource(file: string): Promise<{ text: string } | { problem: string }> {
  try {
    const handle = await fs.open(file, fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0));
    try {
      const facts = await handle.stat();
      if (!facts.isFile()) return { problem: 'Not a regular file.' };
      if (facts.size > maxBytes) return { problem: `Too large to be a script (${Math.round(facts.size / 1024).toLocaleString('en')} KiB).` };
      const bytes = await handle.readFile();
      if (bytes.includes(0)) return { problem: 'Not text: it holds NUL bytes.' };
      return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    return { problem: systemCodeOf(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'Not UTF-8 text.' : messageOf(error) };
  }
}

/** FLAGS of `.hpc/tasks.py`, which tell the flags of executors that have only `compute(args)`. */
async function taskFlags(directory: string): Promise<ReadonlyMap<string, readonly ExecutorFlag[]>> {
  const source = await readSource(path.join(directory, '.hpc', 'tasks.py'));
  return 'text' in source ? declaredFlags(await parsePython(source.text)) : new Map<string, readonly ExecutorFlag[]>();
}

/** The scripts below these folders, in their order, each once. */
export async function scriptsIn(directory: string, options: DiscoverOptions & { readonly searchDirs: readonly string[] }): Promise<{ root: string; files: ReadonlySet<string>; problems: DiscoveryProblem[] }> {
  const root = path.resolve(directory);
  const problems: DiscoveryProblem[] = [];
  const files = new Set<string>();
  for (const folder of options.searchDirs) {
    const relative = path.relative(root, path.resolve(root, folder)).split(path.sep).join('/') || '.';
    if (relative.startsWith('..')) problems.push({ path: folder, message: 'Not in the workspace.' });
    else await walk(root, relative, relative !== '.', 0, files, problems, options.signal);
  }
  return { root, files, problems };
}

export async function discoverExecutors(directory: string, options: DiscoverOptions): Promise<Discovery> {
  const { root, files, problems } = await scriptsIn(directory, { ...options, searchDirs: options.searchDirs ?? defaultSearchDirs });
  const executors: Executor[] = [];
  const declared = await taskFlags(root);
  for (const file of files) {
    throwIfAborted(options.signal);
    const source = await readSource(path.join(root, file));
    if ('problem' in source) {
      problems.push({ path: file, message: source.problem });
      continue;
    }
    if (!file.endsWith('.py')) {
      executors.push(discoverShell(file, source.text));
      continue;
    }
    try {
      const found = await discoverPython(file, source.text, { scriptFolder: !file.startsWith('src/'), taskFlags: declared });
      executors.push(...found.executors);
      if (found.syntaxErrorLine !== undefined) problems.push({ path: file, message: `Syntax error in line ${found.syntaxErrorLine}.`, line: found.syntaxErrorLine });
    } catch (error) {
      problems.push({ path: file, message: `Could not be understood: ${messageOf(error)}.` });
    }
  }
  return { executors, problems };
}
