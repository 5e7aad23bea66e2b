/** The one way in which the page drivers wait: until a condition holds, never for a time. */
import { sleep } from '../../../src/foundation/abort.ts';
import { messageOf } from '../../../src/foundation/errors.ts';

/** Long, since a slow machine with two busy cores must pass too; a condition that holds ends the wait at once. */
export const patienceMs = 60_000;

/**
 * The first value of `look` that is neither undefined nor false. A `look` that throws (a page in motion) counts as not yet; one that
 * was held up by what went away under its eyes is not the last: the last one begins after the time is over.
 */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>, timeoutMs = patienceMs): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last: string;
  // Each look is work for the page, too: what takes long is looked at less often.
  for (let pauseMs = 50; ; pauseMs = Math.min(250, pauseMs * 1.2)) {
    const began = Date.now();
    try {
      const value = await look();
      if (value !== undefined && value !== false) return value;
      last = '';
    } catch (error) {
      last = messageOf(error);
    }
    if (began >= deadline) throw new Error(`Waited ${timeoutMs / 1000} s in vain for ${what}.${last === '' ? '' : ` Last failure: ${last}`}`);
    await sleep(pauseMs);
  }
}

/** The text as a person reads it: VS Code shows code with no-break spaces. */
export function plain(text: string | null | undefined): string {
  return (text ?? '').replace(/\u00a0/g, ' ').replace(/\s+/g, ' ').trim();
}

/** The text inside a CSS attribute selector. */
export function cssString(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

export function matches(text: string, wanted: string | RegExp): boolean {
  return typeof wanted === 'string' ? text === wanted : wanted.test(text);
}

/** A pattern for the whole of an element's text, in which VS Code may have put no-break spaces. */
export function wholeText(text: string | RegExp): RegExp {
  return typeof text === 'string' ? new RegExp(`^\\s*${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/ /g, '\\s')}\\s*$`) : text;
}

/** A selector for what is labelled so for a screen reader; VS Code may add the key: `Back (Ctrl+Alt+-)`. */
export function labelled(selector: string, label: string): string {
  return `${selector}[aria-label=${cssString(label)}], ${selector}[aria-label^=${cssString(`${label} (`)}]`;
}
