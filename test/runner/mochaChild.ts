/**
 * Runs the test files named in its arguments with mocha and tells its parent each result over the message channel. Without arguments it runs
 * what the parent orders, suite after suite, with one browser for all of them, until it orders nothing or goes away.
 */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { inspect } from 'node:util';
import Mocha from 'mocha';
import type { MochaMessage, MochaOrder } from './mochaMessages.ts';
import { reapedSeconds } from './processors.ts';

const tell = (message: MochaMessage): Promise<void> => new Promise((resolve) => (process.send ? process.send(message, undefined, {}, () => resolve()) : resolve()));

/** The error with its causes, without the frames of the test framework. */
function describe(error: unknown): string {
  return inspect(error, { depth: 4, breakLength: 160 })
    .split('\n')
    .filter((line) => !/^\s+at .*(node_modules\/mocha|node:internal)/.test(line))
    .join('\n')
    .slice(0, 8000);
}

let reaped = 0;
function spentSeconds(): number {
  const { user, system } = process.cpuUsage();
  reaped += reapedSeconds();
  return (user + system) / 1e6 + reaped;
}

const settings = JSON.parse(readFileSync(path.resolve('.mocharc.json'), 'utf8')) as { timeout: number };

async function runFiles(files: readonly string[]): Promise<boolean> {
  const mocha = new Mocha({ ui: 'bdd', timeout: settings.timeout, forbidOnly: true, forbidPending: true, color: false, reporter: class {} as never });
  for (const file of files) mocha.addFile(path.resolve(file));
  try {
    await mocha.loadFilesAsync();
    await new Promise<void>((resolve) => {
      const runner = mocha.run(() => resolve());
      void tell({ kind: 'start', total: runner.total });
      runner.on('pass', (test) => void tell({ kind: 'pass', title: test.fullTitle(), ms: test.duration ?? 0 }));
      runner.on('pending', (test) => void tell({ kind: 'pending', title: test.fullTitle() }));
      runner.on('fail', (test, error: unknown) => void tell({ kind: 'fail', title: test.fullTitle(), text: describe(error) }));
    });
    return true;
  } catch (error) {
    await tell({ kind: 'crash', text: describe(error) });
    return false;
  }
}

/** The next order; nothing when the parent wants no more or is gone. */
function nextOrder(): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const finish = (files: readonly string[]): void => {
      process.off('message', onMessage).off('disconnect', onDisconnect);
      resolve(files);
    };
    const onMessage = ({ files }: MochaOrder): void => finish(files);
    const onDisconnect = (): void => finish([]);
    process.on('message', onMessage).on('disconnect', onDisconnect);
  });
}

const files = process.argv.slice(2);
if (files.length > 0) {
  if (await runFiles(files)) await tell({ kind: 'end', spentSeconds: spentSeconds() });
  else process.exitCode = 1;
} else {
  // The parent's end while tests run is this process's, too: what they started watches for that.
  process.on('disconnect', () => setTimeout(() => process.exit(1), 10_000).unref());
  const { keepBrowser } = await import('../editor/browser.ts');
  const endBrowser = keepBrowser();
  for (let ordered = await nextOrder(); ordered.length > 0; ordered = await nextOrder()) {
    console.log(`— ${ordered.join(' ')}`);
    await runFiles(ordered);
    await tell({ kind: 'end', spentSeconds: spentSeconds() });
  }
  await endBrowser();
}
// The channel would keep this process alive; anything else that does is the tests' own fault and is found out.
if (process.connected) process.disconnect();
