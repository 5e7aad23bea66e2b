/**
 * All tests on real VS Code, with all their set-up: installs what is missing, packages the extension, runs the suites in the
 * extension host and those that drive the window. Exit status 0 only when all passed and none was skipped.
 *
 *   tsx test/editor/run.ts [text in the names of the ui suites to run]
 */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { resultsFolder, root } from './paths.ts';
import { runHostSuites } from './runHost.ts';
import { ensureBrowser, ensureEditor } from './setup.ts';

function npx(...args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('npx', ['--no-install', ...args], { cwd: root, stdio: 'inherit' });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

async function uiSuites(only: string): Promise<readonly string[]> {
  const folder = path.join(root, 'test', 'editor', 'ui');
  const names = await fs.readdir(folder, { recursive: true });
  return names.filter((name) => name.endsWith('.test.ts') && name.includes(only)).sort().map((name) => path.join(folder, name));
}

await ensureEditor(console.log);
await ensureBrowser(console.log);
await fs.rm(path.join(resultsFolder, 'screenshots'), { recursive: true, force: true });
if ((await npx('vsce', 'package', '--no-dependencies', '--out', 'hpc-agent.vsix')) !== 0) throw new Error('The extension could not be packaged.');
if ((await npx('tsx', 'test/editor/vsixContents.ts', 'hpc-agent.vsix')) !== 0) throw new Error('The package holds what it should not.');
const host = await runHostSuites();
console.log(`in the extension host: ${host.passed} passed, ${host.failed} failed, ${host.skipped} skipped`, host.measurements);
for (const failure of host.failures) console.error(`${failure.title}\n${failure.stack}`);
const ui = await npx('mocha', ...(await uiSuites(process.argv[2] ?? '')));
if (host.failed > 0 || host.skipped > 0 || ui !== 0) process.exitCode = 1;
