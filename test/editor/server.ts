/**
 * Starts real VS Code as a server on the loopback interface, with its own user data, settings and HOME, all in one
 * temporary folder.
 *
 * Rule: what was started is ended with everything it started, by `dispose()` and also when this process dies (a guardian
 * process watches for that), and the temporary folder goes with it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { sleep } from '../../src/foundation/abort.ts';
import { withFileLock } from '../../src/foundation/fileLock.ts';
import { outFolder, root } from './paths.ts';
import { ensureEditor, type EditorInstall, type Say } from './setup.ts';

export interface EditorOptions {
  /** The workspace folder to open. */
  readonly folder: string;
  /** Extensions to install, as .vsix files. */
  readonly vsix?: string | readonly string[];
  /** Added to the server's environment, and so to the extension host's; `HOME` replaces the temporary one. */
  readonly env?: Readonly<Record<string, string>>;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** As in `keybindings.json`. */
  readonly keybindings?: readonly { readonly key: string; readonly command: string }[];
  /** Gives the page the driver that runs a test suite in the extension host. */
  readonly testDriver?: boolean;
  /** Asks whether the workspace is trusted, as desktop VS Code does. Default: every folder is trusted. */
  readonly workspaceTrust?: boolean;
  /** Ids of extensions that may use proposed API. */
  readonly proposedApi?: readonly string[];
  /** All that the editor brings along; by default only what our own features rest on. */
  readonly allBuiltins?: boolean;
  readonly log?: Say;
  readonly signal?: AbortSignal;
}

export interface Editor {
  /** Opens the workspace folder when visited. */
  readonly url: string;
  /** `127.0.0.1:port`: also the authority of the editor's `vscode-remote:` URIs. */
  readonly authority: string;
  readonly home: string;
  readonly settingsFile: string;
  /** Removed with the editor, also when this process dies: for whatever else a test needs as long as the editor. */
  readonly temp: string;
  /** The server's output so far, for a failure's report. */
  output(): string;
  dispose(): Promise<void>;
}

const quietSettings: Readonly<Record<string, unknown>> = {
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'git.enabled': false,
  // What blinks is drawn again and again.
  'editor.cursorBlinking': 'solid',
  'workbench.reduceMotion': 'on',
  'editor.minimap.enabled': false,
  'remote.autoForwardPorts': false,
  'workbench.enableExperiments': false,
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'window.restoreWindows': 'none',
};

/** Of the editor's own extensions: languages of our files, pages that show them, themes. The other ninety cost each window as much again as all else in its start. */
const neededBuiltins: readonly string[] = ['configuration-editing', 'ini', 'ipynb', 'json', 'json-language-features', 'log', 'markdown-basics', 'markdown-language-features', 'notebook-renderers', 'python', 'search-result', 'shellscript', 'theme-defaults', 'theme-modern-icons', 'theme-seti', 'yaml'];

/** A folder of links to them. */
async function builtins(install: EditorInstall, temp: string): Promise<string> {
  const folder = path.join(temp, 'builtins');
  await fs.mkdir(folder);
  for (const name of neededBuiltins) {
    const target = path.join(install.builtins, name);
    await fs.access(target);
    await fs.symlink(target, path.join(folder, name));
  }
  return folder;
}

/** Variables of an outer editor or of code-server itself would change where ours listens and keeps its data. */
function cleanEnvironment(): Record<string, string> {
  const outer = /^(PORT|PASSWORD|HASHED_PASSWORD|NODE_OPTIONS|NODE_V8_COVERAGE|GITHUB_TOKEN|XDG_.*|CODE_SERVER_.*|VSCODE_.*|ELECTRON_.*|npm_.*)$/;
  return Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (value === undefined || outer.test(name) ? [] : [[name, value]])));
}

function guard(install: EditorInstall, args: readonly string[], env: Readonly<Record<string, string>>, cleanUp: string | undefined): ChildProcess {
  const order = JSON.stringify({ command: install.node, args: [install.entry, ...args], cleanUp });
  return spawn(process.execPath, [path.join(root, 'test', 'editor', 'guardian.mjs'), order], { env, detached: true, stdio: ['pipe', 'pipe', 'pipe'], cwd: os.tmpdir() });
}

function exited(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) resolve(child.exitCode);
    else child.once('close', (code) => resolve(code));
  });
}

