/**
 * Drives VS Code's real user interface in a headless browser, as a person would: what is on screen is read, what can be
 * pressed is pressed. Every wait is for a condition.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { ActivityBar, Chat, Dialog, Editors, Notifications, StatusBar } from './driver/parts.ts';
import { Keyboard } from './driver/keyboard.ts';
import { QuickInput } from './driver/quickInput.ts';
import { Tree } from './driver/tree.ts';
import { Walkthrough } from './driver/walkthrough.ts';
import { patienceMs, until } from './driver/wait.ts';
import { resultsFolder, vsixFile } from './paths.ts';
import { isNoise, withoutNoise } from './noise.ts';
import { borrowBrowser, type BrowserLoan } from './browser.ts';
import { uncompressed, type BrowserContext, type Page } from './playwright.ts';
import { startEditor, type Editor, type EditorOptions } from './server.ts';

export type Theme = 'light' | 'dark' | 'hc';

/** Changes between light and dark without a menu, so that whatever is open stays open. */
const otherThemeKey = 'Control+Alt+Shift+F9';

/** A theme's id in the settings, its name in the list, and the class by which the workbench shows that it is in use. */
const themes: Readonly<Record<Theme, { readonly id: string; readonly label: string; readonly shown: string }>> = {
  light: { id: 'Light Modern', label: 'Light Modern', shown: 'vs' },
  dark: { id: 'Dark Modern', label: 'Dark Modern', shown: 'vs-dark' },
  hc: { id: 'Default High Contrast', label: 'Dark High Contrast', shown: 'hc-black' },
};

export interface WorkbenchOptions extends Partial<Omit<EditorOptions, 'folder'>> {
  readonly theme?: Theme;
  readonly viewport?: { readonly width: number; readonly height: number };
}

export class Workbench {
  readonly quickPick: QuickInput;
  /** The same widget under the name that fits a box. */
  readonly inputBox: QuickInput;
  readonly activityBar: ActivityBar;
  readonly notifications: Notifications;
  readonly dialog: Dialog;
  readonly statusBar: StatusBar;
  readonly editor: Editors;
  readonly chat: Chat;
  readonly walkthrough: Walkthrough;
  readonly keyboard: Keyboard;
  /** Errors of the page's console, for a failure's report. */
  readonly consoleErrors: string[] = [];

  constructor(
    readonly page: Page,
    readonly server: Editor,
    private readonly end: () => Promise<void>,
  ) {
    this.quickPick = new QuickInput(page);
    this.inputBox = this.quickPick;
    this.activityBar = new ActivityBar(page);
    this.notifications = new Notifications(page);
    this.dialog = new Dialog(page);
    this.statusBar = new StatusBar(page);
    this.editor = new Editors(page);
    this.chat = new Chat(page, (title) => this.runCommand(title));
    this.walkthrough = new Walkthrough(page);
    this.keyboard = new Keyboard(page);
    page.on('console', (message) => {
      if (message.type() === 'error' && !isNoise(message.text())) this.consoleErrors.push(message.text());
    });
    page.on('pageerror', (error) => this.consoleErrors.push(error.message));
  }

  /** Opens the palette and narrows it, without taking anything. */
  async openPalette(filter = ''): Promise<void> {
    await this.narrowed('F1', `>${filter}`);
  }

  /** Runs a command by its full title in the palette: `HPC Agent: New Sweep…`. */
  async runCommand(title: string): Promise<void> {
    await this.takeFrom('F1', `>${title}`, title);
  }

  /** Opens a file of the workspace by its name. */
  async openFile(name: string): Promise<void> {
    await this.takeFrom('Control+P', name, new RegExp(path.basename(name).replaceAll('.', '\\.')));
    await this.editor.waitFor(path.basename(name));
  }

  /** What opens by this key, with this text in it. It closes by itself when something else takes the focus: then once more. */
  private async narrowed(key: string, text: string): Promise<void> {
    await until(`the quick input with ${text}`, async () => {
      await this.page.keyboard.press(key);
      await this.quickPick.type(text, 3000);
      return await this.quickPick.isOpen();
    });
  }

