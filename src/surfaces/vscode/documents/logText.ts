/**
 * The text of a log that is read in pieces: a window on the file that is followed at its end and can be widened upwards.
 *
 * Rules: the window is bounded, however long the file and however long it is followed; every piece is made readable once; positions are
 * bytes of the file, so that what comes before the window can be asked for.
 */
import { l10n } from '../../../../l10n/words.ts';
import { plainLine, plainText } from './terminalText.ts';

export interface LogPiece {
  readonly path: string;
  readonly found: boolean;
  readonly text: string;
  /** Byte position of the text's first byte; size of the file; where a next call goes on. */
  readonly offset: number;
  readonly size: number;
  readonly next_offset: number;
  readonly ended: boolean;
}

/** Whole lines of the file, as they are shown. */
interface Chunk {
  readonly offset: number;
  readonly text: string;
}

export interface LogState {
  readonly chunks: readonly Chunk[];
  /** The last line as far as it is written, as it came; and where it begins. */
  readonly rest: string;
  readonly restOffset: number;
  /** Where the next piece begins; undefined before the first. */
  readonly nextOffset: number | undefined;
  readonly size: number;
  readonly path: string | undefined;
  readonly found: boolean;
  readonly ended: boolean;
  /** Characters that are kept while the end is followed. */
  readonly limit: number;
  /** Why the last attempt to read failed. */
  readonly failure: string | undefined;
}

/** Of one reading, at the end of the file or before the window. */
export const pieceBytes = 512 * 1024;
const followedCharacters = 2_000_000;
/** Further up is read with other tools. */
const mostCharacters = 16_000_000;
const chunkCharacters = 256_000;

export const emptyLog: LogState = { chunks: [], rest: '', restOffset: 0, nextOffset: undefined, size: 0, path: undefined, found: false, ended: false, limit: followedCharacters, failure: undefined };

const lengthOf = (chunks: readonly Chunk[]): number => chunks.reduce((sum, { text }) => sum + text.length, 0);
const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** Whether the piece goes on where the window ends. Where it does not, the file is another one (a new attempt): its end is read anew. */
export function continues(state: LogState, piece: LogPiece): boolean {
  return state.nextOffset !== undefined && piece.found && piece.path === state.path && piece.offset === state.nextOffset;
}

/** Whether so much was written meanwhile that what lies between is left out. */
export function isFarBehind(piece: LogPiece): boolean {
  return piece.size - piece.next_offset > pieceBytes;
}

export function withPiece(state: LogState, piece: LogPiece): LogState {
  const before = continues(state, piece) ? state : { ...emptyLog, restOffset: piece.offset };
  const raw = before.rest + piece.text;
  const cut = raw.lastIndexOf('\n') + 1;
  const rest = raw.slice(cut);
  const lines = cut === 0 ? '' : plainText(raw.slice(0, cut));
  return {
    chunks: trimmed(joined(before.chunks, { offset: before.restOffset, text: lines }), before.limit),
    rest,
    restOffset: cut === 0 ? before.restOffset : piece.next_offset - bytesOf(rest),
    nextOffset: piece.found ? piece.next_offset : undefined,
    size: piece.size,
    path: piece.path,
    found: piece.found,
    ended: piece.ended,
    limit: before.limit,
    failure: undefined,
  };
}

function joined(chunks: readonly Chunk[], next: Chunk): readonly Chunk[] {
  if (next.text === '') return chunks;
  const last = chunks.at(-1);
  if (!last || last.text.length + next.text.length > chunkCharacters) return [...chunks, next];
  return [...chunks.slice(0, -1), { offset: last.offset, text: last.text + next.text }];
}

function trimmed(chunks: readonly Chunk[], limit: number): readonly Chunk[] {
  let first = 0;
  for (let total = lengthOf(chunks); total > limit && first < chunks.length - 1; first += 1) total -= chunks[first]?.text.length ?? 0;
  return first === 0 ? chunks : chunks.slice(first);
}

/** Byte position of the first shown line. */
export function firstOffset({ chunks, restOffset }: LogState): number {
  return chunks[0]?.offset ?? restOffset;
}

export function hasEarlier(state: LogState): boolean {
  return state.found && firstOffset(state) > 0 && lengthOf(state.chunks) < mostCharacters;
}

/** The window widened by what comes before it: `piece` ends at `firstOffset(state)`. */
export function withEarlier(state: LogState, piece: LogPiece): LogState {
  if (!piece.found || piece.text === '' || piece.offset >= firstOffset(state)) return state;
  const text = plainText(piece.text);
  return { ...state, chunks: [{ offset: piece.offset, text }, ...state.chunks], limit: state.limit + text.length, failure: undefined };
}

export function sizeWords(bytes: number): string {
  const units = ['KiB', 'MiB', 'GiB', 'TiB'] as const;
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${l10n.number(value, { minimumFractionDigits: value >= 100 ? 0 : 1, maximumFractionDigits: value >= 100 ? 0 : 1 })} ${units[unit] ?? ''}`;
}

export function logDocumentText(state: LogState, stream: string): string {
  const before = firstOffset(state);
  const head = state.found && before > 0 ? `${l10n.t('⋯ {0} before this', sizeWords(before))}\n` : '';
  const body = state.chunks.map(({ text }) => text).join('') + plainLine(state.rest);
  const note = state.failure === undefined ? '' : `${body === '' || body.endsWith('\n') ? '' : '\n'}${l10n.t('── could not be read further: {0}', plainLine(state.failure.replaceAll('\n', ' ')))}\n`;
  return `${head}${body}${body === '' && state.failure === undefined ? emptyWords(state, stream) : ''}${note}`;
}

function emptyWords(state: LogState, stream: string): string {
  if (state.path === undefined) return `${l10n.t('Reading {0} …', stream)}\n`;
  if (state.ended) return `${l10n.t('The task has ended and wrote nothing to {0}.', stream)}\n`;
  return `${l10n.t('The task has written no {0} yet ({1}).', stream, state.path)}\n`;
}
