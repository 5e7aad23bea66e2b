/**
 * The whole proof in one command (`npm test`). The last line is `N passed, N failed, N skipped`, alone; the exit status is 0
 * only when nothing failed.
 *
 *   npm test                      everything
 *   npm test -- unit contract     these kinds, with the set-up that they need
 *   npm test -- editor:ui:smoke   one suite
 *   npm test -- --list            the names
 *
 * Rule: what was started is ended, whatever happens: each suite's process group, and the sandbox.
 */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../src/foundation/errors.ts';
import { pathToPython } from './runner/machine.ts';
import { machineTimes } from './runner/processors.ts';
import { schedule, select } from './runner/schedule.ts';
import { allSuites } from './runner/suites.ts';
import type { Outcome, Suite } from './runner/suite.ts';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
process.env.PATH = await pathToPython(process.env.PATH ?? '');
// A sandbox of our own: what breaks things here must not break them for whoever keeps the common one running.
const sandboxDirectory = `/var/tmp/hpc-agent-test-${process.pid}`;
process.env.HPC_AGENT_SANDBOX = sandboxDirectory;
const logFolder = path.join(root, 'test-results', 'logs');

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort(new Error('by an interrupt')));

/** Processor time of each suite's programs. */
const spentBy = new Map<string, number>();
const total = { passed: 0, failed: 0, skipped: 0 };
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const indented = (text: string): string => text.trimEnd().split('\n').map((line) => `      ${line}`).join('\n');

function report(suite: Suite, outcome: Outcome, ms: number): void {
  total.passed += outcome.passed;
  total.failed += outcome.failed;
  total.skipped += outcome.skipped;
  const counts = [`${outcome.passed} passed`, ...(outcome.failed > 0 ? [`${outcome.failed} failed`] : []), ...(outcome.skipped > 0 ? [`${outcome.skipped} skipped`] : [])].join(', ');
  say(`${outcome.failed > 0 ? '✗' : '✓'} ${suite.name.padEnd(26)} ${counts.padEnd(24)} ${seconds(ms).padStart(8)} ${`${(spentBy.get(suite.name) ?? 0).toFixed(0)} s`.padStart(6)}${outcome.note === undefined || outcome.note === '' ? '' : `   ${outcome.note}`}`);
  for (const { title, text } of outcome.failures) say(`    ${title}\n${indented(text)}`);
}

async function run(suite: Suite): Promise<Outcome> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error(`at its limit of ${suite.limitMinutes} minutes`)), suite.limitMinutes * 60_000);
  const signal = AbortSignal.any([interrupt.signal, limit.signal]);
  const stopped = new Promise<never>((_, reject) => signal.addEventListener('abort', () => {
    // Suites that run programs end them and tell what they know; only one that does not listen is given up.
    setTimeout(() => reject(signal.reason as Error), 30_000).unref();
  }, { once: true }));
  stopped.catch(() => undefined);
  try {
    return await Promise.race([suite.run({ signal, logFile: path.join(logFolder, `${suite.name.replaceAll(':', '-')}.log`), spent: (more) => void spentBy.set(suite.name, (spentBy.get(suite.name) ?? 0) + more) }), stopped]);
  } finally {
    clearTimeout(timer);
  }
}

async function main(words: readonly string[]): Promise<void> {
  const suites = allSuites({ root, sandboxDirectory });
  if (words.includes('--list')) {
    say(suites.map(({ name }) => name).join('\n'));
    return;
  }
  let chosen: readonly Suite[];
  try {
    chosen = select(suites, words);
  } catch (error) {
    say(messageOf(error));
    total.failed += 1;
    return;
  }
  for (const suite of chosen) suite.expect?.();
  await fs.rm(logFolder, { recursive: true, force: true });
  await fs.mkdir(logFolder, { recursive: true });
  // One more than cores: what waits for a scheduler or a page leaves its core to others. Two more were no quicker here, and all that waits for an answer waited longer.
  const places = Math.min(4, os.availableParallelism() + 1);
  const startedMs = performance.now();
  const running = new Map<string, number>();
  // Whether more at once, or less work, would make the whole shorter.
  const atStart = machineTimes();
  const heartbeat = setInterval(() => say(`  still running: ${[...running].map(([name, since]) => `${name} (${((performance.now() - since) / 1000).toFixed(0)} s)`).join(', ')}`), 60_000);
  try {
    await schedule(chosen, {
      places,
      signal: interrupt.signal,
      run: async (suite) => {
        running.set(suite.name, performance.now());
        return run(suite).finally(() => running.delete(suite.name));
      },
      done: report,
    });
  } finally {
    clearInterval(heartbeat);
    const { stopSandbox } = await import('./sandbox/sandbox.ts');
    const { stopGridEngine } = await import('./sandbox/gridEngine.ts');
    for (const stop of [() => stopSandbox({ stateDirectory: sandboxDirectory, purge: true }), () => stopGridEngine({ stateDirectory: `${sandboxDirectory}-grid`, purge: true })]) {
      await stop().catch((error: unknown) => {
        total.failed += 1;
        say(`✗ the sandbox could not be stopped: ${String(error)}`);
      });
    }
  }
  const atEnd = machineTimes();
  const busy = atEnd.busySeconds - atStart.busySeconds;
  const share = (part: number): string => `${Math.round((100 * part) / Math.max(1, atEnd.allSeconds - atStart.allSeconds))} %`;
  const spent = [...spentBy.values()].reduce((sum, one) => sum + one, 0);
  say(
    `${chosen.length} suites in ${seconds(performance.now() - startedMs)}; processors ${share(busy)} busy, ${share(atEnd.diskSeconds - atStart.diskSeconds)} waiting for a disk; ` +
      `${spent.toFixed(0)} of ${busy.toFixed(0)} busy seconds in the suites' programs (second column), the rest in daemons; their output: ${path.relative(root, logFolder)}/`,
  );
  if (total.passed === 0 && total.failed === 0) total.failed += 1;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  total.failed += 1;
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
}
if (!process.argv.includes('--list')) say(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
// Output to a pipe is written synchronously on POSIX systems; a library's forgotten timer must not hold the result back.
process.exit(total.failed > 0 ? 1 : 0);
