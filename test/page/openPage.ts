/**
 * The built page in a real browser without VS Code: the product's own frame and policy, a host made of a function, VS Code's theme
 * variables, axe-core and pictures. The page's memory survives `reload`, as in VS Code.
 *
 * Rule: typed arrays go through (`Uint8Array` and the like), as they do in VS Code.
 */
import * as fs from 'node:fs/promises';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import * as path from 'node:path';
import { pageHtml } from '../../src/surfaces/vscode/dashboard/pageHtml.ts';
import type { ToHost, ToPage } from '../../webview/protocol.ts';
import { until } from '../editor/driver/wait.ts';
import { resultsFolder, root } from '../editor/paths.ts';
import { launchBrowser, type Browser, type Page } from '../editor/playwright.ts';
import { ensureBrowser, ensureEditor } from '../editor/setup.ts';
import { bodyClasses, themeVariables, type ThemeName } from './themes.ts';

export interface PageOptions {
  readonly theme?: ThemeName;
  readonly viewport?: { readonly width: number; readonly height: number };
  /** The host: called with each message of the page. */
  readonly host: (message: ToHost, post: (message: ToPage) => Promise<void>) => void | Promise<void>;
}

export interface AxeViolation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly string[];
}

/** Below the limit of a test, so that a failure names what was not said. */
const saidWithinMs = 30_000;

export class OpenPage {
  readonly received: ToHost[] = [];
  /** Errors of the console and of scripts: refused by the policy, thrown, warned. A test ends with none. */
  readonly errors: string[] = [];

  constructor(readonly page: Page) {}

  async post(message: ToPage): Promise<void> {
    await this.page.evaluate(`window.hostSays(${JSON.stringify(message, packed)})`);
  }

  /** Waits for a message of the page. */
  async heard<Type extends ToHost['type']>(type: Type, fits: (message: Extract<ToHost, { type: Type }>) => boolean = () => true): Promise<Extract<ToHost, { type: Type }>> {
    return until(`the page says ${type}`, () => Promise.resolve(this.received.find((message): message is Extract<ToHost, { type: Type }> => message.type === type && fits(message as Extract<ToHost, { type: Type }>))), saidWithinMs);
  }

  async setTheme(theme: ThemeName): Promise<void> {
    await this.page.evaluate(themeScript(theme));
  }

  async axe(): Promise<readonly AxeViolation[]> {
    await this.page.evaluate(await fs.readFile(path.join(root, 'node_modules', 'axe-core', 'axe.min.js'), 'utf8'));
    const { violations } = await this.page.evaluate<{ violations: readonly { id: string; help: string; nodes: readonly { html: string; failureSummary: string }[] }[] }>('axe.run(document, { resultTypes: ["violations"] })');
    return violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map(({ html, failureSummary }) => `${html} — ${failureSummary}`) }));
  }

  /** Into test-results/page/. */
  async picture(name: string): Promise<void> {
    await this.page.screenshot({ path: path.join(resultsFolder, 'page', `${name}.png`), animations: 'disabled' });
  }
}

export interface PageStage {
  open(options: PageOptions): Promise<OpenPage>;
  /** What the browser's own tracing says of what happens meanwhile. */
  trace(page: OpenPage, body: () => Promise<unknown>): Promise<readonly unknown[]>;
  close(): Promise<void>;
}

/** A browser and a server for pages; both end with `close`. */
export async function openStage(): Promise<PageStage> {
  const [{ playwright }, executable] = [await ensureEditor(), await ensureBrowser()];
  await fs.access(path.join(root, 'dist', 'webview.js')).catch(() => {
    throw new Error('There is no dist/webview.js: `npm run build` first.');
  });
  await fs.mkdir(path.join(resultsFolder, 'page'), { recursive: true });
  const server = http.createServer((request, response) => void serve(request, response, `http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const browser: Browser = await launchBrowser(playwright, executable, {});
  return {
    async open({ theme = 'dark', viewport = { width: 1280, height: 860 }, host }) {
      const page = await browser.newPage({ viewport, colorScheme: theme === 'light' ? 'light' : 'dark' });
      const open = new OpenPage(page);
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) open.errors.push(message.text());
      });
      page.on('pageerror', (error) => open.errors.push(error.message));
      await page.exposeFunction('toHost', (text) => {
        const message = JSON.parse(String(text)) as ToHost;
        open.received.push(message);
        if (message.type === 'defect') open.errors.push(`${message.message}\n${message.stack}`);
        void host(message, (answer) => open.post(answer));
      });
      await page.addInitScript(`(${vscodeApi})();`);
      await page.addInitScript(`document.addEventListener('DOMContentLoaded', () => { ${themeScript(theme)} });`);
      await page.goto(`${origin}/`);
      return open;
    },
    async trace({ page }, body) {
      await browser.startTracing(page, { categories: ['devtools.timeline', 'blink.user_timing', 'toplevel'] });
      await body();
      const text = Buffer.from(await browser.stopTracing()).toString('utf8');
      return (JSON.parse(text) as { traceEvents: readonly unknown[] }).traceEvents;
    },
    async close() {
      await browser.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function serve(request: http.IncomingMessage, response: http.ServerResponse, origin: string): Promise<void> {
  const name = request.url ?? '/';
  if (name === '/') {
    response.setHeader('content-type', 'text/html; charset=utf-8').end(pageHtml({ nonce: 'page', cspSource: origin, language: 'en', script: `${origin}/webview.js`, style: `${origin}/webview.css` }));
    return;
  }
  const types: Readonly<Record<string, string>> = { '/webview.js': 'text/javascript; charset=utf-8', '/webview.css': 'text/css; charset=utf-8' };
  const type = types[name];
  if (type === undefined) response.writeHead(name === '/favicon.ico' ? 204 : 404).end();
  else response.setHeader('content-type', type).end(await fs.readFile(path.join(root, 'dist', name)));
}

/** Runs in the page before its own script. */
const vscodeApi = `function () {
  const revive = (name, value) => {
    if (value === null || typeof value !== 'object' || typeof value.$array !== 'string') return value;
    const bytes = Uint8Array.from(atob(value.base64), (letter) => letter.charCodeAt(0));
    return new globalThis[value.$array](bytes.buffer);
  };
  window.hostSays = (message) => window.postMessage(JSON.parse(JSON.stringify(message), revive), '*');
  window.acquireVsCodeApi = () => ({
    postMessage: (message) => void window.toHost(JSON.stringify(message)),
    getState: () => JSON.parse(sessionStorage.getItem('state') ?? 'null') ?? undefined,
    setState: (state) => sessionStorage.setItem('state', JSON.stringify(state)),
  });
}`;

function packed(_name: string, value: unknown): unknown {
  if (!ArrayBuffer.isView(value) || value instanceof DataView) return value;
  return { $array: value.constructor.name, base64: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
}

function themeScript(theme: ThemeName): string {
  return `(() => {
    const variables = ${JSON.stringify(themeVariables(theme))};
    for (const name of [...document.documentElement.style].filter((name) => name.startsWith('--vscode-'))) document.documentElement.style.removeProperty(name);
    for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty(name, value);
    document.body.className = ${JSON.stringify(bodyClasses[theme])};
    document.body.dataset.vscodeThemeKind = ${JSON.stringify(bodyClasses[theme])};
  })()`;
}
