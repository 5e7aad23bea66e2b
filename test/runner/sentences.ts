/**
 * Reads a source file of the editor side for what people see: the sentences in `l10n.t(…)`, and what looks like a sentence but is not in one.
 *
 * Rule: what only looks like one says why, above the statement or declaration around it or at its line's end: `// not translated: …`.
 */
import ts from 'typescript';
import { braces, pluralOf } from '../../l10n/words.ts';

export interface Sentence {
  readonly text: string;
  readonly line: number;
}

export interface SourceWords {
  readonly sentences: readonly Sentence[];
  /** What is wrong, with its line. */
  readonly problems: readonly Sentence[];
}

/** Where even a single word is seen. */
const seenProperties = new Set(['label', 'description', 'detail', 'title', 'tooltip', 'placeholder', 'placeHolder', 'prompt', 'message', 'openLabel', 'saveLabel', 'ariaLabel', 'progress', 'accessibilityInformation']);
const seenCalls = /\b(show(Information|Warning|Error)Message|MarkdownString|appendMarkdown|markdown|setStatusBarMessage)$/;
/** What is said in English everywhere: the log, and errors (they are also the command line's and the agents'). */
const unseenCalls = /(^|\.)(log|logger|channel|console)\.\w+$|^(this\.)?log\.|\b(executeCommand|querySelector|querySelectorAll|closest|matches|setProperty|RegExp|createElement|createElementNS|getConfiguration|registerCommand|addEventListener|setAttribute)$/;
const seenAttributes = /(?:^|\s)(aria-label|aria-description|aria-roledescription|title|alt|placeholder|label)=("[^"]*"|'[^']*')/g;
/** Names and units that are the same in every language. */
const names = /\b(HPC Agent|HPC|Python|YAML|Slurm|PBS|SGE|SSH|CSV|JSON|SVG|PNG|GiB|MiB|KiB|CPU|GPU|tasks\.py|clusters\.yaml)\b/g;

