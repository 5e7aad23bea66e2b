/** What is wrong with the text of a file that somebody edits, and what may be done about it: data for whatever shows it. */

export interface TextProblem {
  readonly severity: 'error' | 'warning' | 'info';
  /** A word for machines: `unknown_key`, `reserved_name`, `resolve_raised`. */
  readonly code: string;
  /** Both from 1; the place is the word that begins there, or the line where the column is 1 and nothing else is said. */
  readonly line: number;
  readonly column: number;
  /** Characters from there; absent: the word. */
  readonly length?: number;
  readonly message: string;
  readonly remediation: string;
  readonly fixes: readonly TextFix[];
}

export type TextFix =
  /** Puts another text in the place of the word. */
  | { readonly kind: 'replace'; readonly title: string; readonly text: string }
  /** Adds whole lines at the end of the file. */
  | { readonly kind: 'append'; readonly title: string; readonly text: string }
  /** Takes the line, and what is indented deeper below it, away. */
  | { readonly kind: 'removeBlock'; readonly title: string };