/** Installed once for all servers of a package, since that is a start of the editor: a later one gets a copy, in whose list the paths are its own. */
async function installCopy(install: EditorInstall, vsix: string, env: Readonly<Record<string, string>>, target: string): Promise<void> {
  const { size, mtimeMs } = await fs.stat(vsix);
  const model = path.join(outFolder, 'installed', `${path.basename(vsix, '.vsix')}-${size}-${Math.round(mtimeMs)}`);
  await fs.mkdir(path.dirname(model), { recursive: true });
  await withFileLock(
    `${model}.lock`,
    async () => {
      if (await fs.stat(model).then(() => true, () => false)) return;
      const half = await fs.mkdtemp(`${model}.`);
      try {
        const extensions = path.join(half, 'extensions');
        await installExtension(install, ['--user-data-dir', path.join(half, 'data'), '--extensions-dir', extensions, '--config', path.join(half, 'config.yaml')], vsix, env);
        const list = path.join(extensions, 'extensions.json');
        await fs.writeFile(list, (await fs.readFile(list, 'utf8')).replaceAll(extensions, model));
        await fs.rename(extensions, model);
      } finally {
        await fs.rm(half, { recursive: true, force: true });
      }
    },
    { timeoutMs: 5 * 60_000 },
  );
  await fs.cp(model, target, { recursive: true });
  const list = path.join(target, 'extensions.json');
  await fs.writeFile(list, (await fs.readFile(list, 'utf8')).replaceAll(model, target));
}

async function installExtension(install: EditorInstall, shared: readonly string[], vsix: string, env: Readonly<Record<string, string>>): Promise<void> {
  const child = guard(install, [...shared, '--install-extension', path.resolve(vsix), '--force'], env, undefined);
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await exited(child);
  if (code !== 0 || !output.includes('successfully installed')) throw new Error(`${vsix} could not be installed (${code}):\n${output}`);
}

/** The address that the server prints once it listens: asking for port 0 leaves no moment in which another takes the port. */
async function listening(child: ChildProcess, output: () => string, signal: AbortSignal | undefined): Promise<string> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const address = /server listening on http:\/\/(127\.0\.0\.1:\d+)/.exec(output())?.[1];
    if (address !== undefined && (await fetch(`http://${address}/healthz`).then((reply) => reply.ok, () => false))) return address;
    if (child.exitCode !== null) throw new Error(`code-server ended (${child.exitCode}):\n${output()}`);
    if (Date.now() > deadline) throw new Error(`code-server does not answer:\n${output()}`);
    await sleep(50, signal);
  }
}

export async function startEditor(options: EditorOptions): Promise<Editor> {
  const say = options.log ?? ((): void => undefined);
  const install = await ensureEditor(say);
  const temp = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-agent-editor-')));
  const home = options.env?.HOME ?? path.join(temp, 'home');
  const settingsFile = path.join(temp, 'data', 'User', 'settings.json');
  let server: ChildProcess | undefined;
  const dispose = async (): Promise<void> => {
    if (server !== undefined) {
      server.stdin?.end();
      await exited(server);
    }
    await fs.rm(temp, { recursive: true, force: true });
  };
  try {
    await fs.mkdir(home, { recursive: true });
    await fs.mkdir(path.dirname(settingsFile), { recursive: true });
    await fs.writeFile(settingsFile, JSON.stringify({ ...quietSettings, ...options.settings }, null, 2));
    if (options.keybindings) await fs.writeFile(path.join(path.dirname(settingsFile), 'keybindings.json'), JSON.stringify(options.keybindings));
    const env = { ...cleanEnvironment(), HOME: home, ...options.env };
    const shared = ['--user-data-dir', path.join(temp, 'data'), '--extensions-dir', path.join(temp, 'extensions'), '--config', path.join(temp, 'config.yaml')];
    const [first, ...more] = options.vsix === undefined ? [] : [options.vsix].flat();
    if (first !== undefined) await installCopy(install, first, env, path.join(temp, 'extensions'));
    for (const vsix of more) await installExtension(install, shared, vsix, env);
    const args = [
      ...shared,
      ...['--bind-addr', '127.0.0.1:0', '--auth', 'none'],
      ...['--disable-telemetry', '--disable-update-check', '--disable-proxy'],
      ...(options.allBuiltins === true ? [] : ['--builtin-extensions-dir', await builtins(install, temp)]),
      ...(options.workspaceTrust === true ? [] : ['--disable-workspace-trust']),
      ...(options.testDriver === true ? ['--vscode-option=enable-smoke-test-driver'] : []),
      ...(options.proposedApi ?? []).flatMap((id) => ['--enable-proposed-api', id]),
    ];
    server = guard(install, args, env, temp);
    let text = '';
    const keep = (chunk: Buffer): void => {
      text = (text + chunk.toString()).slice(-200_000);
    };
    server.stdout?.on('data', keep);
    server.stderr?.on('data', keep);
    server.stdin?.on('error', () => undefined);
    const authority = await listening(server, () => text, options.signal);
    const url = `http://${authority}/?folder=${encodeURIComponent(path.resolve(options.folder))}`;
    say(`VS Code listens on ${url}`);
    return { url, authority, home, settingsFile, temp, output: () => text, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
