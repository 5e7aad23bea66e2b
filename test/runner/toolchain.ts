/**
 * What the tests need beside npm's packages: programs of the system, and the tools that check our Python.
 *
 * Rule: without root nothing is skipped; the step says which packages are missing and fails.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { runProgram } from './programs.ts';
import { failed, passed, type Outcome, type SuiteContext } from './suite.ts';

/** A program that must be there, and the Debian package that brings it. */
const programs: readonly (readonly [program: string, packageName: string])[] = [
  ['ssh', 'openssh-client'],
  ['ssh-keygen', 'openssh-client'],
  ['/usr/sbin/sshd', 'openssh-server'],
  ['tcsh', 'tcsh'],
  ['rsync', 'rsync'],
  ['python3', 'python3'],
  ['git', 'git'],
];

async function isThere(program: string): Promise<boolean> {
  const folders = program.includes('/') ? [''] : [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  for (const folder of folders) {
    if (await fs.access(path.join(folder, program), fs.constants.X_OK).then(() => true, () => false)) return true;
  }
  return false;
}

async function aptInstall(packages: readonly string[], context: SuiteContext): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return `Missing: ${packages.join(', ')}. Run as root, or first: apt-get install ${packages.join(' ')}`;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return withoutStartingServices(async () => {
    for (const words of [['update'], ['install', '--yes', '--no-install-recommends', ...packages]]) {
      const end = await runProgram('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=600', ...words], { ...context, env });
      if (end.code !== 0) return `apt-get ${words.join(' ')} failed (${end.code}):\n${end.tail}`;
    }
    return undefined;
  });
}

/** Debian starts a daemon when its package is installed, unless this file says no. */
async function withoutStartingServices<T>(work: () => Promise<T>): Promise<T> {
  const policy = '/usr/sbin/policy-rc.d';
  const ours = await fs.writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' }).then(() => true, () => false);
  try {
    return await work();
  } finally {
    if (ours) await fs.rm(policy, { force: true });
  }
}

export async function installPrograms(context: SuiteContext): Promise<Outcome> {
  const missing = async (): Promise<string[]> => {
    const there = await Promise.all(programs.map(([program]) => isThere(program)));
    return [...new Set(programs.flatMap(([, name], index) => (there[index] ? [] : [name])))];
  };
  const before = await missing();
  if (before.length === 0) return passed('nothing to install');
  const problem = await aptInstall(before, context);
  if (problem !== undefined) return failed('programs of the system', problem);
  const still = await missing();
  return still.length === 0 ? passed(`installed ${before.join(', ')}`) : failed('programs of the system', `apt-get installed ${still.join(', ')}, yet the programs are not there.`);
}

const tools = { ruff: '0.17.6', vermin: '1.9.2' };

export interface PythonTools {
  readonly folder: string;
  readonly ruff: string;
  readonly env: NodeJS.ProcessEnv;
}

export function pythonTools(root: string): PythonTools {
  const folder = path.join(root, '.test-cache', `python-tools-ruff-${tools.ruff}-vermin-${tools.vermin}`);
  return { folder, ruff: path.join(folder, 'bin', 'ruff'), env: { ...process.env, PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' } };
}

/** Into a folder of our own, so that nothing of the system's Python changes. A half-done folder never bears the final name. */
export async function installPythonTools(root: string, context: SuiteContext): Promise<Outcome> {
  const { folder } = pythonTools(root);
  const note = `ruff ${tools.ruff}, vermin ${tools.vermin}`;
  if (await fs.stat(folder).then(() => true, () => false)) return passed(note);
  const pip = (...words: readonly string[]): ReturnType<typeof runProgram> => runProgram('python3', ['-m', 'pip', ...words], context);
  if ((await pip('--version')).code !== 0) {
    const problem = await aptInstall(['python3-pip'], context);
    if (problem !== undefined) return failed('pip', problem);
  }
  const half = `${folder}.${process.pid}`;
  await fs.mkdir(path.dirname(folder), { recursive: true });
  const end = await pip('install', '--quiet', '--disable-pip-version-check', '--no-deps', '--target', half, `ruff==${tools.ruff}`, `vermin==${tools.vermin}`);
  if (end.code !== 0) {
    await fs.rm(half, { recursive: true, force: true });
    return failed('pip install', end.tail);
  }
  await fs.rename(half, folder);
  return passed(note);
}
