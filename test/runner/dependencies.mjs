/**
 * Plain Node, because it runs before anything is installed: brings node_modules in line with package-lock.json.
 *
 * Rule: `npm ci` runs only when something is missing or of another version; parts for other platforms may be missing.
 */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** @returns {string | undefined} why node_modules does not do; undefined when it does. */
export function whatIsStale() {
  const wanted = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  let installed;
  try {
    installed = JSON.parse(fs.readFileSync(path.join(root, 'node_modules', '.package-lock.json'), 'utf8')).packages;
  } catch {
    return 'node_modules is missing';
  }
  for (const [place, { version, optional, link }] of Object.entries(wanted)) {
    if (place === '' || link) continue;
    if (optional && installed[place] === undefined) continue;
    if (installed[place]?.version !== version) return `${place} is not ${version}`;
    if (!fs.existsSync(path.join(root, place, 'package.json'))) return `${place} is incomplete`;
  }
  return undefined;
}

/** The environment of a nested npm: without what an outer `npm run` says about its own package. */
export function npmEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|command|config_(local_prefix|prefix|noproxy|omit|production))/i.test(name)));
}

/** @param {(line: string) => void} say */
export async function ensureDependencies(say) {
  const reason = whatIsStale();
  if (reason === undefined) return;
  say(`npm ci (${reason})`);
  const code = await new Promise((resolve, reject) => {
    const child = spawn('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, env: npmEnvironment(), stdio: ['ignore', 'ignore', 'inherit'], shell: process.platform === 'win32' });
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`npm ci failed (${code}).`);
  const still = whatIsStale();
  if (still !== undefined) throw new Error(`npm ci did not help: ${still}.`);
}
