/** Runs the test files named in its arguments with mocha and tells its parent each result over the message channel. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { inspect } from 'node:util';
import Mocha from 'mocha';

export type MochaMessage =
  | { readonly kind: 'start'; readonly total: number }
  | { readonly kind: 'pass'; readonly title: string; readonly ms: number }
  | { readonly kind: 'pending'; readonly title: string }
  | { readonly kind: 'fail'; readonly title: string; readonly text: string }
  | { readonly kind: 'crash'; readonly text: string }
  | { readonly kind: 'end' };

const tell = (message: MochaMessage): Promise<void> => new Promise((resolve) => (process.send ? process.send(message, undefined, {}, () => resolve()) : resolve()));

/** The error with its causes, without the frames of the test framework. */
function describe(error: unknown): string {
  return inspect(error, { depth: 4, breakLength: 160 })
    .split('\n')
    .filter((line) => !/^\s+at .*(node_modules\/mocha|node:internal)/.test(line))
    .join('\n')
    .slice(0, 8000);
}

const settings = JSON.parse(readFileSync(path.resolve('.mocharc.json'), 'utf8')) as { timeout: number };
const mocha = new Mocha({ ui: 'bdd', timeout: settings.timeout, forbidOnly: true, forbidPending: true, color: false, reporter: class {} as never });
for (const file of process.argv.slice(2)) mocha.addFile(path.resolve(file));
try {
  await mocha.loadFilesAsync();
  await new Promise<void>((resolve) => {
    const runner = mocha.run(() => resolve());
    void tell({ kind: 'start', total: runner.total });
    runner.on('pass', (test) => void tell({ kind: 'pass', title: test.fullTitle(), ms: test.duration ?? 0 }));
    runner.on('pending', (test) => void tell({ kind: 'pending', title: test.fullTitle() }));
    runner.on('fail', (test, error: unknown) => void tell({ kind: 'fail', title: test.fullTitle(), text: describe(error) }));
  });
  await tell({ kind: 'end' });
} catch (error) {
  await tell({ kind: 'crash', text: describe(error) });
  process.exitCode = 1;
}
// The channel would keep this process alive; anything else that does is the tests' own fault and is found out.
process.disconnect?.();
