/**
 * `npm run demo`: a whole sweep on this machine, from a folder with two scripts to a table of results. Plain Node: it installs
 * and builds what is missing, then does only what a user would do, with the built command line.
 *
 *   npm run demo [-- folder]              in a new temporary folder, or in a folder that is empty or not there yet
 *   npm run demo -- --editor [folder]     the same workspace in real VS Code, in a browser, ready to click
 *
 * Rules: nothing outside that folder is touched, the user's own list of runs and clusters included; an interrupt cancels what
 * runs. It lies neither in templates/ (which is shipped) nor in src/ (it stands where a user stands).
 */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { ensureDependencies, root } from '../test/runner/dependencies.mjs';

const words = process.argv.slice(2);
const inEditor = words.includes('--editor');
const given = words.find((word) => !word.startsWith('-'));
const stranger = words.find((word) => word.startsWith('-') && word !== '--editor');
const colours = process.stdout.isTTY && process.env.NO_COLOR === undefined;
const dim = (text) => (colours ? `\x1b[2m${text}\x1b[0m` : text);
const bold = (text) => (colours ? `\x1b[1m${text}\x1b[0m` : text);
const say = (line = '') => console.log(line);

let interrupted = false;
let onInterrupt = () => undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interrupted = true;
    onInterrupt();
  });
}

class Stop extends Error {}

/** Runs a program to its end; its output is shown as it comes, or returned. */
function run(command, args, { env = process.env, cwd = root, show = true, heedInterrupt = true } = {}) {
  return new Promise((resolve, reject) => {
    // In a group of its own: the interrupt that a terminal sends to all of ours reaches it once, through us, or not at all.
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'], detached: process.platform !== 'win32' });
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    if (heedInterrupt) onInterrupt = () => child.kill('SIGINT');
    child.on('error', reject);
    child.on('close', (code) => {
      onInterrupt = () => undefined;
      resolve({ code: code ?? 1, output });
    });
  });
}

function newest(folder) {
  return Math.max(...fs.readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile()).map((entry) => fs.statSync(path.join(entry.parentPath ?? entry.path, entry.name)).mtimeMs));
}

async function ensureBuild() {
  const built = path.join(root, 'dist', 'cli.js');
  if (fs.existsSync(built) && fs.statSync(built).mtimeMs > Math.max(newest(path.join(root, 'src')), fs.statSync(path.join(root, 'package-lock.json')).mtimeMs)) return;
  say(dim('Building …'));
  const { code, output } = await run(process.execPath, ['esbuild.mjs'], { show: false });
  if (code !== 0) throw new Stop(interrupted ? 'Interrupted.' : `The build failed:\n${output}`);
}

function prepareFolder() {
  const base = given === undefined ? fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-agent-demo-')) : path.resolve(given);
  if (fs.existsSync(base) && fs.readdirSync(base).length > 0) throw new Stop(`${base} is not empty. Name a folder that is, or none for a temporary one.`);
  const workspace = path.join(base, 'co2-forecast');
  const state = path.join(base, 'state');
  fs.mkdirSync(base, { recursive: true });
  fs.mkdirSync(state);
  fs.cpSync(path.join(root, 'templates', 'sample'), workspace, { recursive: true, filter: (source) => !source.includes('__pycache__') });
  return { base, workspace, state, env: { ...process.env, HPC_AGENT_HOME: state } };
}

const cli = path.join(root, 'dist', 'cli.js');

/** What a person would type, shown as they would type it. */
async function step(title, place, ...args) {
  if (interrupted) throw new Stop('Interrupted.');
  say();
  say(bold(title));
  say(dim(`$ hpc-agent ${args.map((word) => (/^[\w./-]+$/.test(word) ? word : `'${word}'`)).join(' ')} --human`));
  const { code } = await run(process.execPath, [cli, ...args, '--human'], { cwd: place.workspace, env: place.env });
  if (interrupted) throw new Stop('Interrupted.');
  if (code !== 0) throw new Stop(`hpc-agent ${args[0]} ended with ${code}.`);
}

