/** Numbers and values as people read them. Rule: what is written here is for the eye only; exports have every digit. */

/** Four significant digits, thousands without groups, tiny and huge ones as powers of ten. */
export function numberText(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined) return '–';
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(Math.max(0, digits - 1)).replace(/\.?0+e/, 'e').replace('e+', 'e').replace('-', '−').replace('e-', 'e−');
  const text = Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
  return text.replace('-', '−');
}

/** A parameter's value: strings as they are, everything else as JSON would write it. */
export function valueText(value: unknown): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return numberText(value, 6);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function percentText(share: number): string {
  const percent = share * 100;
  // What is left of nothing by the arithmetic of fractions.
  if (percent !== 0 && Math.abs(percent) < 1e-3) return '≈ 0 %';
  return `${percent !== 0 && Math.abs(percent) < 10 ? Number(percent.toPrecision(2)) : Math.round(percent)} %`.replace('-', '−');
}

/** `0–4, 7`: ranges instead of long lists. */
export function rangesText(ids: readonly number[], most = 6): string {
  const ranges: [number, number][] = [];
  for (const id of ids.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && id <= last[1] + 1) last[1] = id;
    else ranges.push([id, id]);
  }
  const text = ranges.slice(0, most).map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`));
  return ranges.length > most ? `${text.join(', ')}, …` : text.join(', ');
}
