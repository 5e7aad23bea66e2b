/**
 * Sets of array indices as schedulers write them: `3,7,12-14`, `1-9:2`, `5-100%4`.
 *
 * Rule: a set in memory is sorted, disjoint and without adjacent ranges (`normalizeRanges`), so that equal sets are
 * equal values, and a million consecutive indices cost one range.
 */
import { HpcError } from '../foundation/errors.ts';
import type { IndexRange } from './port.ts';

export interface IndexList {
  readonly ranges: readonly IndexRange[];
  /** The `%4` of `5-100%4`. */
  readonly maxConcurrent?: number;
  /** The scheduler cut the list short (`1,3,5,...`): there are more indices than these. */
  readonly truncated: boolean;
}

/** More than this from one stepped range is no array of ours and would only fill the memory. */
const maxSteppedIndices = 10_000_000;

function compare(a: IndexRange, b: IndexRange): number {
  return a.first - b.first || a.last - b.last;
}

/** Sorted, with overlapping and adjacent ranges merged. */
export function normalizeRanges(ranges: readonly IndexRange[]): IndexRange[] {
  const merged: { first: number; last: number }[] = [];
  for (const range of [...ranges].sort(compare)) {
    const previous = merged.at(-1);
    if (previous && range.first <= previous.last + 1) previous.last = Math.max(previous.last, range.last);
    else merged.push({ first: range.first, last: range.last });
  }
  return merged;
}

export function rangesOf(indices: Iterable<number>): IndexRange[] {
  return normalizeRanges([...indices].map((index) => ({ first: index, last: index })));
}

export function* indicesOf(ranges: readonly IndexRange[]): Generator<number> {
  for (const { first, last } of ranges) for (let index = first; index <= last; index += 1) yield index;
}

/** How many indices; the ranges must be disjoint. */
export function countIndices(ranges: readonly IndexRange[]): number {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

export function includesIndex(ranges: readonly IndexRange[], index: number): boolean {
  return ranges.some(({ first, last }) => first <= index && index <= last);
}

/** The indices of `ranges` that are not in `taken`. */
export function subtractRanges(ranges: readonly IndexRange[], taken: readonly IndexRange[]): IndexRange[] {
  const cuts = normalizeRanges(taken);
  const left: IndexRange[] = [];
  for (const range of normalizeRanges(ranges)) {
    let first = range.first;
    for (const cut of cuts) {
      if (cut.last < first || cut.first > range.last) continue;
      if (cut.first > first) left.push({ first, last: cut.first - 1 });
      first = Math.max(first, cut.last + 1);
    }
    if (first <= range.last) left.push({ first, last: range.last });
  }
  return left;
}

/** `3,7,12-14` */
export function formatIndexRanges(ranges: readonly IndexRange[]): string {
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

/** Reads what a scheduler prints between the brackets of `123_[…]`; undefined where it is no such list. */
export function tryParseIndexList(text: string): IndexList | undefined {
  const limit = /^(.*)%(\d+)$/.exec(text);
  let list = limit ? (limit[1] ?? '') : text;
  const truncated = /(^|[,\d-])\.\.\.$/.test(list);
  // What stands directly before the dots may be a cut number (`10` of `1000`): only whole items before a comma count.
  if (truncated) list = list.replace(/,?\.\.\.$/, (dots) => (dots.startsWith(',') ? '' : '\0')).replace(/(^|,)[^,]*\0$/, '');
  const ranges: IndexRange[] = [];
  for (const item of list === '' && truncated ? [] : list.split(',')) {
    const match = /^(\d+)(?:-(\d+)(?::(\d+))?)?$/.exec(item);
    if (!match) return undefined;
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    const step = match[3] === undefined ? 1 : Number(match[3]);
    if (![first, last, step].every(Number.isSafeInteger) || last < first || step < 1) return undefined;
    if (step === 1) ranges.push({ first, last });
    else {
      if ((last - first) / step > maxSteppedIndices) return undefined;
      for (let index = first; index <= last; index += step) ranges.push({ first: index, last: index });
    }
  }
  if (ranges.length === 0 && !truncated) return undefined;
  const maxConcurrent = limit ? Number(limit[2]) : undefined;
  return { ranges: normalizeRanges(ranges), ...(maxConcurrent === undefined ? {} : { maxConcurrent }), truncated };
}

/** The same for what a person or a file says. Throws `spec_invalid`. */
export function parseIndexRanges(text: string): readonly IndexRange[] {
  const list = tryParseIndexList(text.replaceAll(/\s/g, ''));
  if (!list || list.truncated) {
    throw new HpcError('spec_invalid', `${JSON.stringify(text.slice(0, 80))} is not a list of array indices.`, { remediation: 'Write it like 3,7,12-14 or 1-9:2.' });
  }
  return list.ranges;
}

/** Cuts the set into parts of at most `maxCount` indices each, in order. */
export function splitByCount(ranges: readonly IndexRange[], maxCount: number): IndexRange[][] {
  if (!Number.isInteger(maxCount) || maxCount < 1) throw new HpcError('internal', `Cannot split indices into parts of ${maxCount}.`);
  const parts: IndexRange[][] = [];
  let part: IndexRange[] = [];
  let room = maxCount;
  for (const range of ranges) {
    let { first } = range;
    while (first <= range.last) {
      const last = Math.min(range.last, first + room - 1);
      part.push({ first, last });
      room -= last - first + 1;
      first = last + 1;
      if (room === 0) {
        parts.push(part);
        part = [];
        room = maxCount;
      }
    }
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

/** Cuts the set into parts whose text (`formatIndexRanges`) is at most `maxLength` characters, for command lines. */
export function splitByLength(ranges: readonly IndexRange[], maxLength: number): IndexRange[][] {
  const parts: IndexRange[][] = [];
  let length = Infinity;
  for (const range of ranges) {
    const size = formatIndexRanges([range]).length + 1;
    if (length + size > maxLength) {
      parts.push([]);
      length = 0;
    }
    parts.at(-1)?.push(range);
    length += size;
  }
  return parts;
}
