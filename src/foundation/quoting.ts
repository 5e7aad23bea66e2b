/**
 * The one place where a string becomes a word of a shell command.
 *
 * Rule: remote text is always read by a POSIX `sh` (`sh -s`), never by the login shell, so the only form needed is
 * the single-quoted one, in which nothing is special but the single quote itself: `it's` becomes `'it'\''s'`.
 * tcsh would read it alike but for `!` and a newline, which is why nothing but `sh -s` is ever handed to a login shell.
 */
import { HpcError } from './errors.ts';

const plainWord = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** One word for a POSIX shell. Throws `spec_invalid` for a NUL, which no argument can carry. */
export function quoteWord(word: string): string {
  if (word.includes('\0')) throw new HpcError('spec_invalid', `A command argument holds a NUL character: ${JSON.stringify(word.slice(0, 80))}.`);
  // An assignment-like first word (`A=b`) would be read as one, so `=` is plain only after a slash or dash.
  if (plainWord.test(word) && !/^[A-Za-z_][A-Za-z0-9_]*=/.test(word) && !word.startsWith('~')) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** An argument vector as one line for a POSIX shell. */
export function quoteCommand(argv: readonly string[]): string {
  return argv.map(quoteWord).join(' ');
}

const environmentName = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function isEnvironmentName(name: string): boolean {
  return environmentName.test(name);
}

/** `export A='b'` lines. Throws `spec_invalid` for a name that a shell would not take as a variable. */
export function quoteExports(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .map(([name, value]) => {
      if (!isEnvironmentName(name)) {
        throw new HpcError('spec_invalid', `${JSON.stringify(name)} is not a name for an environment variable.`, {
          remediation: 'Use letters, digits and underscores, and do not begin with a digit.',
        });
      }
      return `export ${name}=${quoteWord(value)}`;
    })
    .join('\n');
}
