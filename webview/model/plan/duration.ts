/** Spans of time as people say them, and marks for an axis of time. */

const units = [
  { name: 'd', s: 86_400 },
  { name: 'h', s: 3600 },
  { name: 'min', s: 60 },
  { name: 's', s: 1 },
] as const;

/** The two largest units that matter: `1 h 10 min`, `45 s`. */
export function spanText(seconds: number): string {
  if (seconds < 1) return seconds <= 0 ? '0 s' : '< 1 s';
  // 90 s is said as such; 5,400 s is an hour and a half.
  const first = seconds < 90 ? 3 : units.findIndex(({ s }) => seconds >= s);
  const big = units[first] ?? units[3];
  const small = units[first + 1];
  if (!small || (big.name === 'min' && seconds >= 600)) return `${Math.round(seconds / big.s)} ${big.name}`;
  let whole = Math.floor(seconds / big.s);
  let rest = Math.round((seconds - whole * big.s) / small.s);
  if (rest * small.s >= big.s) {
    whole += 1;
    rest = 0;
  }
  return rest === 0 ? `${whole} ${big.name}` : `${whole} ${big.name} ${rest} ${small.name}`;
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];

/** Round spans from 0 to the end, about `count` of them. */
export function timeMarks(totalS: number, count: number): readonly number[] {
  if (!(totalS > 0)) return [0];
  const step = steps.find((size) => totalS / size <= count) ?? Math.ceil(totalS / count / 604_800) * 604_800;
  return Array.from({ length: Math.floor(totalS / step + 1e-9) + 1 }, (_, index) => index * step);
}
