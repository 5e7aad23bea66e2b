import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { FrameReader, framedProgram, mayLeaveSomethingRunning } from '../../../../src/connection/channel/frame.ts';
import { programLine } from '../../../../src/connection/channel/loginLine.ts';

const nonce = '00112233445566778899aabbccddeeff';

function readAll(chunks: readonly Buffer[]): { body: Buffer; reader: FrameReader } {
  const body: Buffer[] = [];
  const reader = new FrameReader(nonce, (chunk) => body.push(chunk));
  for (const chunk of chunks) reader.push(chunk);
  return { body: Buffer.concat(body), reader };
}

/** Cuts bytes at the given places. */
function cut(data: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (data.length + 1)))].sort((a, b) => a - b);
  return [0, ...sorted].map((from, i) => data.subarray(from, sorted[i] ?? data.length));
}

describe('frames (unit)', () => {
  it('are found whatever stands around and inside, and however they are cut', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((data) => Buffer.from(data)),
      // Beginnings of the marks, which must not be taken for them.
      fc.array(fc.constantFrom(nonce, nonce.slice(0, 5), '<', '\n', nonce.slice(0, 31), `${nonce}\n`), { maxLength: 5 }).map((parts) => Buffer.from(parts.join(' '))),
    );
    fc.assert(
      fc.property(bytes, bytes, bytes, fc.array(fc.nat(400), { maxLength: 12 }), (noise, body, rest, places) => {
        const whole = Buffer.concat([noise, Buffer.from(`\n${nonce}<4711\n`), body, Buffer.from(`${nonce}>17\n`), rest]);
        const { body: found, reader } = readAll(cut(whole, places));
        assert.ok(found.equals(body));
        assert.deepEqual([reader.done, reader.head, reader.tail], [true, '4711', '17']);
      }),
    );
  });

  it('pass on at once what cannot be a mark', () => {
    const seen: string[] = [];
    const reader = new FrameReader(nonce, (chunk) => seen.push(chunk.toString()));
    reader.push(Buffer.from(`${nonce}<1\nhello ${nonce.slice(0, 4)}`));
    assert.equal(seen.join(''), 'hello ');
    reader.push(Buffer.from('xyz'));
    assert.equal(seen.join(''), `hello ${nonce.slice(0, 4)}xyz`);
    assert.equal(reader.done, false);
  });

  it('keep the end of the noise for the error message', () => {
    const { reader } = readAll([Buffer.from('x'.repeat(10_000)), Buffer.from('This account is not available.')]);
    assert.equal(reader.begun, false);
    assert.ok(reader.noise.endsWith('This account is not available.'));
    assert.ok(reader.noise.length < 5_000);
  });

  for (const shell of [['sh', '-s'], ['bash', '-s'], ['bash', '--posix', '-s']]) {
    it(`survive any script and any input through ${shell.join(' ')}`, () => {
      const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 30 }), fc.array(fc.constantFrom("'", '"', '(', ')', '{', '}', 'if', 'EOF', '<<EOF', '\n', '`', '$(', '\\', '#', ';', 'done', 'case', 'exit 3', '!', '\r'), { maxLength: 8 }).map((parts) => parts.join(' ')));
      const clean = text.map((value) => Buffer.from(value).toString().replaceAll('\0', ''));
      fc.assert(
        fc.property(fc.array(fc.tuple(clean, clean), { minLength: 20, maxLength: 20 }), (pairs) => {
          // The script is data to a `:` that never runs it: only its being carried is tested, not what it does.
          const program = pairs.map(([script, input]) => framedProgram({ script: `cat; exit 9\n${script}` }, nonce, { text: input })).join('');
          const [file, ...args] = shell;
          const out = execFileSync(file ?? '', args, { input: program, stdio: ['pipe', 'pipe', 'ignore'] }).toString();
          const statuses = [...out.matchAll(new RegExp(`${nonce}>(\\d+)\n`, 'g'))].map((match) => match[1]);
          assert.equal(statuses.length, pairs.length, 'every program has its end');
          const bodies = out.split(`${nonce}<`).slice(1).map((part) => part.slice(part.indexOf('\n') + 1, part.indexOf(`${nonce}>`)));
          pairs.forEach(([, input], i) => {
            // A script that does not parse is not run at all; every other one gives its input back.
            if (statuses[i] === '9') assert.equal(bodies[i], input);
          });
        }),
        { numRuns: 10 },
      );
    });
  }

  for (const shell of ['sh', 'bash', 'tcsh', 'fish'] as const) {
    // fish is not everywhere; the others are named by what the suite needs.
    if (shell === 'fish' && !present('fish')) continue;
    it(`a program as one line is read alike by ${shell}`, () => {
      fc.assert(
        fc.property(fc.array(fc.oneof(fc.string({ unit: 'binary', maxLength: 10 }), fc.constantFrom("'", '\\', '!', '"', '\n', '$x', '`', "\\'", '!!', '%', '\\0101')), { maxLength: 8 }), (parts) => {
          const text = Buffer.from(parts.join('')).toString().replaceAll('\0', '');
          const { line } = programLine(framedProgram({ argv: ['printf', '%s', text] }, nonce, 'none'));
          const out = execFileSync(shell, [...(shell === 'tcsh' ? ['-f'] : []), '-c', line], { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
          assert.ok(out.includes(`\n${text}${nonce}>0\n`), JSON.stringify({ text, out }));
        }),
        { numRuns: 25 },
      );
    });
  }

  it('a long program goes over standard input', () => {
    const { line, preamble } = programLine(`${'# x\n'.repeat(60_000)}cat`);
    assert.ok(line.length < 200);
    assert.equal(execFileSync('sh', ['-c', line], { input: Buffer.concat([preamble ?? Buffer.alloc(0), Buffer.from('the rest')]) }).toString(), 'the rest');
  });

  it('tell what may leave something running', () => {
    for (const script of ['sleep 9 &', 'a & b', '(x &)', 'x &\n', 'nohup x', 'setsid x', 'x &>y']) assert.ok(mayLeaveSomethingRunning({ script }), script);
    for (const script of ['a && b', 'x 2>&1', 'x >&2', 'y <&3', 'echo hi']) assert.ok(!mayLeaveSomethingRunning({ script }), script);
    assert.ok(mayLeaveSomethingRunning({ argv: ['sh', '-c', 'x &'] }));
    assert.ok(mayLeaveSomethingRunning({ argv: ['/bin/bash', '-s'], stdin: 'x & ' }));
    assert.ok(!mayLeaveSomethingRunning({ argv: ['python3', '-'], stdin: 'a & b' }));
  });
});

function present(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => {
    try {
      return readFileSync(`${folder}/${program}`).length > 0;
    } catch {
      return false;
    }
  });
}
