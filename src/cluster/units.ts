/**
 * Durations and memory sizes as people and hpc-agent write them.
 *
 * Rule: a bare number is seconds, or MiB. (Slurm's own command line reads a bare time as minutes; hpc-agent's files do not.)
 * Nothing is guessed: what is not understood whole is `undefined`, never a prefix of it.
 */

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const wordUnits = /(\d+(?:\.\d+)?)\s*(weeks?|w|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)(?![a-z])\s*/gy;

export const durationExpectation = 'a duration such as "24:00:00", "1-12:00:00", "5m" or a number of seconds';
export const memoryExpectation = 'a memory size such as "16G", "4000M", "0.5T" or a number of MiB';

function whole(seconds: number): number | undefined {
  if (!(seconds >= 0)) return undefined;
  const rounded = Math.max(0, Math.ceil(seconds - 1e-6));
  return Number.isSafeInteger(rounded) ? rounded : undefined;
}

function parseClockTime(text: string): number | undefined {
  const match = /^(?:(\d+)-)?(\d+)(?::(\d{1,2}))?(?::(\d{1,2})(?:\.\d+)?)?$/.exec(text);
  if (!match) return undefined;
  const [, days, first = '', second, third] = match;
  if (Number(second ?? 0) > 59 || Number(third ?? 0) > 59) return undefined;
  if (days !== undefined) {
    // D-HH, D-HH:MM, D-HH:MM:SS
    return whole(Number(days) * 86_400 + Number(first) * 3600 + Number(second ?? 0) * 60 + Number(third ?? 0));
  }
  if (third !== undefined) return whole(Number(first) * 3600 + Number(second) * 60 + Number(third));
  if (second !== undefined) return whole(Number(first) * 60 + Number(second));
  return whole(Number(first));
}

function parseWordTime(text: string): number | undefined {
  let seconds = 0;
  wordUnits.lastIndex = 0;
  let end = 0;
  for (let match = wordUnits.exec(text); match; match = wordUnits.exec(text)) {
    seconds += Number(match[1]) * (unitSeconds[match[2]?.charAt(0) ?? ''] ?? NaN);
    end = wordUnits.lastIndex;
  }
  return end === text.length && end > 0 ? whole(seconds) : undefined;
}

/** Whole seconds, rounded up; undefined when it is no duration. `"5:30"` is five and a half minutes, as hpc-agent reads it. */
export function parseDurationS(value: string | number): number | undefined {
  if (typeof value === 'number') return whole(value);
  const text = value.trim().toLowerCase();
  return parseClockTime(text) ?? parseWordTime(text);
}

/** `HH:MM:SS`, from a day on `D-HH:MM:SS`: Slurm's form. */
export function formatDurationS(seconds: number): string {
  const s = Math.max(0, Math.ceil(seconds));
  const clock = [Math.floor((s % 86_400) / 3600), Math.floor((s % 3600) / 60), s % 60].map((part) => String(part).padStart(2, '0')).join(':');
  return s < 86_400 ? clock : `${Math.floor(s / 86_400)}-${clock}`;
}

const mibPerUnit: Readonly<Record<string, number>> = { '': 1, k: 1 / 1024, m: 1, g: 1024, t: 1024 ** 2, p: 1024 ** 3 };

/** Whole MiB, rounded up so that a task never gets less than was asked; undefined when it is no memory size or none at all. */
export function parseMemoryMiB(value: string | number): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgtp])(?:i?b)?)?$/.exec(String(value).trim().toLowerCase());
  if (!match) return undefined;
  const mib = Math.ceil(Number(match[1]) * (mibPerUnit[match[2] ?? ''] ?? NaN) - 1e-6);
  return Number.isSafeInteger(mib) && mib > 0 ? mib : undefined;
}

/** The exact size in the largest unit that holds it whole: `16G`, `4000M`. */
export function formatMemoryMiB(mib: number): string {
  const size = Math.ceil(mib);
  if (size > 0 && size % 1024 ** 2 === 0) return `${size / 1024 ** 2}T`;
  if (size > 0 && size % 1024 === 0) return `${size / 1024}G`;
  return `${size}M`;
}
