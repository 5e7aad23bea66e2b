/** The walkthrough of an extension, in the editor area: steps that unfold, each with buttons and a tick. */
import type { Locator, Page } from '../playwright.ts';
import { cssString, plain, until } from './wait.ts';

export class Walkthrough {
  private readonly root: Locator;

  constructor(private readonly page: Page) {
    this.root = page.locator('.part.editor .gettingStartedContainer').first();
  }

  private step(title: string): Locator {
    return this.root.locator('.getting-started-step', { has: this.page.locator('.step-title', { hasText: title }) }).first();
  }

  /** Brings its tab to the front, where something else is shown over it. */
  async show(tab = 'Welcome'): Promise<void> {
    await until('the walkthrough', async () => {
      if (await this.root.isVisible()) return true;
      await this.page.locator('.part.editor .tab', { hasText: tab }).first().click({ timeout: 2000 });
      return false;
    });
  }

  async steps(): Promise<readonly { readonly title: string; readonly done: boolean }[]> {
    return await this.root.locator('.getting-started-step').evaluateAll((steps) =>
      steps.map((step) => ({ title: step.querySelector('.step-title')?.textContent ?? '', done: step.querySelector('[data-done-step-id]')?.getAttribute('aria-checked') === 'true' })),
    );
  }

  async isDone(title: string): Promise<void> {
    await until(`the step ${title} to be done`, async () => (await this.steps()).some((step) => plain(step.title) === title && step.done));
  }

  /** Unfolds a step. */
  async open(title: string): Promise<void> {
    await this.show();
    await until(`the step ${title} to unfold`, async () => {
      if ((await this.step(title).getAttribute('aria-expanded')) === 'true') return true;
      await this.step(title).locator('.step-title').first().click({ timeout: 2000 });
      return false;
    });
  }

  /** Presses a button, or a link, of the step that is unfolded. */
  async press(title: string, button: string): Promise<void> {
    await this.open(title);
    await this.step(title).locator(`.monaco-button, a[title], a`, { hasText: button }).first().click();
  }

  /** Waits until the picture of the step is there. */
  async pictured(altOrTitle: string): Promise<void> {
    await until(`the picture of ${altOrTitle}`, async () => {
      for (const frame of this.page.frames()) if ((await frame.locator(`svg:has(title:text-is(${cssString(altOrTitle)}))`).count().catch(() => 0)) > 0) return true;
      return false;
    });
  }
}
