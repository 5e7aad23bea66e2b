/** How old what is shown is. */
import { l10n } from '../../l10n/words.ts';
import { durationWords } from '../model/words.ts';

export function agoWords(at: string, now: Date): string {
  return durationWords((now.getTime() - Date.parse(at)) / 1000);
}

export function ageWords({ observed_at, stale_reason }: { readonly observed_at: string | null; readonly stale_reason: string | null }, now: Date): string {
  const seen = observed_at === null ? l10n.t('not asked yet') : l10n.t('seen {0} ago', agoWords(observed_at, now));
  return stale_reason === null ? seen : l10n.t('stale, {0}', seen);
}
