/**
 * Every sentence that a person reads in the editor or on the dashboard's page goes through `l10n.t`.
 *
 * Rules: the sentence stands in the code, in English and whole (never glued from halves: other languages order words differently),
 * and is its own key in the bundles beside this file. It is asked for when it is shown, not when a module is loaded: the language is
 * known only then. What depends on a number names its forms, and a translation those of its language:
 *
 *   l10n.t('{0} of {1, plural, one {# task} other {# tasks}} failed', failed, total)
 *
 * Numbers are written as the language writes them; what is no amount (a port, a job's number) is handed in as text.
 * One table per program: the extension host fills it at activation from `vscode.l10n.bundle`, the page from its first message.
 */
export type Words = Readonly<Record<string, string>>;
export type Value = string | number;

let translations: Words = {};
let language = 'en';
let numbers = new Intl.NumberFormat(language);
let plurals = new Intl.PluralRules(language);
const englishPlurals = new Intl.PluralRules('en');

export function setWords(words: Words, of: string): void {
  translations = words;
  language = Intl.NumberFormat.supportedLocalesOf(tagOf(of))[0] ?? 'en';
  numbers = new Intl.NumberFormat(language);
  plurals = new Intl.PluralRules(language);
}

/** The editor may be set to a name that is no language tag. */
function tagOf(name: string): string {
  try {
    return Intl.getCanonicalLocales(name)[0] ?? 'en';
  } catch {
    return 'en';
  }
}

export const l10n = {
  t(sentence: string, ...values: readonly Value[]): string {
    const found = Object.hasOwn(translations, sentence) ? translations[sentence] : undefined;
    // The place of a translation that nobody has written yet is empty.
    return found === undefined || found === '' ? fill(sentence, values, englishPlurals) : fill(found, values, plurals);
  },
  number(value: number, options?: Intl.NumberFormatOptions): string {
    return options === undefined ? numbers.format(value) : value.toLocaleString(language, options);
  },
  date(at: Date, options: Intl.DateTimeFormatOptions): string {
    return at.toLocaleString(language, options);
  },
  /** `a, b and c` */
  list(items: readonly string[], type: 'conjunction' | 'disjunction' = 'conjunction'): string {
    return new Intl.ListFormat(language, { type }).format(items);
  },
  /** A language tag for `Intl`. */
  get language(): string {
    return language;
  },
  /** The table of that language; empty for English. */
  get words(): Words {
    return translations;
  },
};

/** What stands between the outer braces of a text, in order; braces inside belong to their part. */
export function* braces(text: string): Generator<{ readonly start: number; readonly end: number; readonly inner: string }> {
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '{' && depth++ === 0) start = at;
    else if (text[at] === '}' && depth > 0 && --depth === 0) yield { start, end: at + 1, inner: text.slice(start + 1, at) };
  }
}

/** `0, plural, one {# task} other {# tasks}` taken apart; undefined: it is no plural. */
export function pluralOf(inner: string): { readonly index: number; readonly forms: ReadonlyMap<string, string> } | undefined {
  const head = /^\s*(\d+)\s*,\s*plural\s*,/.exec(inner);
  if (!head) return undefined;
  const rest = inner.slice(head[0].length);
  let from = 0;
  const forms = new Map<string, string>();
  for (const { start, end, inner: form } of braces(rest)) {
    forms.set(rest.slice(from, start).trim(), form);
    from = end;
  }
  return { index: Number(head[1]), forms };
}

function fill(text: string, values: readonly Value[], rules: Intl.PluralRules): string {
  if (!text.includes('{')) return text;
  let result = '';
  let from = 0;
  for (const { start, end, inner } of braces(text)) {
    result += text.slice(from, start) + (filled(inner, values, rules) ?? text.slice(start, end));
    from = end;
  }
  return result + text.slice(from);
}

function filled(inner: string, values: readonly Value[], rules: Intl.PluralRules): string | undefined {
  if (/^\d+$/.test(inner)) {
    const value = values[Number(inner)];
    return typeof value === 'number' ? numbers.format(value) : value;
  }
  const plural = pluralOf(inner);
  const count = plural && values[plural.index];
  if (typeof count !== 'number') return undefined;
  const form = plural?.forms.get(rules.select(count)) ?? plural?.forms.get('other');
  return form === undefined ? undefined : fill(form.replaceAll('#', numbers.format(count)), values, rules);
}
