/** A metric's vertical scale: a little air above and below, round numbers as marks; logarithmic where values span three powers of ten. */
import { niceTicks } from '../../model/results/axis.ts';
import { numberText } from '../../model/results/numbers.ts';

export interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly { readonly at: number; readonly label: string }[];
}

/** `at` gives 0 for the bottom and 1 for the top. */
export function scaleFor(values: readonly number[], ticks = 4): Scale {
  const low = values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = values.reduce((most, value) => Math.max(most, value), -Infinity);
  if (!Number.isFinite(low)) return { at: () => 0.5, ticks: [] };
  if (low === high) return { at: () => 0.5, ticks: [{ at: 0.5, label: numberText(low) }] };
  const logarithmic = low > 0 && high / low >= 1000;
  const forth = logarithmic ? Math.log10 : (value: number): number => value;
  const air = (forth(high) - forth(low)) * 0.06;
  const from = forth(low) - air;
  const to = forth(high) + air;
  const at = (value: number): number => (forth(value) - from) / (to - from);
  const marks = logarithmic ? powers(from, to) : niceTicks(from, to, ticks);
  return { at, ticks: marks.map((value) => ({ at: at(value), label: numberText(value) })) };
}

function powers(from: number, to: number): readonly number[] {
  const first = Math.ceil(from);
  const count = Math.floor(to) - first + 1;
  const step = Math.max(1, Math.ceil(count / 5));
  return Array.from({ length: Math.max(0, Math.ceil(count / step)) }, (_, index) => 10 ** (first + index * step));
}
