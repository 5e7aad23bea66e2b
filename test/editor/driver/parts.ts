/** The smaller parts of the workbench: activity bar, notifications, dialogs, status bar, editors, webviews, chat. */
import type { Frame, Locator, Page } from '../playwright.ts';
import { cssString, matches, plain, until, wholeText } from './wait.ts';

export class ActivityBar {
  constructor(private readonly page: Page) {}

  private entry(title: string): Locator {
    // A badge is part of the entry's label: "HPC Agent - 2 need attention".
    const quoted = cssString(title);
    return this.page.locator(`.activitybar li.action-item:has(a.action-label[aria-label=${quoted}]), .activitybar li.action-item:has(a.action-label[aria-label^=${cssString(`${title} `)}])`).first();
  }

  /** Shows the view container; does nothing when it is shown already. */
  async open(title: string): Promise<void> {
    const entry = this.entry(title);
    await entry.waitFor({ state: 'visible' });
    const isShown = async (): Promise<boolean> => (await entry.getAttribute('class'))?.split(' ').includes('checked') === true && (await this.page.locator('.part.sidebar').first().isVisible());
    // The click hides what is shown: one that comes while a window restores its side bar would fold it away. Look, then click again.
    await until(`the side bar ${title}`, async () => {
      if (await isShown()) return true;
      await entry.locator('a.action-label').first().click();
      return await until('the side bar', isShown, 5000);
    });
  }

  async badge(title: string): Promise<string> {
    const badge = this.entry(title).locator('.badge-content').first();
    return (await badge.isVisible()) ? plain(await badge.innerText()) : '';
  }

  async titles(): Promise<readonly string[]> {
    return await this.page.locator('.activitybar a.action-label').evaluateAll((items) => items.map((item) => item.getAttribute('aria-label') ?? ''));
  }
}

export interface Notification {
  readonly message: string;
  readonly severity: 'info' | 'warning' | 'error';
  readonly buttons: readonly string[];
}

export class Notifications {
  constructor(private readonly page: Page) {}

  /** The toasts on screen. */
  async all(): Promise<readonly Notification[]> {
    return await this.page.locator('.notifications-toasts .notification-list-item').evaluateAll((items) =>
      items.map((item) => ({
        message: (item.querySelector('.notification-list-item-message')?.textContent ?? '').replace(/\u00a0/g, ' ').trim(),
        severity: item.querySelector('.codicon-error') ? ('error' as const) : item.querySelector('.codicon-warning') ? ('warning' as const) : ('info' as const),
        buttons: Array.from(item.querySelectorAll('.notification-list-item-buttons-container .monaco-button'), (button) => (button.textContent ?? '').trim()),
      })),
    );
  }

  async waitFor(message: string | RegExp): Promise<Notification> {
    return await until(`the notification ${String(message)}`, async () => (await this.all()).find((item) => matches(item.message, message)));
  }

  async press(message: string | RegExp, button: string): Promise<void> {
    const { message: text } = await this.waitFor(message);
    await this.page.locator('.notifications-toasts .notification-list-item', { hasText: text }).locator('.monaco-button', { hasText: button }).first().click();
  }

  /** Closes every toast, for a clean picture. */
  async clear(): Promise<void> {
    await until('the notifications to close', async () => {
      const close = this.page.locator('.notifications-toasts .notification-list-item');
      if ((await close.count()) === 0) return true;
      await close.first().hover({ timeout: 2000 });
      await close.first().locator('.codicon-notifications-clear').first().click({ timeout: 2000 });
      return false;
    });
  }
}

/** A modal question in the middle of the window. */
export class Dialog {
  constructor(private readonly page: Page) {}

  async text(): Promise<string> {
    const box = this.page.locator('.monaco-dialog-box').first();
    await box.waitFor({ state: 'visible' });
    return plain(await box.locator('.dialog-message-row').first().innerText());
  }

  async press(button: string): Promise<void> {
    await this.page.locator('.monaco-dialog-box .monaco-button', { hasText: wholeText(button) }).first().click();
  }
}

export interface StatusItem {
  readonly text: string;
  readonly spoken: string;
}

export class StatusBar {
  constructor(private readonly page: Page) {}

  async items(): Promise<readonly StatusItem[]> {
    const items = await this.page.locator('.part.statusbar .statusbar-item').evaluateAll((all) =>
      all.map((item) => ({ text: item.textContent ?? '', spoken: item.getAttribute('aria-label') ?? item.querySelector('[aria-label]')?.getAttribute('aria-label') ?? '' })),
    );
    return items.map(({ text, spoken }) => ({ text: plain(text), spoken: plain(spoken) }));
  }

  async waitFor(text: string | RegExp): Promise<StatusItem> {
    return await until(`the status bar item ${String(text)}`, async () => (await this.items()).find((item) => matches(item.text, text)));
  }

