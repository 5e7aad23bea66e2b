/** What a person's text for a parameter's values means, at once and without side effects: for validation while typing. */
import { HpcError, messageOf } from '../foundation/errors.ts';
import { parseSweepValues } from '../executors/sweepValues.ts';

export type ValuesPreview = { readonly count: number; readonly preview: string } | { readonly error: string; readonly position: number };

const shownValues = 6;

export function previewValues(text: string): ValuesPreview {
  try {
    const values = parseSweepValues(text);
    const shown = values.length <= shownValues ? values : [...values.slice(0, shownValues - 2), '…' as const, ...values.slice(-1)];
    return { count: values.length, preview: shown.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(', ') };
  } catch (error) {
    const position = HpcError.is(error) ? error.details?.position : undefined;
    return { error: messageOf(error), position: typeof position === 'number' ? position : 0 };
  }
}
