/** Trees: views of the side bar (`Runs`, `Clusters`, the explorer). Rows that are scrolled away are not in the page. */
import type { Locator, Page } from '../playwright.ts';
import { cssString, labelled, matches, plain, until } from './wait.ts';

/** How long one try to reach a row may take before the row is looked for again. */
const reachMs = 5000;

export interface TreeRow {
  readonly label: string;
  readonly description: string;
  readonly level: number;
  /** undefined: the row has no children. */
  readonly expanded: boolean | undefined;
  readonly selected: boolean;
  /** What a screen reader says. */
  readonly spoken: string;
}

export class Tree {
  private readonly pane: Locator;

  /** The view by its title; it must be in the side bar that is open. */
  constructor(
    private readonly page: Page,
    private readonly title: string,
  ) {
    this.pane = page.locator('.pane', { has: page.locator(`.pane-header[aria-label^=${cssString(title)}]`) }).first();
  }

  /** Opens the view's section if it is folded. */
  async open(): Promise<void> {
    const header = this.pane.locator('.pane-header').first();
    await header.waitFor({ state: 'visible' });
    if ((await header.getAttribute('aria-expanded')) === 'false') await header.click();
    await until(`the view ${this.title} to unfold`, async () => (await header.getAttribute('aria-expanded')) !== 'false');
  }

  async rows(): Promise<readonly TreeRow[]> {
    return await this.pane.locator('.monaco-list-row').evaluateAll((rows) => {
      const text = (row: (typeof rows)[number], selector: string): string => (row.querySelector(selector)?.textContent ?? '').replace(/\u00a0/g, ' ').trim();
      return [...rows]
        .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
        .map((row) => {
          const expanded = row.getAttribute('aria-expanded');
          return {
            label: text(row, '.label-name') || text(row, '.monaco-highlighted-label'),
            description: text(row, '.label-description'),
            level: Number(row.getAttribute('aria-level') ?? 1),
            expanded: expanded === null ? undefined : expanded === 'true',
            selected: row.getAttribute('aria-selected') === 'true',
            spoken: row.getAttribute('aria-label') ?? '',
          };
        });
    });
  }

  /** Waits for a row whose label matches. */
  async row(label: string | RegExp): Promise<TreeRow> {
    return await until(`the row ${String(label)} of ${this.title}`, async () => (await this.rows()).find((row) => matches(row.label, label)));
  }

  /** Waits until a row's description says so: what changes by itself. */
  async rowDescribed(label: string | RegExp, description: RegExp, timeoutMs?: number): Promise<TreeRow> {
    let last = '';
    return await until(
      `the row ${String(label)} of ${this.title} to be described as ${String(description)}`,
      async () => {
        const row = (await this.rows()).find((candidate) => matches(candidate.label, label));
        last = row?.description ?? 'no such row';
        if (row && description.test(row.description)) return row;
        throw new Error(`it says: ${last}`);
      },
      timeoutMs,
    );
  }

  private async element(label: string | RegExp): Promise<Locator> {
    const { spoken, label: text } = await this.row(label);
    const spokenSelector = spoken === '' ? '' : `[aria-label=${cssString(spoken)}]`;
    return this.pane.locator(`.monaco-list-row${spokenSelector}`, { hasText: text }).first();
  }

  /** A row that says something else meanwhile (its progress, say) is another one to the page: it is looked for again. */
  private async onRow(label: string | RegExp, deed: (row: Locator) => Promise<void>): Promise<void> {
    await until(`the row ${String(label)} of ${this.title} to be reached`, async () => {
      await deed(await this.element(label));
      return true;
    });
  }

  async click(label: string | RegExp): Promise<void> {
    await this.onRow(label, (row) => row.click({ timeout: reachMs }));
  }

  /** Drags a row with the mouse onto the editors, and lets go when they show that they would take it. */
  async dragToEditors(label: string | RegExp): Promise<void> {
    const [from, to] = await Promise.all([(await this.element(label)).locator('.label-name').first().boundingBox(), this.page.locator('.part.editor').first().boundingBox()]);
    if (!from || !to) throw new Error('What is dragged, or where to, is not on screen.');
    const { mouse } = this.page;
    await mouse.move(from.x + from.width / 2, from.y + from.height / 2);
    await mouse.down();
    await mouse.move(to.x + to.width / 2, to.y + to.height / 2, { steps: 10 });
    const overlay = this.page.locator('#monaco-workbench-editor-drop-overlay').first();
    let nudge = 0;
    await until('the editors to take what is dragged', async () => {
      nudge = (nudge + 1) % 5;
      await mouse.move(to.x + to.width / 2 + nudge, to.y + to.height / 2);
      return await overlay.isVisible();
    });
    await mouse.up();
  }

