/**
 * A POSIX sh program as one line that every login shell reads alike: bash, dash, zsh, tcsh, fish.
 *
 * Rule: inside the single quotes stand only characters that none of these shells looks at (tcsh reads `!`, fish reads a
 * backslash before a quote or a backslash). Everything else travels as `\0ooo`, which `printf %b` of the started sh turns back.
 */
const harmless = /^[A-Za-z0-9 _@%+=:,./-]$/;

/** The kernel takes 128 KiB in one argument; the login shell gets the line as one. */
const longestLine = 96 * 1024;

function encode(program: string): string {
  let encoded = '';
  for (const byte of Buffer.from(program, 'utf8')) {
    const character = String.fromCharCode(byte);
    encoded += harmless.test(character) ? character : `\\0${byte.toString(8).padStart(3, '0')}`;
  }
  return encoded;
}

/** Starts an sh that reads programs from its standard input. */
export const keptShellLine = 'exec sh -s';

export interface ProgramLine {
  readonly line: string;
  /** Bytes to write to standard input before anything else: the program, where it is too long for the line. */
  readonly preamble: Buffer | undefined;
}

/** Starts an sh that runs `program` and exits; its standard input is what follows the preamble. */
export function programLine(program: string): ProgramLine {
  const encoded = encode(program);
  if (encoded.length <= longestLine) return { line: `exec sh -c 'eval "$(printf %b "$1")"' sh '${encoded}'`, preamble: undefined };
  const preamble = Buffer.from(program, 'utf8');
  // Byte by byte, since nothing portable reads exactly so much of a pipe and leaves the rest to the program.
  return { line: `exec sh -c 'eval "$(dd ibs=1 count=${preamble.length} 2>/dev/null)"'`, preamble };
}
