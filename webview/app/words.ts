/** The page's sentences, in English in the code and translated by the host. `{0}` stands for the first value. */
let translations: Readonly<Record<string, string>> = {};
let language = 'en';

export function setWords(words: Readonly<Record<string, string>>, of: string): void {
  translations = words;
  language = of;
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