/** The answer of a query; nothing is shown. */
async function ask(place, ...args) {
  const { output } = await run(process.execPath, [cli, ...args], { cwd: place.workspace, env: place.env, show: false, heedInterrupt: false });
  const line = output.split('\n').find((text) => text.startsWith('{"ok"'));
  const envelope = line === undefined ? { ok: false, message: output } : JSON.parse(line);
  if (!envelope.ok) throw new Stop(`hpc-agent ${args[0]}: ${envelope.message}`);
  return envelope.data;
}

async function cancelOpenRuns(place) {
  const { runs } = await ask(place, 'list-runs');
  for (const { run_id } of runs.filter(({ lifecycle_state }) => ['submitting', 'in_flight', 'unknown'].includes(lifecycle_state))) {
    say(`Cancelling ${run_id} …`);
    await ask(place, 'cancel', run_id, '--yes');
  }
}

async function onCommandLine(place) {
  say(bold('A sweep on this machine: which method forecasts CO2 best, and how far ahead?'));
  say(`Workspace: ${place.workspace}`);
  await step('1. Which scripts can be run, and with which parameters?', place, 'discover');
  await step('2. Write the sweep: 2 methods × 3 horizons × 4 settings = 24 tasks', place, 'build-tasks-py', '--spec', 'sweep.json', '--yes');
  await step('3. What would be submitted?', place, 'plan', '--cluster', 'this-computer');
  await step('4. Submit', place, 'submit', '--cluster', 'this-computer', '--yes');
  const run_id = (await ask(place, 'list-runs')).runs[0].run_id;
  await step('5. Watch', place, 'monitor', run_id);
  await step('6. Reduce the results, check that every task is in them once, and fetch them', place, 'aggregate', run_id);
  say();
  say(`All of it is in ${place.base}${given === undefined ? ' (remove it when you like)' : ''}.`);
  say('The same in the editor: npm run demo -- --editor');
}

async function inBrowser(place) {
  say(dim('Packaging the extension …'));
  const vsix = path.join(root, 'hpc-agent.vsix');
  const packaged = await run(process.execPath, [path.join(root, 'node_modules', '@vscode', 'vsce', 'vsce'), 'package', '--no-dependencies', '--out', vsix], { show: false });
  if (packaged.code !== 0) throw new Stop(interrupted ? 'Interrupted.' : `The extension could not be packaged:\n${packaged.output}`);
  const abort = new globalThis.AbortController();
  onInterrupt = () => abort.abort();
  const { register } = await import('tsx/esm/api');
  register();
  const { startEditor } = await import('../test/editor/server.ts');
  const editor = await startEditor({ folder: place.workspace, vsix, env: { HPC_AGENT_HOME: place.state }, settings: { 'telemetry.telemetryLevel': 'off' }, signal: abort.signal, log: (line) => say(dim(line)) });
  try {
    say();
    say(bold('VS Code is ready. Open this address in a browser on this machine:'));
    say(`  ${editor.url}`);
    say('Then: the HPC Agent icon at the left, New Sweep…, choose a script, type values such as 1,6,12, and submit to this-computer.');
    say('Ctrl-C here ends it.');
    if (!interrupted) {
      await new Promise((resolve) => {
        // A listener for signals alone does not keep a process alive.
        const alive = globalThis.setInterval(() => undefined, 60_000);
        onInterrupt = () => {
          globalThis.clearInterval(alive);
          resolve();
        };
      });
    }
    say('\nEnding VS Code …');
  } finally {
    onInterrupt = () => undefined;
    await editor.dispose();
  }
}

async function main() {
  if (stranger !== undefined) throw new Stop(`There is no flag ${stranger}; there is --editor.`);
  await ensureDependencies((line) => say(dim(line)));
  if (interrupted) throw new Stop('Interrupted.');
  await ensureBuild();
  const place = prepareFolder();
  try {
    await (inEditor ? inBrowser(place) : onCommandLine(place));
  } finally {
    // Also after a failure, and at the end of the editor: nothing goes on running unseen.
    await cancelOpenRuns(place);
  }
}

try {
  await main();
} catch (error) {
  if (error instanceof Stop) console.error(`\n${error.message}`);
  else if (interrupted) console.error('\nInterrupted.');
  else console.error(error);
  process.exitCode = interrupted ? 130 : 1;
}
