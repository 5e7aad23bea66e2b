/**
 * Runs the mocha suites of `test/editor/host/` in a real extension host, against the unpacked contents of the .vsix.
 *
 * HPC_AGENT_VSCODE names the program of a desktop VS Code to use; without it, code-server runs the same suites.
 *
 *   tsx test/editor/runHost.ts
 */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { runTests } from '@vscode/test-electron';
import { buildHarness } from './build.ts';
import type { HostSummary } from './hostSummary.ts';
import { packFixture } from './packFixture.ts';
import { outFolder, resultsFolder, vsixFile } from './paths.ts';
import { unzip } from './zip.ts';

export interface HostRunOptions {
  /** The workspace folder of the suites; an empty temporary one by default. */
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly vsix?: string;
}

/** Runs the suites and returns their summary; throws when they left none. */
export async function runHostSuites(options: HostRunOptions = {}): Promise<HostSummary> {
  const { executable, suite } = await buildHarness();
  const unpacked = path.join(outFolder, 'unpacked');
  await unzip(options.vsix ?? vsixFile, unpacked);
  const temp = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-agent-host-')));
  const summaryFile = path.join(resultsFolder, 'editor-host.json');
  await fs.mkdir(resultsFolder, { recursive: true });
  await fs.rm(summaryFile, { force: true });
  try {
    const folder = options.folder ?? path.join(temp, 'workspace');
    const home = path.join(temp, 'home');
    await fs.mkdir(folder, { recursive: true });
    await fs.mkdir(home, { recursive: true });
    const exit = await runTests({
      vscodeExecutablePath: process.env.HPC_AGENT_VSCODE ?? executable,
      extensionDevelopmentPath: path.join(unpacked, 'extension'),
      extensionTestsPath: suite,
      // Beside ours one that does nothing, to be compared with.
      extensionTestsEnv: { HPC_AGENT_PEER: await packFixture('empty'), HOME: home, HPC_AGENT_TEST_SUMMARY: summaryFile, ...options.env },
      launchArgs: [folder, `--user-data-dir=${path.join(temp, 'data')}`, `--extensions-dir=${path.join(temp, 'extensions')}`],
    }).then(() => undefined, (error: unknown) => error);
    const text = await fs.readFile(summaryFile, 'utf8').catch(() => undefined);
    if (text === undefined) throw new Error('The suites in the extension host ended without a summary.', { cause: exit });
    return JSON.parse(text) as HostSummary;
  } finally {
    await fs.rm(temp, { recursive: true, force: true, maxRetries: 5 });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const summary = await runHostSuites();
  console.log(JSON.stringify(summary, null, 2));
  if (summary.failed > 0 || summary.skipped > 0 || summary.passed === 0) process.exitCode = 1;
}
