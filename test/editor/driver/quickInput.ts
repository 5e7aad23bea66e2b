/**
 * Quick picks and input boxes: in VS Code both are the one widget at the top.
 *
 * The rows are a virtual list: `values()` sees the rows on screen (about 20), so narrow longer lists with `filter()` first.
 */
import type { Locator, Page } from '../playwright.ts';
import { labelled, patienceMs, plain, until, wholeText } from './wait.ts';

export interface QuickPickRow {
  readonly label: string;
  readonly description: string;
  readonly detail: string;
  readonly separator: string;
  readonly checked: boolean;
  readonly focused: boolean;
}

export class QuickInput {
  private readonly widget: Locator;
  private readonly input: Locator;

  constructor(private readonly page: Page) {
    this.widget = page.locator('.quick-input-widget').first();
    this.input = this.widget.locator('.quick-input-filter input, .quick-input-box input').first();
  }

  async isOpen(): Promise<boolean> {
    return await this.widget.isVisible();
  }

  /** Waits until a step is open: with this title, or with this text as placeholder or prompt. */
  async step(wanted?: string | RegExp, timeoutMs = patienceMs): Promise<void> {
    await until(`the quick input ${wanted === undefined ? '' : String(wanted)}`, async () => {
      if (!(await this.isOpen())) return false;
      if (wanted === undefined) return true;
      const texts = [await this.title(), await this.placeholder(), await this.message()];
      return texts.some((text) => (typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text)));
    }, timeoutMs);
  }

  async title(): Promise<string> {
    const title = this.widget.locator('.quick-input-title').first();
    return (await title.isVisible()) ? plain(await title.innerText()) : '';
  }

  async placeholder(): Promise<string> {
    return plain(await this.input.getAttribute('placeholder'));
  }

  /** The line under the input: a prompt, or what is wrong with the value. */
  async message(): Promise<string> {
    const message = this.widget.locator('.quick-input-message').first();
    return (await message.isVisible()) ? plain(await message.innerText()) : '';
  }

  async value(): Promise<string> {
    return await this.input.inputValue();
  }

  /** Types the filter of a pick or the value of a box, in place of what is there. */
  async type(text: string, timeoutMs = patienceMs): Promise<void> {
    await this.step(undefined, timeoutMs);
    await this.input.fill(text, { timeout: timeoutMs });
  }

  /** Types the filter and waits for a row whose label matches. */
  async filter(text: string, label?: string | RegExp): Promise<void> {
    await this.type(text);
    if (label !== undefined) await this.row(label);
  }

  async values(): Promise<readonly QuickPickRow[]> {
    return await this.widget.locator('.quick-input-list .monaco-list-row').evaluateAll((rows) => {
      const text = (row: (typeof rows)[number], selector: string): string => (row.querySelector(selector)?.textContent ?? '').replace(/\u00a0/g, ' ').trim();
      return [...rows]
        .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
        .map((row) => ({
          label: text(row, '.quick-input-list-label .label-name') || text(row, '.label-name'),
          description: text(row, '.label-description'),
          detail: text(row, '.quick-input-list-label-meta'),
          separator: text(row, '.quick-input-list-separator'),
          checked: row.querySelector('[aria-checked="true"]') !== null || row.querySelector('.quick-input-list-entry-checkbox.checked, .monaco-checkbox.checked, .codicon-check') !== null,
          focused: row.className.includes('focused'),
        }));
    });
  }

  /** Takes the row with this label if it is there within the time; false when it is not, or when the pick was closed before it could be taken. */
  async take(label: string | RegExp, timeoutMs: number): Promise<boolean> {
    const row = this.rowLabelled(label);
    const isThere = await until(`the row ${String(label)}`, () => row.isVisible(), timeoutMs).catch(() => false);
    return isThere && (await row.locator('.label-name').first().click({ timeout: timeoutMs }).then(() => true, () => false));
  }

  /** Found by its text again at the moment of the press: the list may still be moving. */
  private rowLabelled(label: string | RegExp): Locator {
    return this.widget.locator('.quick-input-list .monaco-list-row', { has: this.page.locator('.label-name', { hasText: wholeText(label) }) }).first();
  }

  private async row(label: string | RegExp, timeoutMs = patienceMs): Promise<Locator> {
    await this.step();
    const row = this.rowLabelled(label);
    await until(`the row ${String(label)} of the quick pick`, () => row.isVisible(), timeoutMs);
    return row;
  }

  /** Takes the row with this label, or, without a label, what Enter takes. */
  async accept(label?: string | RegExp): Promise<void> {
    await this.step();
    if (label === undefined) {
      // On a box that was just checked, Enter would uncheck it.
      await this.input.focus();
      await this.page.keyboard.press('Enter');
    } else await (await this.row(label)).locator('.label-name').first().click();
  }

  /** Checks or unchecks a row of a pick that takes several. */
  async toggle(label: string | RegExp): Promise<void> {
    await (await this.row(label)).locator('.quick-input-list-checkbox, .monaco-checkbox').first().click();
  }

  /** Presses a button in the title bar (`Back`, or an extension's own, by its tooltip). */
  async press(button: string): Promise<void> {
    const icon = this.widget.locator(`${labelled('.action-label', button)}, ${labelled('.monaco-button', button)}`).first();
    await ((await icon.isVisible()) ? icon : this.widget.locator('.monaco-button', { hasText: wholeText(button) }).first()).click();
  }

  async back(): Promise<void> {
    await this.press('Back');
  }

  async cancel(): Promise<void> {
    await this.page.keyboard.press('Escape');
    await this.closed();
  }

  async closed(): Promise<void> {
    await until('the quick input to close', async () => !(await this.isOpen()));
  }
}
