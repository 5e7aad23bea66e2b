/**
 * The entry that VS Code's extension host loads (`extensionTestsPath`): runs every bundled `*.test.mjs` beside it with mocha
 * and writes a summary to the file that HPC_AGENT_TEST_SUMMARY names.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import Mocha from 'mocha';
import { measurements } from './summary.ts';
import type { HostSummary } from '../hostSummary.ts';

async function suiteFiles(): Promise<readonly string[]> {
  const folder = path.dirname(fileURLToPath(import.meta.url));
  // Parts of names, with commas between.
  const only = (process.env.HPC_AGENT_TEST_FILES ?? '').split(',');
  const files = (await fs.readdir(folder)).filter((name) => name.endsWith('.test.mjs') && only.some((part) => name.includes(part))).sort();
  return files.map((name) => path.join(folder, name));
}

export async function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'bdd', timeout: 120_000, forbidOnly: true, forbidPending: true, color: false, reporter: 'spec' });
  const files = await suiteFiles();
  for (const file of files) mocha.addFile(file);
  await mocha.loadFilesAsync();
  const failures: { title: string; message: string; stack: string }[] = [];
  const counts = { passed: 0, failed: 0, skipped: 0 };
  await new Promise<void>((resolve) => {
    mocha
      .run(() => resolve())
      .on('pass', () => counts.passed++)
      .on('pending', () => counts.skipped++)
      .on('fail', (test, error: Error) => {
        counts.failed++;
        failures.push({ title: test.fullTitle(), message: error.message, stack: error.stack ?? '' });
      });
  });
  const summary: HostSummary = { ...counts, failures, measurements: measurements() };
  const target = process.env.HPC_AGENT_TEST_SUMMARY;
  if (target !== undefined) await fs.writeFile(target, `${JSON.stringify(summary, null, 2)}\n`);
  if (counts.failed > 0) throw new Error(`${counts.failed} of ${counts.passed + counts.failed} tests failed.`);
  if (counts.passed === 0) throw new Error('No test ran.');
}
