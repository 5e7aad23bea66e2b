/** Durations, counts and amounts in words. Pure. */
import { l10n } from '../../l10n/words.ts';

/** As the editor says it elsewhere: `12 s`, `4 min`, `3 h 10 min`, `2 d 4 h`. */
export function durationWords(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 90) return `${s} s`;
  const min = Math.round(s / 60);
  // not translated: symbols of units
  if (min < 90) return `${min} min`;
  const h = Math.floor(min / 60);
  // not translated: symbols of units
  if (h < 36) return min % 60 === 0 ? `${h} h` : `${h} h ${min % 60} min`;
  const d = Math.floor(h / 24);
  return h % 24 === 0 ? `${d} d` : `${d} d ${h % 24} h`;
}

/** When a run may end, and how sure that is: `ETA 14:20 ± 6 min (in 40 min)`. */
export function etaWords(run: { readonly eta_s: number; readonly eta_spread_s: number | null; readonly eta_from: string }, now: Date): string {
  const end = new Date(Math.max(now.getTime(), Date.parse(run.eta_from) + run.eta_s * 1000));
  const [at, left] = [clockWords(end, now, l10n.language), durationWords((end.getTime() - now.getTime()) / 1000)];
  return run.eta_spread_s === null || run.eta_spread_s < 1 ? l10n.t('ETA {0} (in {1})', at, left) : l10n.t('ETA {0} ± {2} (in {1})', at, left, durationWords(run.eta_spread_s));
}

/** With this many digits behind the point, or what the person's language writes for one. */
const fixed = (value: number, digits: number): string => value.toLocaleString(l10n.language, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** A measured time: `0.4 s`, `12.5 s`, then as `durationWords`. */
export function runtimeWords(seconds: number): string {
  return seconds < 10 ? `${fixed(seconds, 1)} s` : durationWords(seconds);
}

export function memoryWords(mib: number): string {
  return mib < 1000 ? `${mib < 10 ? fixed(mib, 1) : Math.round(mib)} MiB` : `${fixed(mib / 1024, 1)} GiB`;
}

/** `0.4`, `12`, `1,240`: as many digits as say something. */
export function hoursWords(hours: number): string {
  if (hours === 0) return '0';
  if (hours < 0.01) return `< ${fixed(0.01, 2)}`;
  return fixed(hours, hours < 1 ? 2 : hours < 10 ? 1 : 0);
}

export function numberWords(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return value.toLocaleString(l10n.language);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e7) ? value.toExponential(2) : value.toPrecision(4).replace(/\.?0+$/, '');
}

/** `14:20` of today, else with the day. */
export function clockWords(at: Date, now: Date, language: string): string {
  const sameDay = at.toDateString() === now.toDateString();
  return at.toLocaleString(language, sameDay ? { hour: '2-digit', minute: '2-digit', hour12: false } : { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hour12: false });
}
