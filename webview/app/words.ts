/** The page's sentences, in English in the code and translated by the host. `{0}` stands for the first value. */
let translations: Readonly<Record<string, string>> = {};
let language = 'en';

export function setWords(words: Readonly<Record<string, string>>, of: string): void {
  translations = words;
  language = of;
}

export function pageLanguage(): string {
  return language;
}

/** A count with its noun, each form a sentence of its own for the translator. */
export function counted(count: number, noun: 'task' | 'array' | 'wave' | 'changed file' | 'resubmission' | 'core' | 'node' | 'run'): string {
  switch (noun) {
    case 'task':
      return count === 1 ? l10n.t('1 task') : l10n.t('{0} tasks', count);
    case 'array':
      return count === 1 ? l10n.t('1 array') : l10n.t('{0} arrays', count);
    case 'wave':
      return count === 1 ? l10n.t('1 wave') : l10n.t('{0} waves', count);
    case 'changed file':
      return count === 1 ? l10n.t('1 changed file') : l10n.t('{0} changed files', count);
    case 'resubmission':
      return count === 1 ? l10n.t('1 resubmission') : l10n.t('{0} resubmissions', count);
    case 'core':
      return count === 1 ? l10n.t('1 core') : l10n.t('{0} cores', count);
    case 'node':
      return count === 1 ? l10n.t('1 node') : l10n.t('{0} nodes', count);
    case 'run':
      return count === 1 ? l10n.t('1 run') : l10n.t('{0} runs', count);
  }
}

export const l10n = {
  t(sentence: string, ...values: readonly (string | number)[]): string {
    const text = Object.hasOwn(translations, sentence) ? (translations[sentence] ?? sentence) : sentence;
    return text.replace(/\{(\d+)\}/g, (hole, index: string) => {
      const value = values[Number(index)];
      return value === undefined ? hole : typeof value === 'number' ? value.toLocaleString(language) : value;
    });
  },
};