  async press(text: string | RegExp): Promise<void> {
    await this.page.locator('.part.statusbar .statusbar-item-label', { hasText: (await this.waitFor(text)).text }).first().click();
  }
}

export class Editors {
  constructor(private readonly page: Page) {}

  /** The tabs' titles, in order. */
  async tabs(): Promise<readonly string[]> {
    return await this.titles('.part.editor .tab');
  }

  private async titles(selector: string): Promise<readonly string[]> {
    // A file's extension may stand in an element of its own.
    return await this.page.locator(selector).evaluateAll((tabs) => tabs.map((tab) => `${tab.querySelector('.label-name')?.textContent ?? ''}${tab.querySelector('.label-suffix')?.textContent ?? ''}`.trim()));
  }

  async waitFor(tab: string | RegExp): Promise<void> {
    await until(`the editor ${String(tab)}`, async () => (await this.titles('.part.editor .editor-group-container.active .tab.active')).some((title) => matches(plain(title), tab)));
  }

  /** The lines on screen in the active text editor: what a reader sees, not the whole document. */
  async text(): Promise<string> {
    const lines = await this.page.locator('.part.editor .editor-group-container.active .editor-instance .view-lines .view-line').evaluateAll((all) =>
      [...all].sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top).map((line) => (line.textContent ?? '').replace(/\u00a0/g, ' ')),
    );
    return lines.join('\n');
  }

  /** Waits until the lines on screen match: an editor is there before its text is. */
  async shows(wanted: RegExp): Promise<string> {
    return await until(`${String(wanted)} in the editor`, async () => {
      const text = await this.text();
      return wanted.test(text) ? text : undefined;
    });
  }

  /** The document of a webview: the frame in which `selector` is found. */
  async webview(selector = 'body'): Promise<Frame> {
    return await until(`a webview with ${selector}`, async () => {
      for (const frame of this.page.frames()) {
        if (frame.url().includes('/webview/browser/pre/fake.html') && (await frame.locator(selector).count()) > 0) return frame;
      }
      return undefined;
    });
  }
}

/** The chat view. It answers only where a participant and a model are registered. */
export class Chat {
  constructor(
    private readonly page: Page,
    private readonly runCommand: (title: string) => Promise<void>,
  ) {}

  /** Opens the view and waits until this model is the chosen one: before, no question is answered. */
  async open(model?: string): Promise<void> {
    await this.runCommand('Chat: Open Chat');
    const input = this.page.locator('.interactive-session .interactive-input-part').first();
    await input.waitFor({ state: 'visible' });
    if (model !== undefined) await until(`the chat model ${model}`, async () => plain(await input.innerText()).includes(model));
  }

  /** Writes a message (`@hpc /status …`) and sends it. */
  async send(text: string): Promise<void> {
    const input = this.page.locator('.interactive-session .interactive-input-part .monaco-editor').first();
    const written = async (): Promise<string> => plain(await input.locator('.view-lines').first().innerText());
    await input.click();
    await this.page.keyboard.type(text);
    await until(`${text} in the chat's input`, async () => (await written()).endsWith(plain(text)));
    // The list of suggestions comes when it likes, and takes the Enter that was meant to send.
    await until(`${text} to be sent`, async () => {
      if (await this.page.locator('.suggest-widget.visible').first().isVisible()) await this.page.keyboard.press('Escape');
      else await this.page.keyboard.press('Enter');
      // Who was asked may stay there, for the next question.
      return await until('the text to go', async () => !(await written()).endsWith(plain(text)), 2000);
    });
  }

  /** The last answer's text, once it is complete. */
  async answer(): Promise<string> {
    const last = this.page.locator('.interactive-session .interactive-item-container.interactive-response').last();
    return await until('the chat answer', async () => {
      if ((await this.page.locator('.interactive-session .chat-response-loading').count()) > 0) return undefined;
      const text = plain(await last.locator('.value').first().innerText());
      return text === '' ? undefined : text;
    });
  }

  /** The newest answer that says so, once it is complete. */
  async answerLike(wanted: RegExp): Promise<string> {
    return await until(`the chat answer ${String(wanted)}`, async () => {
      const text = await this.answer();
      return wanted.test(text) ? text : undefined;
    });
  }

  /** The question that a tool asks before it acts. */
  async confirmation(): Promise<string> {
    const widget = this.page.locator('.chat-confirmation-widget, .chat-confirmation-widget2').last();
    await widget.waitFor({ state: 'visible' });
    return plain(await widget.innerText());
  }

  async press(button: string): Promise<void> {
    await this.page.locator('.interactive-session .monaco-button', { hasText: button }).last().click();
  }
}