  /**
   * An open palette does not learn of extensions that are still being loaded, and one that was just opened may be closed by an editor
   * that takes the focus late: it is opened again until the row is taken.
   */
  private async takeFrom(key: string, text: string, label: string | RegExp): Promise<void> {
    await until(`the row ${String(label)} by ${key}`, async () => {
      await this.narrowed(key, text);
      if (await this.quickPick.take(label, 3000)) return true;
      if (await this.quickPick.isOpen()) await this.quickPick.cancel();
      return false;
    });
  }

  /** The text on screen in the output panel, once it contains what is wanted. */
  async output(wanted: RegExp): Promise<string> {
    const lines = this.page.locator('.part.panel .output-view .view-lines, .part.panel .view-lines').first();
    return await until(`${String(wanted)} in the output panel`, async () => {
      const text = (await lines.innerText()).replace(/\u00a0/g, ' ');
      return wanted.test(text) ? text : undefined;
    });
  }

  tree(title: string): Tree {
    return new Tree(this.page, title);
  }

  /** Another window on the same server, with an extension host of its own; `folder` or the same workspace. Closed with this one. */
  async anotherWindow(folder?: string): Promise<Workbench> {
    const page = await this.page.context().newPage();
    const another = new Workbench(page, this.server, () => page.close());
    await usable(page, folder === undefined ? this.server.url : `http://${this.server.authority}/?folder=${encodeURIComponent(path.resolve(folder))}`);
    return another;
  }

  async setTheme(theme: Theme): Promise<void> {
    await this.runCommand('Preferences: Color Theme');
    await this.quickPick.step(/Color Theme/);
    await this.quickPick.filter(themes[theme].label, themes[theme].label);
    await this.quickPick.accept(themes[theme].label);
    await this.quickPick.closed();
    await this.themeShown(theme);
  }

  /** The other one of light and dark, by a key. */
  async toggleTheme(shown: 'light' | 'dark'): Promise<void> {
    await until(`the ${shown} theme`, async () => {
      // A key that comes while the window is busy with its start goes nowhere: look first, then press again.
      if (await this.themeShown(shown, 200).then(() => true, () => false)) return true;
      await this.page.keyboard.press(otherThemeKey);
      await this.themeShown(shown, 5000);
      return true;
    });
    // A window that is reloaded before the choice is written comes back as it was before.
    await until(`the ${shown} theme in the settings`, async () => (JSON.parse(await fs.readFile(this.server.settingsFile, 'utf8')) as Record<string, unknown>)['workbench.colorTheme'] === themes[shown].id);
  }

  async themeShown(theme: Theme, timeoutMs?: number): Promise<void> {
    const workbench = this.page.locator('.monaco-workbench').first();
    await until(`the ${theme} theme`, async () => ((await workbench.getAttribute('class')) ?? '').split(' ').includes(themes[theme].shown), timeoutMs);
  }

  /** Pictures the whole window into `test-results/screenshots/` and returns the file's name. */
  async screenshot(name: string): Promise<string> {
    const file = path.join(resultsFolder, 'screenshots', `${name}.png`);
    await fs.mkdir(path.dirname(file), { recursive: true });
    // Where nothing reacts to the pointer, so that no hover is in the picture.
    await this.page.mouse.move(1, 1);
    // One that is in sight goes by itself, but slowly.
    await until('the hover to go', async () => !(await this.page.locator('.workbench-hover').filter({ visible: true }).first().isVisible()), 5000).catch(() => undefined);
    await this.page.screenshot({ path: file, animations: 'disabled' });
    return file;
  }

  /**
   * Loads the window anew once the state of its editors that was written down says what is wanted. The editor writes it when the window is left
   * (else once a minute), and a browser without a screen never says that one is.
   */
  async reload(wanted: RegExp): Promise<void> {
    await this.page.evaluate<undefined>(`void (() => {
      Object.defineProperty(document, 'hasFocus', { value: () => false });
      document.dispatchEvent(new Event('visibilitychange'));
    })()`);
    await until(`${String(wanted)} in the state of the editors`, async () => {
      const state = await this.page.evaluate<string>(writtenState);
      if (wanted.test(state)) return true;
      throw new Error(`it is ${state}`);
    });
    await this.page.reload();
  }

