/**
 * Least, greatest, mean and squares of numbers of any size and number.
 *
 * Rules: no argument list grows with the data (a call has room for some ten thousand); squares are of numbers made small first, so that 1e300 does not
 * become infinite and 1e-300 not nothing.
 */

export const leastOf = (values: Iterable<number>): number => {
  let least = Infinity;
  for (const value of values) if (value < least) least = value;
  return least;
};

export const greatestOf = (values: Iterable<number>): number => {
  let greatest = -Infinity;
  for (const value of values) if (value > greatest) greatest = value;
  return greatest;
};

export function meanOf(values: readonly number[]): number {
  const size = sizeOf(values);
  return size === 0 ? 0 : (values.reduce((sum, value) => sum + value / size, 0) / values.length) * size;
}

/** The power of two below the largest amount, so that dividing by it loses no digit; 0 where all are 0. */
export function sizeOf(values: readonly number[]): number {
  const largest = values.reduce((size, value) => Math.max(size, Math.abs(value)), 0);
  return largest === 0 ? 0 : 2 ** Math.floor(Math.log2(largest));
}
