/** The one way in which the suites in the extension host wait: for a condition with a name, with a limit below that of a test, and with what was seen last. */
import { inspect } from 'node:util';
import { sleep } from '../../../src/foundation/abort.ts';
import { messageOf } from '../../../src/foundation/errors.ts';

/** Long, since a slow machine with two busy cores must pass too; shorter than what a test may take, so that it is this wait that speaks. */
export const patienceMs = 60_000;

/** What was looked at and is not yet as it should be: for the message. */
export class NotYet {
  readonly seen: unknown;

  constructor(seen: unknown) {
    this.seen = seen;
  }
}

export const notYet = (seen: unknown): NotYet => new NotYet(seen);

/** The first value of `look` that is neither undefined, false nor a `notYet(…)`. A `look` that throws counts as not yet, and is told. */
export async function eventually<T>(what: string, look: () => Promise<T | NotYet | undefined | false> | T | NotYet | undefined | false, timeoutMs = patienceMs): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last: string;
  // Each look is work for what is waited for, too.
  for (let pauseMs = 30; ; pauseMs = Math.min(250, pauseMs * 1.2)) {
    try {
      const value = await atMost(look, Math.max(1000, deadline - Date.now()));
      if (value instanceof NotYet) last = typeof value.seen === 'string' ? value.seen : inspect(value.seen, { depth: 4, breakLength: 160 });
      else if (value !== undefined && value !== false) return value;
      else last = '';
    } catch (error) {
      last = messageOf(error);
    }
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs / 1000} s in vain for ${what}.${last === '' ? '' : ` Seen last: ${last.slice(-1500)}`}`);
    await sleep(pauseMs);
  }
}

/** One look: a command of the editor that never answers must not hide which wait it was. */
async function atMost<T>(look: () => Promise<T> | T, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error('the look itself has not ended')), ms)));
  try {
    return await Promise.race([Promise.resolve(look()), late]);
  } finally {
    clearTimeout(timer);
  }
}
