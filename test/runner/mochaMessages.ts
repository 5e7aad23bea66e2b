/** What the process that runs test files and its parent tell each other. */
import { fileURLToPath } from 'node:url';

export const mochaProgram = fileURLToPath(new URL('mochaChild.ts', import.meta.url));

export type MochaMessage =
  | { readonly kind: 'start'; readonly total: number }
  | { readonly kind: 'pass'; readonly title: string; readonly ms: number }
  | { readonly kind: 'pending'; readonly title: string }
  | { readonly kind: 'fail'; readonly title: string; readonly text: string }
  | { readonly kind: 'crash'; readonly text: string }
  /** With the processor time of the process and its children so far. */
  | { readonly kind: 'end'; readonly spentSeconds: number };

/** To a process that was started without files: run these; none: end. */
export interface MochaOrder {
  readonly files: readonly string[];
}
