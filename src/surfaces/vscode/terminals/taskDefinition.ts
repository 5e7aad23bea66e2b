/** What a task of VS Code says that is ours: `{ "type": "hpc-agent", "verb": "plan", "cluster": "bed" }`. It comes from tasks.json, so it is parsed. */
import * as z from 'zod/mini';
import { l10n } from '../../../../l10n/words.ts';

export const taskVerbs = ['plan', 'canary', 'submit'] as const;
export type TaskVerb = (typeof taskVerbs)[number];

const definition = z.looseObject({ type: z.literal('hpc-agent'), verb: z.enum(taskVerbs), cluster: z.string().check(z.minLength(1)), run_name: z.optional(z.string()) });
export type SweepTaskDefinition = z.output<typeof definition>;

export function parseTaskDefinition(value: unknown): SweepTaskDefinition | undefined {
  const parsed = z.safeParse(definition, value);
  return parsed.success ? parsed.data : undefined;
}

export function taskName({ verb, cluster }: Pick<SweepTaskDefinition, 'verb' | 'cluster'>): string {
  switch (verb) {
    case 'plan':
      return l10n.t('plan on {0}', cluster);
    case 'canary':
      return l10n.t('canary, then submit on {0}', cluster);
    case 'submit':
      return l10n.t('submit on {0}', cluster);
  }
}

/** Text of ours on a terminal: line ends that a terminal needs, and nothing that steers it. */
export function terminalLines(text: string): string {
  return text.split('\n').map((line) => `${line.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')}\r\n`).join('');
}
