/** A row of a tree as data: what is shown, and what it is about. Made by pure functions, drawn by `treeView.ts`. */

export interface Icon {
  /** A codicon. */
  readonly id: string;
  /** A theme colour. */
  readonly color?: string;
}

/** What a row is about: what its commands are given. */
export type Subject =
  | { readonly kind: 'run'; readonly folder: string; readonly runId: string }
  | { readonly kind: 'wave'; readonly folder: string; readonly runId: string; readonly wave: number }
  | { readonly kind: 'tasks'; readonly folder: string; readonly runId: string; readonly taskIds: readonly number[] }
  /** `find`: the line of its log to go to, where there is one to be shown. `failure`: the way to fail (a fingerprint) that it stands for. */
  | { readonly kind: 'task'; readonly folder: string; readonly runId: string; readonly taskId: number; readonly stream: 'stdout' | 'stderr'; readonly find?: string; readonly failure?: string }
  | { readonly kind: 'cluster'; readonly name: string }
  | { readonly kind: 'reservation'; readonly id: string }
  /** A place in a file, from 1. */
  | { readonly kind: 'file'; readonly file: string; readonly line: number | null }
  | { readonly kind: 'none' };

export interface TreeNode {
  /** Stays the same while the thing is the same, so that selection and expansion stay where they are. */
  readonly id: string;
  readonly label: string;
  readonly description?: string;
  /** For a screen reader, where label and description do not say it all. */
  readonly spoken?: string;
  /** Markdown; text of the far side is escaped already. */
  readonly tooltip?: string;
  readonly icon?: Icon;
  readonly contextValue: string;
  readonly subject: Subject;
  /** `lazy`: asked for when the row is opened. */
  readonly children: readonly TreeNode[] | 'lazy' | 'none';
  /** Tasks that are shown below the row when it is opened, where they are not those of its subject. */
  readonly tasks?: readonly number[];
  /** Open when first seen. */
  readonly expanded?: boolean;
  /** Command of a click, given the subject. */
  readonly command?: string;
}
