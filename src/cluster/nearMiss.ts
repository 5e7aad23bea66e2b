/** Which known words somebody may have meant. */

/** Edits (insert, delete, replace, swap of neighbours) between two words. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

const plain = (word: string): string => word.toLowerCase().replaceAll(/[-_. ]/g, '');

/** At most three known words close to `word`, closest first; `-`, `_` and case count for nothing. */
export function nearMisses(word: string, known: readonly string[]): string[] {
  const wanted = plain(word.slice(0, 100));
  return known
    .map((candidate) => ({ candidate, distance: editDistance(wanted, plain(candidate)), prefix: wanted.length >= 3 && plain(candidate).startsWith(wanted) }))
    .filter(({ candidate, distance, prefix }) => prefix || distance <= Math.max(1, Math.floor(Math.min(wanted.length, candidate.length) / 3)))
    .sort((x, y) => x.distance - y.distance || (x.candidate < y.candidate ? -1 : 1))
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** ` Did you mean "a" or "b"?`, or nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = nearMisses(word, known);
  return near.length === 0 ? '' : ` Did you mean ${near.map((item) => `"${item}"`).join(' or ')}?`;
}
