/** What a person's text for a parameter's values means, at once and without side effects: for validation while typing. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { HpcError, messageOf } from '../foundation/errors.ts';
import { canonicalPythonJson } from '../executors/pythonJson.ts';
import { parseSweepValues } from '../executors/sweepValues.ts';

export type ValuesPreview =
  | { readonly error?: undefined; readonly count: number; readonly preview: string }
  | { readonly error: string; /** Index of the character. */ readonly position: number };

const shownValues = 6;

/** `experimentDir`: where `@file` is looked for. */
export function previewValues(text: string, experimentDir?: string): ValuesPreview {
  try {
    const values = parseSweepValues(text, experimentDir === undefined ? {} : { readFile: (name) => fs.readFileSync(path.resolve(experimentDir, name), 'utf8') });
    const shown = (value: (typeof values)[number] | undefined): string => (typeof value === 'string' ? value : value === undefined ? '' : canonicalPythonJson(value));
    const words = values.length <= shownValues ? values.map(shown) : [...values.slice(0, shownValues - 2).map(shown), '…', shown(values.at(-1))];
    return { count: values.length, preview: words.join(', ') };
  } catch (error) {
    const position = HpcError.is(error) ? error.details?.position : undefined;
    return { error: messageOf(error), position: typeof position === 'number' ? position : 0 };
  }
}
