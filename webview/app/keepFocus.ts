/**
 * Somebody without a mouse is where the focus is. What has it may be drawn away, a row of a run that ended, or be disabled while it works.
 *
 * Rule: the focus then stays as near as it can: on what is called the same, or else on what was around it; never at the top of the page, and
 * never on another action, which the next Enter would start. A page in the background takes the focus from nobody.
 */

interface Held {
  readonly element: HTMLElement;
  readonly name: string;
  /** From the inside to the outside. */
  readonly around: readonly HTMLElement[];
}

const nameOf = (element: Element): string => element.getAttribute('aria-label') ?? element.textContent ?? '';

export class FocusKeeper {
  private readonly root: HTMLElement;
  private held: Held | undefined;
  /** What has the focus by right, and cannot hold it while it is disabled. */
  private waiting = false;

  constructor(root: HTMLElement) {
    this.root = root;
  }

  /** Before something is drawn. */
  before(): void {
    const element = document.activeElement;
    if (this.waiting && element === document.body) return;
    this.held = undefined;
    if (!(element instanceof HTMLElement) || !this.root.contains(element)) return;
    const around: HTMLElement[] = [];
    for (let outer = element.parentElement; outer !== null && this.root.contains(outer); outer = outer.parentElement) around.push(outer);
    this.held = { element, name: nameOf(element), around };
  }

  /** After it was drawn. */
  after(): void {
    const { held } = this;
    if (!held) return;
    const { element, name, around } = held;
    this.waiting = element.isConnected && element.hasAttribute('disabled');
    if (this.waiting || document.activeElement === element || !document.hasFocus()) return;
    if (element.isConnected) return element.focus();
    const place = around.find((outer) => outer.isConnected) ?? this.root;
    const alike = [...place.querySelectorAll<HTMLElement>(element.localName)];
    focusOn((element.localName === 'h1' ? alike[0] : alike.find((other) => nameOf(other) === name)) ?? place);
  }
}

/** Also on what is only read: it is no stop of Tab by that. */
export function focusOn(element: HTMLElement): void {
  if (!document.hasFocus()) return;
  element.focus();
  if (document.activeElement === element) return;
  element.tabIndex = -1;
  element.focus({ preventScroll: true });
}
