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
  async isIn(selector: string, timeoutMs?: number): Promise<void> {
    await until(`the focus in ${selector}`, async () => {
      if (await this.page.evaluate<boolean>(`document.activeElement?.closest(${JSON.stringify(selector)}) != null`)) return true;
      throw new Error(`it is on ${(await this.focused()).slice(0, 120)}`);
    }, timeoutMs);
  }

  /** F1, the words that somebody would type, and Enter on the command that is meant. */
  async command(words: string, title: string): Promise<void> {
    const input = this.page.locator('.quick-input-widget input.input').first();
    // An open palette does not learn of extensions that are still being loaded: open it again until it has the command.
    await until(`the command ${title}`, async () => {
      await this.press('F1');
      await this.isIn('.quick-input-widget', 3000);
      await this.type(words);
      await until('the words in the palette', async () => (await input.inputValue()) === `>${words}`, 3000);
      const row = this.page.locator('.quick-input-list .monaco-list-row .label-name', { hasText: title }).first();
      if (await until(title, () => row.isVisible(), 3000).catch(() => false)) return true;
      await this.press('Escape');
      return false;
    });
    await this.goTo(new RegExp(title), 'ArrowDown', 10);
    await this.press('Enter');
  }

  /** In the walkthrough, which has the focus: by arrows to the step, by Tab to its button or link, and Enter. */
  async pressStep(title: string, button: string): Promise<void> {
    const open = '.gettingStartedContainer .getting-started-step.expanded';
    await this.isIn(open);
    // Where the focus is among the steps, and where it shall be.
    const at = (): Promise<readonly [number, number]> => this.page.evaluate(`(() => {
      const steps = [...document.querySelectorAll('.gettingStartedContainer .getting-started-step')];
      return [steps.findIndex((step) => step.classList.contains('expanded') && step.contains(document.activeElement)), steps.findIndex((step) => step.querySelector('.step-title')?.textContent.trim() === ${JSON.stringify(title)})];
    })()`);
    await until(`the step ${title} to have the focus`, async () => {
      const [here, wanted] = await at();
      if (here === wanted) return true;
      if (here < 0 || wanted < 0) return false;
      await this.press(here < wanted ? 'ArrowDown' : 'ArrowUp');
      await until('the next step', async () => (await at())[0] === here + Math.sign(wanted - here), 3000);
      return false;
    });
    await this.goTo(new RegExp(`^${button}$`), 'Tab', 6);
    await this.press('Enter');
  }
}