  /** Unfolds a row and waits until it says so. */
  async expand(label: string | RegExp): Promise<void> {
    await this.setExpanded(label, true);
  }

  async collapse(label: string | RegExp): Promise<void> {
    await this.setExpanded(label, false);
  }

  private async setExpanded(label: string | RegExp, wanted: boolean): Promise<void> {
    await until(`the row ${String(label)} to ${wanted ? 'unfold' : 'fold'}`, async () => {
      const row = await this.row(label);
      if (row.expanded === wanted) return true;
      // The state may be about to change after an earlier click: look again before the next one.
      await (await this.element(label)).locator('.monaco-tl-twistie').first().click({ timeout: 5000 });
      await until('the fold', async () => (await this.row(label)).expanded === wanted, 3000);
      return true;
    });
  }

  /** Presses an inline action of a row, by its tooltip. */
  async action(label: string | RegExp, action: string): Promise<void> {
    await this.onRow(label, async (row) => {
      await row.hover({ timeout: reachMs });
      await row.locator(labelled('.action-label', action)).first().click({ timeout: reachMs });
    });
  }

  /** What a row says when the pointer rests on it. */
  async tooltip(label: string | RegExp): Promise<string> {
    return await until(`the tooltip of ${String(label)}`, async () => {
      await (await this.element(label)).locator('.monaco-icon-label, .label-name').first().hover({ timeout: reachMs });
      const hover = this.page.locator('.workbench-hover .hover-contents, .workbench-hover').first();
      return (await hover.isVisible()) && plain(await hover.innerText());
    });
  }

  /** Presses an action in the view's title bar, by its tooltip. */
  async titleAction(action: string): Promise<void> {
    await this.pane.locator('.pane-header').first().hover();
    await this.pane.locator(labelled('.pane-header .action-label', action)).first().click();
  }

  /** The entries of a row's context menu, which stays open. */
  async contextMenu(label: string | RegExp): Promise<readonly string[]> {
    await this.onRow(label, (row) => row.click({ button: 'right', timeout: reachMs }));
    const items = this.page.locator('.monaco-menu .action-item:not(.disabled) .action-label:not(.separator)');
    return await until('the context menu', async () => {
      const texts = await items.evaluateAll((labels) => labels.map((item) => item.getAttribute('aria-label') ?? item.textContent ?? ''));
      return texts.length > 0 && texts.map(plain);
    });
  }

  /** Takes one entry of a row's context menu. */
  async contextAction(label: string | RegExp, action: string): Promise<void> {
    const item = this.page.locator('.monaco-menu .action-item', { hasText: action }).first();
    // A menu closes by itself when something else takes the focus: then it is opened again.
    await until(`the entry ${action} of the context menu`, async () => {
      await this.contextMenu(label);
      // A press where the menu has just opened is taken for the end of the opening click, so the entry is chosen by hover and key.
      await item.hover({ timeout: reachMs });
      return true;
    });
    await this.page.keyboard.press('Enter');
    await until('the context menu to close', async () => (await this.page.locator('.monaco-menu .action-item').count()) === 0);
  }

  /** What the view shows in place of rows: its welcome text and buttons. */
  async welcome(): Promise<string> {
    const body = this.pane.locator('.welcome-view-content').first();
    return (await body.isVisible()) ? plain(await body.innerText()) : '';
  }

  /** The welcome text, once it says so. */
  async welcomed(wanted: RegExp): Promise<string> {
    return await until(`${String(wanted)} in the welcome of ${this.title}`, async () => {
      const text = await this.welcome();
      return wanted.test(text) ? text : undefined;
    });
  }

  async pressWelcome(button: string): Promise<void> {
    await this.pane.locator('.welcome-view-content .monaco-button, .welcome-view-content a', { hasText: button }).first().click();
  }
}
