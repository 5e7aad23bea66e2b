/**
 * The browser in which the windows are opened. Its start costs as much as a window: a process that runs several suites keeps one for all of them.
 *
 * Rule: only the program is shared. Each window has a context of its own, so that nothing that a page keeps is there for the next suite.
 */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { launchBrowser, type Browser } from './playwright.ts';
import { ensureBrowser, ensureEditor, type Say } from './setup.ts';

export interface BrowserLoan {
  readonly browser: Browser;
  /** Ends the browser, unless it is kept for others. */
  giveBack(): Promise<void>;
}

let isKept = false;
let kept: BrowserLoan | undefined;

async function start(log: Say | undefined): Promise<BrowserLoan> {
  const home = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-agent-browser-'));
  const removeHome = (): Promise<void> => fs.rm(home, { recursive: true, force: true, maxRetries: 5 });
  try {
    const browser = await launchBrowser((await ensureEditor()).playwright, await ensureBrowser(log), { PATH: process.env.PATH ?? '', HOME: home });
    const giveBack = async (): Promise<void> => {
      await browser.close();
      await removeHome();
    };
    return { browser, giveBack };
  } catch (error) {
    await removeHome();
    throw error;
  }
}

export async function borrowBrowser(log?: Say): Promise<BrowserLoan> {
  if (!isKept) return start(log);
  if (kept?.browser.isConnected() !== true) {
    // One that broke down takes nobody with it but those who had it.
    await kept?.giveBack().catch(() => undefined);
    kept = await start(log);
  }
  return { browser: kept.browser, giveBack: () => Promise.resolve() };
}

/** From now on one browser is for all windows of this process; the function that is returned ends it. */
export function keepBrowser(): () => Promise<void> {
  isKept = true;
  return async () => {
    isKept = false;
    await kept?.giveBack();
    kept = undefined;
  };
}