  /** For an `afterEach`: leaves a picture and the server's last words when the test failed. */
  async report(test: { readonly state?: string; readonly title: string; fullTitle(): string } | undefined): Promise<void> {
    if (test?.state !== 'failed') return;
    const name = `failed-${test.fullTitle().replace(/[^\w-]+/g, '-')}`;
    console.error(`picture: ${await this.screenshot(name)}\npage errors:\n${this.consoleErrors.slice(-10).join('\n')}\nserver:\n${withoutNoise(this.server.output()).slice(-3000)}`);
  }

  async dispose(): Promise<void> {
    await this.end();
  }
}

function themeSettings(theme: Theme): Readonly<Record<string, unknown>> {
  return { 'workbench.colorTheme': themes[theme].id, 'workbench.preferredDarkColorTheme': themes.dark.id, 'workbench.preferredLightColorTheme': themes.light.id, 'window.autoDetectColorScheme': false, 'window.autoDetectHighContrast': false };
}

/**
 * What turns while something is awaited would be drawn by the processor, many times a second and as long as it is awaited: each animation ends
 * at its first round. By a style sheet of the script's own, which no policy of a page refuses.
 */
const stillPictures = `{
  const still = new CSSStyleSheet();
  still.replaceSync('*, ::before, ::after { animation-duration: 1ms !important; animation-iteration-count: 1 !important; }');
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, still];
}`;

/** What VS Code has written down of the open editors of this workspace. */
const writtenState = `(async () => {
  const answer = (request) => new Promise((resolve, reject) => { request.onsuccess = () => resolve(request.result); request.onerror = () => reject(request.error); });
  const found = [];
  for (const { name } of await indexedDB.databases()) {
    if (!name.startsWith('vscode-web-state-db-')) continue;
    const database = await answer(indexedDB.open(name));
    try {
      if (database.objectStoreNames.contains('ItemTable')) found.push(await answer(database.transaction('ItemTable').objectStore('ItemTable').get('memento/workbench.parts.editor')));
    } finally {
      database.close();
    }
  }
  return found.filter((value) => value !== undefined).join();
})()`;

async function usable(page: Page, url: string): Promise<void> {
  page.setDefaultTimeout(patienceMs);
  await page.goto(url, { timeout: 2 * patienceMs, waitUntil: 'domcontentloaded' });
  await page.locator('.monaco-workbench .part.statusbar').first().waitFor({ state: 'visible', timeout: 2 * patienceMs });
  await page.locator('.activitybar a.action-label').first().waitFor({ state: 'visible' });
}

/** Starts the editor with the packaged extension, opens `folder` in a browser and waits until the window is usable. */
export async function openWorkbench(folder: string, options: WorkbenchOptions = {}): Promise<Workbench> {
  const theme = options.theme ?? 'dark';
  const keybindings = [{ key: 'ctrl+alt+shift+f9', command: 'workbench.action.toggleLightDarkThemes' }];
  const server = await startEditor({ vsix: vsixFile, keybindings, ...options, folder, settings: { ...themeSettings(theme), ...options.settings } });
  let loan: BrowserLoan | undefined;
  let context: BrowserContext | undefined;
  const end = async (): Promise<void> => {
    await context?.close();
    await loan?.giveBack();
    await server.dispose();
  };
  try {
    loan = await borrowBrowser(options.log);
    context = await loan.browser.newContext({ viewport: options.viewport ?? { width: 1440, height: 900 }, colorScheme: theme === 'light' ? 'light' : 'dark', reducedMotion: 'reduce', extraHTTPHeaders: uncompressed });
    // The compiler that runs these files wraps named functions in a helper, which code sent to the page lacks.
    await context.addInitScript('globalThis.__name ??= (value) => value;');
    await context.addInitScript(stillPictures);
    const page = await context.newPage();
    const workbench = new Workbench(page, server, end);
    await usable(page, server.url);
    await workbench.themeShown(theme);
    return workbench;
  } catch (error) {
    await end();
    throw error;
  }
}
