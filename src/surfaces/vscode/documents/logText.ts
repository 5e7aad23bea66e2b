/** The text of a followed log, from the pieces that were read. */

export interface LogPiece {
  readonly path: string;
  readonly found: boolean;
  readonly text: string;
  readonly offset: number;
  readonly next_offset: number;
  readonly ended: boolean;
}

export interface LogState {
  readonly text: string;
  /** Where the next piece begins; undefined before the first. */
  readonly nextOffset: number | undefined;
  readonly path: string | undefined;
  readonly found: boolean;
  readonly ended: boolean;
  /** Bytes of the file before the first shown one. */
  readonly skipped: number;
  /** Why the last attempt to read failed. */
  readonly failure: string | undefined;
}

export const emptyLog: LogState = { text: '', nextOffset: undefined, path: undefined, found: false, ended: false, skipped: 0, failure: undefined };

/** Characters kept: an editor document that grows for days helps nobody. */
const keptCharacters = 4_000_000;

export function withPiece(state: LogState, piece: LogPiece): LogState {
  // A file that is shorter than before was written anew (another attempt): begin again.
  const again = state.nextOffset === undefined || piece.offset !== state.nextOffset;
  const text = again ? piece.text : state.text + piece.text;
  const cut = Math.max(0, text.length - keptCharacters);
  return {
    text: text.slice(cut),
    nextOffset: piece.found ? piece.next_offset : undefined,
    path: piece.path,
    found: piece.found,
    ended: piece.ended,
    skipped: (again ? piece.offset : state.skipped) + cut,
    failure: undefined,
  };
}

/** Terminal colour codes, which an editor would show as noise; a carriage return leaves only what was last written on its line. */
export function readable(text: string): string {
  return text
    .replace(/\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)/g, '')
    .replace(/\r\n/g, '\n')
    .replace(/[^\n]*\r(?=[^\n])/g, '');
}

export function logDocumentText(state: LogState, stream: string, following: boolean): string {
  const body = readable(state.text);
  const head = state.skipped > 0 ? `… ${(state.skipped / 1024).toFixed(0)} KiB before this\n` : '';
  const tail = !state.found
    ? state.path === undefined
      ? `Reading ${stream} …\n`
      : `The task has written no ${stream} yet (${state.path}).\n`
    : state.ended
      ? body === ''
        ? `The task has ended and wrote nothing to ${stream}.\n`
        : ''
      : '';
  const note = state.failure !== undefined ? `\n── could not be read further: ${state.failure}\n` : state.found && !state.ended && following ? '' : '';
  return `${head}${body}${tail}${note}`;
}
