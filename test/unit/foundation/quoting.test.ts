import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { HpcError } from '../../../src/foundation/errors.ts';
import { quoteCommand, quoteExports, quoteWord } from '../../../src/foundation/quoting.ts';

/** What shells look at, mixed with any Unicode. A lone surrogate has no UTF-8, and a NUL no place in an argument. */
const special = fc.constantFrom("'", '"', '\\', '$', '`', '!', '\n', '\r', '\t', ' ', '*', '?', '[', '~', '#', '&', ';', '|', '<', '>', '(', ')', '{', '}', '=', '-', '%', '^', '\u007f', '\u0001', '\u00a0', 'é', '€', '😀', '$(id)', '${IFS}', "'\\''", '!!', '\\\n');
const word = fc
  .oneof(fc.array(special, { maxLength: 12 }).map((parts) => parts.join('')), fc.string({ unit: 'grapheme', maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 20 }))
  .map((text) => Buffer.from(text, 'utf8').toString('utf8').replaceAll('\0', ''));
const words = fc.array(fc.array(word, { minLength: 1, maxLength: 5 }), { minLength: 20, maxLength: 20 });

/** Runs a program through a shell's standard input, as connections do. */
function through(shell: readonly string[], program: string): Buffer {
  const [file, ...args] = shell;
  return execFileSync(file ?? '', args, { input: program, stdio: ['pipe', 'pipe', 'inherit'] });
}

describe('quoting (unit)', () => {
  // tcsh is only ever the shell that starts sh: nothing else is handed to it.
  for (const shell of [['sh', '-s'], ['bash', '-s'], ['bash', '--posix', '-s'], ['tcsh', '-f', '-c', 'exec sh -s']]) {
    it(`comes back from ${shell.join(' ')} word by word`, () => {
      fc.assert(
        fc.property(words, (commands) => {
          const program = commands.map((command) => `printf '%s\\0' ${quoteCommand(command)}; printf '\\0'`).join('\n');
          const expected = commands.map((command) => `${command.map((text) => `${text}\0`).join('')}\0`).join('');
          assert.equal(through(shell, `${program}\n`).toString('utf8'), expected);
        }),
        { numRuns: 15 },
      );
    });

    it(`sets variables through ${shell.join(' ')}`, () => {
      fc.assert(
        fc.property(fc.array(word, { minLength: 20, maxLength: 20 }), (values) => {
          const env = Object.fromEntries(values.map((value, i) => [`V_${i}`, value]));
          const shown = values.map((_, i) => `printf '%s\\0' "$V_${i}"`).join('\n');
          assert.equal(through(shell, `${quoteExports(env)}\n${shown}\n`).toString('utf8'), values.map((value) => `${value}\0`).join(''));
        }),
        { numRuns: 5 },
      );
    });
  }

  it('leaves plain words readable', () => {
    for (const plain of ['squeue', '--me', '-o', 'a/b.c', '%i', '--array=1-5%2', '1,2']) assert.equal(quoteWord(plain), plain);
    for (const odd of ['', 'A=b', '~', '~/x', 'a b', "it's"]) assert.notEqual(quoteWord(odd), odd);
  });

  it('refuses what no shell can carry', () => {
    assert.throws(() => quoteWord('a\0b'), (error) => HpcError.is(error, 'spec_invalid'));
    for (const name of ['', '1A', 'A-B', 'A B', 'A=B', 'Ä']) assert.throws(() => quoteExports({ [name]: 'x' }), (error) => HpcError.is(error, 'spec_invalid'), name);
  });
});
