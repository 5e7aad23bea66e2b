/** Finds in what a notebook server prints where it listens. */
import { plainText } from '../documents/terminalText.ts';

export interface NotebookAddress {
  readonly port: number;
  /** With its token: who has it may run code there. */
  readonly path: string;
}

/** What follows is waited for: a piece of output may end in the middle of the token. */
const address = /https?:\/\/(?:\[[^\]\s]+\]|[^\s:/]+):(\d{2,5})(\/\S*[?&]token=[\w-]+)(?=\s)/;

export function notebookAddress(printed: string): NotebookAddress | undefined {
  const match = address.exec(plainText(printed));
  return match ? { port: Number(match[1]), path: match[2] ?? '/' } : undefined;
}
