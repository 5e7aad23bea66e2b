/**
 * Stands in for the desktop program in `runTests({ vscodeExecutablePath })`: takes the same flags, starts real VS Code as a
 * server, opens it in a headless browser, lets its extension host run the test suite, and exits with the suite's result.
 *
 * `esbuild` bundles it to `out/editor/vscode-executable.mjs`, with a hashbang.
 */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { format } from 'node:util';
import { isNoise, withoutNoise } from './noise.ts';
import { launchBrowser, uncompressed, type Page } from './playwright.ts';
import { startEditor } from './server.ts';
import { ensureBrowser, ensureEditor } from './setup.ts';

/** A suite that neither ends nor fails is ended here, a little before a CI job would be. */
const suiteTimeoutMs = Number(process.env.HPC_AGENT_SUITE_TIMEOUT_MS ?? 15 * 60_000);

function flag(name: string): string | undefined {
  const prefix = `--${name}=`;
  return process.argv.find((arg) => arg.startsWith(prefix))?.slice(prefix.length);
}

/** What the extension host prints arrives as console calls: a format and its values. */
function printed(args: unknown): string {
  const values: readonly unknown[] = Array.isArray(args) ? args : [args];
  return format(...values).replace(/%c/g, '');
}

/** Resolves with the suite's exit code. The functions must be there before the page loads. */
async function suiteResult(page: Page): Promise<{ readonly result: Promise<number> }> {
  let finish: (code: number) => void = () => undefined;
  const result = new Promise<number>((resolve) => (finish = resolve));
  await page.exposeFunction('codeAutomationExit', (code) => finish(Number(code)));
  await page.exposeFunction('codeAutomationLog', (type, args) => {
    const line = printed(args);
    if (!isNoise(line)) (type === 'error' ? console.error : console.log)(line);
  });
  page.on('crash', () => {
    console.error('The browser page crashed.');
    finish(1);
  });
  const timer = setTimeout(() => {
    console.error(`The suite did not end within ${suiteTimeoutMs / 1000} s.`);
    finish(1);
  }, suiteTimeoutMs);
  void result.then(() => clearTimeout(timer));
  return { result };
}

async function main(): Promise<number> {
  const development = flag('extensionDevelopmentPath');
  const tests = flag('extensionTestsPath');
  if (development === undefined || tests === undefined) throw new Error('Needs --extensionDevelopmentPath= and --extensionTestsPath=.');
  const temp = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-agent-suite-'));
  try {
    const folder = process.argv.slice(2).find((arg) => !arg.startsWith('-')) ?? temp;
    const editor = await startEditor({ folder, testDriver: true, log: console.log, ...(process.env.HPC_AGENT_PEER === undefined ? {} : { vsix: process.env.HPC_AGENT_PEER }) });
    try {
      const browser = await launchBrowser((await ensureEditor()).playwright, await ensureBrowser(console.log), { PATH: process.env.PATH ?? '', HOME: path.join(editor.temp, 'browser') });
      try {
        const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, extraHTTPHeaders: uncompressed });
        const { result } = await suiteResult(page);
        const remote = (file: string): string => `vscode-remote://${editor.authority}${encodeURI(path.resolve(file))}`;
        const payload = [
          ['extensionDevelopmentPath', remote(development)],
          ['extensionTestsPath', remote(tests)],
        ];
        await page.goto(`${editor.url}&payload=${encodeURIComponent(JSON.stringify(payload))}`, { timeout: 120_000, waitUntil: 'domcontentloaded' });
        const code = await result;
        if (code !== 0) console.error(`The suite failed (${code}). The server's last words:\n${withoutNoise(editor.output()).slice(-4000)}`);
        return code;
      } finally {
        await browser.close();
      }
    } finally {
      await editor.dispose();
    }
  } finally {
    await fs.rm(temp, { recursive: true, force: true, maxRetries: 5 });
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
