/** Which task is the canary and what hangs on it: said wherever one is asked for. */
import { l10n } from '../../../../l10n/words.ts';
import { kwargsWords } from '../trees/runWords.ts';

/** The examples of the plan, where there is one: the canary's values are among them. */
export function canaryWords(samples: readonly { readonly task_id: number; readonly kwargs: Readonly<Record<string, unknown>> }[] = []): string {
  const values = kwargsWords(samples.find((sample) => sample.task_id === 0)?.kwargs ?? {}, 160);
  return values === ''
    ? l10n.t('Task 0 runs alone. The others are submitted when it ended well and left its results; where it fails, nothing else is submitted.')
    : l10n.t('Task 0 ({0}) runs alone. The others are submitted when it ended well and left its results; where it fails, nothing else is submitted.', values);
}
