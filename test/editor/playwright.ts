/**
 * The part of playwright-core that the tests use, as types. The package itself lies in the cache folder, not among the
 * dependencies, so its own types are not there when the code is checked.
 */
import { pathToFileURL } from 'node:url';

export interface Locator {
  click(options?: { button?: 'left' | 'right'; timeout?: number; force?: boolean; modifiers?: readonly string[] }): Promise<void>;
  dblclick(): Promise<void>;
  boundingBox(): Promise<{ readonly x: number; readonly y: number; readonly width: number; readonly height: number } | null>;
  hover(options?: { timeout?: number }): Promise<void>;
  fill(text: string, options?: { timeout?: number }): Promise<void>;
  press(key: string): Promise<void>;
  focus(): Promise<void>;
  count(): Promise<number>;
  first(): Locator;
  last(): Locator;
  nth(index: number): Locator;
  locator(selector: string, options?: { hasText?: string | RegExp; has?: Locator }): Locator;
  filter(options: { hasText?: string | RegExp; has?: Locator; visible?: boolean }): Locator;
  isVisible(): Promise<boolean>;
  getAttribute(name: string): Promise<string | null>;
  innerText(): Promise<string>;
  inputValue(): Promise<string>;
  evaluate<T>(code: (element: PageElement) => T): Promise<T>;
  evaluateAll<T>(code: (elements: readonly PageElement[]) => T): Promise<T>;
  waitFor(options?: { state?: 'attached' | 'detached' | 'visible' | 'hidden'; timeout?: number }): Promise<void>;
  screenshot(options?: { path?: string }): Promise<Uint8Array>;
}

/** A DOM element as seen by code that runs inside the page. */
export interface PageElement {
  readonly innerText: string;
  readonly textContent: string | null;
  readonly className: string;
  readonly offsetTop: number;
  getAttribute(name: string): string | null;
  querySelector(selector: string): PageElement | null;
  querySelectorAll(selector: string): ArrayLike<PageElement>;
  getBoundingClientRect(): { readonly top: number; readonly left: number; readonly width: number; readonly height: number };
}

export interface Frame {
  url(): string;
  locator(selector: string, options?: { hasText?: string | RegExp; has?: Locator }): Locator;
  evaluate<T>(code: string): Promise<T>;
}

export interface Page extends Frame {
  goto(url: string, options?: { timeout?: number; waitUntil?: 'load' | 'domcontentloaded' }): Promise<unknown>;
  reload(): Promise<unknown>;
  context(): BrowserContext;
  frames(): readonly Frame[];
  keyboard: { press(key: string): Promise<void>; type(text: string): Promise<void> };
  mouse: { move(x: number, y: number, options?: { steps?: number }): Promise<void>; down(): Promise<void>; up(): Promise<void> };
  screenshot(options: { path?: string; animations?: 'disabled' | 'allow' }): Promise<Uint8Array>;
  setViewportSize(size: { width: number; height: number }): Promise<void>;
  exposeFunction(name: string, handler: (...args: readonly unknown[]) => unknown): Promise<void>;
  addInitScript(code: string): Promise<void>;
  on(event: 'console', listener: (message: { type(): string; text(): string }) => void): void;
  on(event: 'pageerror', listener: (error: Error) => void): void;
  on(event: 'crash' | 'close', listener: () => void): void;
  close(): Promise<void>;
  setDefaultTimeout(ms: number): void;
}

export interface BrowserContext {
  newPage(): Promise<Page>;
  close(): Promise<void>;
  addInitScript(code: string): Promise<void>;
}

export interface Browser {
  newContext(options?: { viewport?: { width: number; height: number }; colorScheme?: 'light' | 'dark'; reducedMotion?: 'reduce'; extraHTTPHeaders?: Readonly<Record<string, string>> }): Promise<BrowserContext>;
  newPage(options?: { viewport?: { width: number; height: number }; deviceScaleFactor?: number; colorScheme?: 'light' | 'dark'; extraHTTPHeaders?: Readonly<Record<string, string>> }): Promise<Page>;
  isConnected(): boolean;
  close(): Promise<void>;
  startTracing(page: Page, options: { categories: readonly string[] }): Promise<void>;
  /** The trace as JSON. */
  stopTracing(): Promise<Uint8Array>;
}

interface Playwright {
  readonly chromium: {
    launch(options: { executablePath: string; args: readonly string[]; headless: boolean; timeout: number; env?: Readonly<Record<string, string>> }): Promise<Browser>;
  };
}

/** For the editor's server: to compress its 20 MB costs it more than to read them costs the page, and they go no further than this machine. */
export const uncompressed: Readonly<Record<string, string>> = { 'accept-encoding': 'identity' };

/** Starts a headless browser; it ends with this process. */
export async function launchBrowser(playwrightFile: string, executablePath: string, env: Readonly<Record<string, string>>): Promise<Browser> {
  const { chromium } = (await import(pathToFileURL(playwrightFile).href)) as Playwright;
  return await chromium.launch({
    executablePath,
    headless: true,
    timeout: 120_000,
    env,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
  });
}