const twoWords = /\p{L}{2,}[,;:.…’”)]*\s+[(“]*\p{L}{2,}|\p{Lu}\p{Ll}+ \p{Ll}|\p{L}{2,} \{\}|\{\} \p{L}{2,}/u;
const oneWord = /\p{L}{3,}/u;

export function readSource(file: string, text: string): SourceWords {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true);
  const lines = text.split('\n');
  const sentences: Sentence[] = [];
  const problems: Sentence[] = [];
  const lineOf = (node: ts.Node): number => source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
  const complain = (node: ts.Node, words: string): void => {
    const line = lineOf(node);
    const isMarked = (number: number): boolean => lines[number - 1]?.includes('not translated:') === true;
    if (isMarked(line) || isMarked(line - 1)) return;
    // A marker stands above the comment of a declaration, or right above what it is for.
    for (let above: ts.Node = node; !ts.isSourceFile(above); above = above.parent) {
      if ((ts.isStatement(above) || ts.isClassElement(above)) && above.getFullText(source).slice(0, above.getStart(source) - above.getFullStart()).includes('not translated:')) return;
    }
    problems.push({ line, text: words });
  };

  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return;
    if (ts.isCallExpression(node) && node.expression.getText(source) === 'l10n.t') {
      takeSentence(node);
      node.arguments.slice(1).forEach(visit);
      return;
    }
    if (ts.isTaggedTemplateExpression(node)) {
      const tag = node.tag.getText(source);
      if (tag === 'html' || tag === 'svg') judgeMarkup(node);
      if (!ts.isTemplateExpression(node.template)) return;
      // Names of classes are no words.
      let before = node.template.head.text;
      for (const { expression, literal } of node.template.templateSpans) {
        if (!/\bclass=["']?[^"'<>]*$/.test(before)) visit(expression);
        before = literal.text;
      }
      return;
    }
    if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) judge(node);
    ts.forEachChild(node, visit);
  };

  const takeSentence = (call: ts.CallExpression): void => {
    const [first] = call.arguments;
    if (!first || !ts.isStringLiteralLike(first)) return complain(call, 'l10n.t takes a sentence written out, with {0} for values.');
    sentences.push({ text: first.text, line: lineOf(first) });
    if (call.arguments.some((argument) => ts.isSpreadElement(argument))) return;
    const wanted = Math.max(-1, ...placeholders(first.text)) + 1;
    if (wanted !== call.arguments.length - 1) complain(call, `${call.arguments.length - 1} values for ${wanted} places: ${first.text}`);
    let above: ts.Node = call;
    while (!ts.isSourceFile(above) && !ts.isFunctionLike(above) && !ts.isPropertyDeclaration(above)) above = above.parent;
    if (ts.isSourceFile(above)) complain(call, `asked for when the module is loaded, before the language is known: ${first.text}`);
  };

  const judge = (node: ts.StringLiteralLike | ts.TemplateExpression): void => {
    const words = ts.isTemplateExpression(node) ? [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('{}') : node.text;
    const plain = words.replace(/\$\([\w-]+\)/g, '').replace(names, '');
    const { parent } = node;
    if (ts.isPropertyAssignment(parent) && parent.name === node) return;
    if (ts.isLiteralTypeNode(parent) || ts.isElementAccessExpression(parent) || ts.isCaseClause(parent) || ts.isPropertyDeclaration(parent)) return;
    if (ts.isBinaryExpression(parent) && [ts.SyntaxKind.EqualsEqualsEqualsToken, ts.SyntaxKind.ExclamationEqualsEqualsToken, ts.SyntaxKind.InKeyword].includes(parent.operatorToken.kind)) return;
    // The name of an icon: `$(${…})`.
    let part: ts.Node = node;
    while (ts.isConditionalExpression(part.parent) || ts.isParenthesizedExpression(part.parent)) part = part.parent;
    if (ts.isTemplateSpan(part.parent) && source.text.slice(0, part.parent.getFullStart() - 2).endsWith('$(')) return;
    let seen = false;
    let below: ts.Node = node;
    for (let above: ts.Node = parent; !ts.isBlock(above) && !ts.isSourceFile(above); below = above, above = above.parent) {
      if (ts.isNewExpression(above) && above.expression.getText(source).endsWith("Error")) return;
      if (ts.isCallExpression(above) && above.expression !== below) {
        const callee = above.expression.getText(source);
        if (unseenCalls.test(callee)) return;
        seen ||= seenCalls.test(callee) && above.arguments.includes(below as ts.Expression);
        if (!seenCalls.test(callee)) break;
      }
      if (ts.isFunctionLike(above)) break;
      if (ts.isPropertyAssignment(above)) {
        const name = above.name.getText(source);
        if (name === 'when' || name === 'command') return;
        seen ||= seenProperties.has(name);
      }
      if (ts.isBinaryExpression(above) && above.operatorToken.kind === ts.SyntaxKind.EqualsToken && ts.isPropertyAccessExpression(above.left)) seen ||= seenProperties.has(above.left.name.text);
    }
    if (seen ? oneWord.test(plain.replaceAll('{}', '')) : twoWords.test(plain)) complain(node, words);
  };

  const judgeMarkup = (node: ts.TaggedTemplateExpression): void => {
    const { template } = node;
    const whole = ts.isTemplateExpression(template) ? [template.head.text, ...template.templateSpans.map(({ literal }) => literal.text)].join('{}') : template.text;
    const tags = whole.replace(/<!--[\s\S]*?-->/g, '').match(/<[^<>]*>/g) ?? [];
    for (const tag of tags) {
      for (const [, name, value] of tag.matchAll(seenAttributes)) if (oneWord.test((value ?? '').replaceAll('{}', ''))) complain(node, `${name}=${value}`);
    }
    // An opening tag may hold `>` only in a value, and ours hold none.
    for (const part of whole.replace(/<!--[\s\S]*?-->/g, '').split(/<[^<>]*>/)) if (oneWord.test(part.replace(names, '').replaceAll('{}', ''))) complain(node, part.trim());
  };

  visit(source);
  return { sentences, problems };
}

/** The numbers of the places that a sentence has, also inside its plural forms. */
export function placeholders(sentence: string): ReadonlySet<number> {
  const found = new Set<number>();
  for (const { inner } of braces(sentence)) {
    if (/^\d+$/.test(inner)) found.add(Number(inner));
    const plural = pluralOf(inner);
    if (plural) found.add(plural.index);
    for (const form of plural?.forms.values() ?? []) for (const index of placeholders(form)) found.add(index);
  }
  return found;
}

/** What a translation does that its sentence or its language forbids. */
export function faultsOf(sentence: string, translation: string, language: string): readonly string[] {
  const faults: string[] = [];
  const list = (text: string): string => [...placeholders(text)].sort((a, b) => a - b).join(', ');
  if (list(sentence) !== list(translation)) faults.push(`the places {${list(sentence)}} became {${list(translation)}}`);
  const plurals = (text: string): readonly string[] => [...braces(text)].flatMap(({ inner }) => (pluralOf(inner) ? [inner] : []));
  const wanted = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
  for (const inner of plurals(translation)) {
    const forms = [...(pluralOf(inner)?.forms.keys() ?? [])];
    if (wanted.some((form) => !forms.includes(form)) || forms.some((form) => !wanted.some((name) => name === form))) faults.push(`the forms of ${language} are ${wanted.join(', ')}, not ${forms.join(', ')}`);
  }
  const icons = (text: string): string => (text.match(/\$\([\w~-]+\)/g) ?? []).join(' ');
  if (icons(sentence) !== icons(translation)) faults.push(`the icons ${icons(sentence)} became ${icons(translation)}`);
  if (/^\s|\s$/.test(translation) && !/^\s|\s$/.test(sentence)) faults.push('it begins or ends with a space');
  return faults;
}
