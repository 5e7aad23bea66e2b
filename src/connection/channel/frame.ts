/**
 * A command as a program between two marks, and the reader that finds the marks again.
 *
 * Rules:
 * - Both streams carry `<nonce><…` before and `<nonce>>…` after the command's own bytes, with a fresh nonce for each command.
 *   What stands outside is noise of start-up files, or of something that an earlier command left running, and is dropped.
 * - The command's text is one quoted word for `eval` in a subshell: no quote, here-document or syntax error in it can reach the marks,
 *   and `exit` ends only the subshell.
 * - Standard input, where it is short, is a quoted word given to `printf`: exact to the last byte, and without the temporary file that
 *   bash makes for a here-document (a full /tmp on a login node must not break us).
 */
import { HpcError } from '../../foundation/errors.ts';
import { quoteCommand, quoteExports, quoteWord } from '../../foundation/quoting.ts';
import type { RemoteCommand } from '../port.ts';

function refuseNul(text: string, what: string): void {
  if (text.includes('\0')) throw new HpcError('spec_invalid', `${what} holds a NUL character, which a shell cannot carry.`, { remediation: 'Send binary data as the input stream of exec.' });
}

/** The command as lines of sh, to be run in a subshell of its own. */
export function commandText(command: RemoteCommand): string {
  const lines: string[] = [];
  if (command.env && Object.keys(command.env).length > 0) lines.push(quoteExports(command.env));
  if (command.cwd !== undefined) {
    if (!command.cwd.startsWith('/')) throw new HpcError('spec_invalid', `The folder of a remote command must be absolute: ${JSON.stringify(command.cwd)}.`);
    const folder = quoteWord(command.cwd);
    lines.push(`cd ${folder} || { printf 'The folder %s cannot be entered.\\n' ${folder} >&2; exit 1; }`);
  }
  if (command.argv !== undefined) {
    if (command.argv.length === 0) throw new HpcError('spec_invalid', 'A command without a program.');
    // `command --` keeps a program named like a word of the shell's grammar from being read as one.
    lines.push(`command -- ${quoteCommand(command.argv)}`);
  } else {
    refuseNul(command.script, 'The script');
    lines.push(`eval ${quoteWord(command.script)}`);
  }
  return lines.join('\n');
}

export type InputSource = 'none' | 'inherited' | { readonly text: string };

/**
 * The same for an sh that reads its programs from the input that the command is to read: one group, which the sh has read to its end before
 * it begins, and after which it reads nothing more, so that no byte of the input can ever be taken for a command.
 */
export function lastFramedProgram(command: RemoteCommand, nonce: string, input: InputSource): string {
  return `{\n${framedProgram(command, nonce, input)}exit 0\n}\n`;
}

export function framedProgram(command: RemoteCommand, nonce: string, input: InputSource): string {
  const body = `(\n${commandText(command)}\n)`;
  let fed: string;
  if (input === 'none') fed = `${body} </dev/null`;
  else if (input === 'inherited') fed = body;
  else {
    refuseNul(input.text, 'The standard input');
    fed = `printf %s ${quoteWord(input.text)} 2>/dev/null | ${body}`;
  }
  return [
    `printf '\\n%s<%s\\n' ${nonce} "$$"; printf '\\n%s<\\n' ${nonce} >&2`,
    fed,
    // One line, so that `$?` is the command's.
    `printf '%s>%s\\n' ${nonce} "$?"; printf '%s>\\n' ${nonce} >&2`,
    '',
  ].join('\n');
}

const shells = /(^|\/)(ba|da|k|mk|z|tc|c|fi|a)?sh$/;

/**
 * Whether the command may start something in the background that outlives it. Such a thing could keep the channel's streams and
 * write into the frames of later commands, so the channel is not used again after it. Errs on the side of yes.
 */
export function mayLeaveSomethingRunning(command: RemoteCommand): boolean {
  const texts = command.argv === undefined ? [command.script] : [...command.argv];
  if (command.argv !== undefined && shells.test(command.argv[0] ?? '') && command.stdin !== undefined) texts.push(command.stdin);
  return texts.some((text) => /(?<![&<>])&(?!&)/.test(text.replaceAll('&&', '')) || /\b(coproc|disown|setsid|nohup|daemonize)\b/.test(text));
}

const noiseKept = 2048;

/** Finds one frame in one stream. */
export class FrameReader {
  private readonly open: Buffer;
  private readonly close: Buffer;
  private readonly onBody: (chunk: Buffer) => void;
  private pending: Buffer = Buffer.alloc(0);
  private phase: 'before' | 'head' | 'body' | 'tail' | 'done' = 'before';
  private noiseText = '';
  /** What stands in the opening mark (the far shell's process id on stdout). */
  head = '';
  /** What stands in the closing mark (the exit status on stdout). */
  tail = '';

  constructor(nonce: string, onBody: (chunk: Buffer) => void) {
    this.open = Buffer.from(`${nonce}<`);
    this.close = Buffer.from(`${nonce}>`);
    this.onBody = onBody;
  }

  get begun(): boolean {
    return this.phase === 'body' || this.phase === 'tail' || this.phase === 'done';
  }
  get done(): boolean {
    return this.phase === 'done';
  }
  /** The end of what came before the frame: what a login shell says when it refuses. */
  get noise(): string {
    return this.phase === 'before' ? this.noiseText + this.pending.toString('utf8') : this.noiseText;
  }

  push(chunk: Buffer): void {
    this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    while (this.step());
  }

  /** Takes one step; false when more bytes are needed. */
  private step(): boolean {
    switch (this.phase) {
      case 'before':
        return this.seek(this.open, 'head', (noise) => {
          this.noiseText = (this.noiseText + noise.toString('utf8')).slice(-noiseKept);
        });
      case 'body':
        return this.seek(this.close, 'tail', this.onBody);
      case 'head':
      case 'tail': {
        const end = this.pending.indexOf(0x0a);
        if (end < 0) return false;
        const text = this.pending.toString('utf8', 0, end);
        this.pending = this.pending.subarray(end + 1);
        if (this.phase === 'head') this.head = text;
        else this.tail = text;
        this.phase = this.phase === 'head' ? 'body' : 'done';
        return true;
      }
      case 'done':
        this.pending = Buffer.alloc(0);
        return false;
    }
  }

  private seek(mark: Buffer, next: 'head' | 'tail', take: (chunk: Buffer) => void): boolean {
    const at = this.pending.indexOf(mark);
    if (at >= 0) {
      if (at > 0) take(this.pending.subarray(0, at));
      this.pending = this.pending.subarray(at + mark.length);
      this.phase = next;
      return true;
    }
    // Hold back only what may be the beginning of the mark: a stream is passed on as it comes.
    let held = Math.min(mark.length - 1, this.pending.length);
    while (held > 0 && !mark.subarray(0, held).equals(this.pending.subarray(this.pending.length - held))) held -= 1;
    const free = this.pending.length - held;
    if (free > 0) take(this.pending.subarray(0, free));
    this.pending = this.pending.subarray(free);
    return false;
  }
}
