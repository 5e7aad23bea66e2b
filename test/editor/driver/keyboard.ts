/** Somebody who has no mouse: goes on with Tab until what is wanted has the focus, in the window or in a page inside it. */
import type { Page } from '../playwright.ts';
import { plain, until } from './wait.ts';

/** Runs in each frame: what has the focus there, said as a screen reader would; nothing where a frame inside has it. */
const focusedHere = `(() => {
  if (!document.hasFocus()) return '';
  let active = document.activeElement;
  if (!active || active.tagName === 'IFRAME' || active === document.body) return '';
  const list = active.getAttribute('aria-activedescendant');
  if (list && document.getElementById(list)) active = document.getElementById(list);
  return active.getAttribute('aria-label') || active.textContent || active.getAttribute('placeholder') || active.tagName;
})()`;

export class Keyboard {
  constructor(private readonly page: Page) {}

  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text);
  }

  async focused(): Promise<string> {
    for (const frame of this.page.frames()) {
      const text = plain(await frame.evaluate<string>(focusedHere).catch(() => ''));
      if (text !== '') return text;
    }
    return '';
  }

  /** Presses the key until what has the focus is called so; says where it went otherwise. */
  async goTo(wanted: RegExp, key = 'Tab', atMost = 80): Promise<void> {
    const seen: string[] = [];
    for (let presses = 0; presses <= atMost; presses += 1) {
      const here = await this.focused();
      if (wanted.test(here)) return;
      seen.push(here.slice(0, 60));
      await this.page.keyboard.press(key);
    }
    throw new Error(`${key} does not lead to ${String(wanted)}, but to ${JSON.stringify(seen)}`);
  }

  /** Waits until this part of the window has the focus by itself: after it was opened, say. */
  async isIn(selector: string): Promise<void> {
    await until(`the focus in ${selector}`, async () => {
      if (await this.page.evaluate<boolean>(`document.activeElement?.closest(${JSON.stringify(selector)}) != null`)) return true;
      throw new Error(`it is on ${(await this.focused()).slice(0, 120)}`);
    });
  }
}
