/**
 * The difference between two plain JSON values, and a value with a difference applied.
 *
 * Rules: what has not changed stays the same object, so that the page can compare by identity; arrays of different length are
 * replaced whole; a key whose value is undefined is absent.
 */
import * as z from 'zod/mini';

const change = z.object({
  at: z.array(z.union([z.string(), z.number()])),
  /** Absent: what is there goes. */
  value: z.optional(z.unknown()),
});
export const difference = z.array(change);
export type Difference = z.output<typeof difference>;
type Change = z.output<typeof change>;

type JsonObject = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A parameter may be called `constructor`: what every object inherits is no value of a state. */
const own = (value: JsonObject, key: string): unknown => (Object.hasOwn(value, key) ? value[key] : undefined);

export function differenceOf(before: unknown, after: unknown): Difference {
  const changes: Change[] = [];
  collect(before, after, [], changes);
  return changes;
}

function collect(before: unknown, after: unknown, at: readonly (string | number)[], changes: Change[]): void {
  if (before === after) return;
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    after.forEach((value, index) => collect(before[index], value, [...at, index], changes));
    return;
  }
  if (isObject(before) && isObject(after)) {
    for (const key of Object.keys(before)) if (before[key] !== undefined && own(after, key) === undefined) changes.push({ at: [...at, key] });
    for (const key of Object.keys(after)) if (after[key] !== undefined) collect(own(before, key), after[key], [...at, key], changes);
    return;
  }
  changes.push({ at: [...at], value: after });
}

/** Throws where the difference does not fit: the reader then has missed something and must ask anew. */
export function applyDifference(before: unknown, changes: Difference): unknown {
  return changes.reduce<unknown>((value, { at, ...rest }) => changed(value, at, 0, 'value' in rest, rest.value), before);
}

function changed(value: unknown, at: readonly (string | number)[], depth: number, present: boolean, next: unknown): unknown {
  const key = at[depth];
  if (key === undefined) return next;
  if (Array.isArray(value) && typeof key === 'number') {
    if (key >= value.length) throw new Error(`There is no ${at.join('.')} to change.`);
    const copy: unknown[] = value.slice();
    copy[key] = changed(value[key], at, depth + 1, present, next);
    return copy;
  }
  if (!isObject(value) || typeof key !== 'string') throw new Error(`There is no ${at.join('.')} to change.`);
  if (depth === at.length - 1 && !present) return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
  // A computed key makes an own property whatever its name: `__proto__` does no harm.
  return { ...value, [key]: changed(own(value, key), at, depth + 1, present, next) };
}
