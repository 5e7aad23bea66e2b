/** From problems as data to ranges and edits of the text. Lines and characters of ranges count from 0, as the editor's. */
import type { TextFix, TextProblem } from '../../../operations/editing/textProblem.ts';

export interface TextRange {
  readonly line: number;
  readonly start: number;
  readonly end: number;
}

export function rangeOf(problem: Pick<TextProblem, 'line' | 'column' | 'length'>, lines: readonly string[]): TextRange {
  const line = Math.min(Math.max(0, problem.line - 1), Math.max(0, lines.length - 1));
  const text = lines[line] ?? '';
  const start = Math.min(Math.max(0, problem.column - 1), text.length);
  if (problem.length !== undefined && problem.length > 0) return { line, start, end: Math.min(text.length, start + problem.length) };
  // The column of a line that is at fault as a whole says nothing.
  if (problem.column <= 1 && /^\s/.test(text)) return { line, start: /^\s*/.exec(text)?.[0].length ?? 0, end: text.trimEnd().length };
  const word = /^(?:"[^"]*"|'[^']*'|[^\s:#,\]}]+)/.exec(text.slice(start))?.[0] ?? '';
  if (problem.column <= 1 && !/^\S+:/.test(text)) return { line, start: 0, end: text.trimEnd().length };
  return word === '' ? { line, start: Math.max(0, text.trimEnd().length - 1), end: text.length } : { line, start, end: start + word.length };
}

export interface TextEdit {
  readonly from: { readonly line: number; readonly character: number };
  readonly to: { readonly line: number; readonly character: number };
  readonly text: string;
}

export function editOf(fix: TextFix, range: TextRange, lines: readonly string[]): TextEdit {
  switch (fix.kind) {
    case 'replace':
      return { from: { line: range.line, character: range.start }, to: { line: range.line, character: range.end }, text: fix.text };
    case 'append': {
      const last = lines.length - 1;
      const character = (lines[last] ?? '').length;
      return { from: { line: last, character }, to: { line: last, character }, text: `${lines.length > 1 && character === 0 ? '' : '\n'}${fix.text.replace(/^\n/, '')}` };
    }
    case 'removeBlock': {
      const indent = /^\s*/.exec(lines[range.line] ?? '')?.[0].length ?? 0;
      let end = range.line + 1;
      while (end < lines.length && (lines[end] ?? '').trim() !== '' && (/^\s*/.exec(lines[end] ?? '')?.[0].length ?? 0) > indent) end += 1;
      return end < lines.length ? { from: { line: range.line, character: 0 }, to: { line: end, character: 0 }, text: '' } : { from: { line: range.line, character: 0 }, to: { line: lines.length - 1, character: (lines.at(-1) ?? '').length }, text: '' };
    }
  }
}
