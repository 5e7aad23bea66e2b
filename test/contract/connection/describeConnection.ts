/**
 * What every connection must do. Run against `local`, `ssh` over a real sshd, and the fake, which answers only the commands it has a reply
 * for: what needs a real shell is asked of those that have one.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as net from 'node:net';
import { CancelledError } from '../../../src/foundation/abort.ts';
import { HpcError } from '../../../src/foundation/errors.ts';
import type { Connection, ConnectionState, RemoteCommand } from '../../../src/connection/port.ts';
import { until } from './sshd.ts';

export interface ConnectionUnderTest {
  readonly connection: Connection;
  readonly stop: () => Promise<void>;
}

export interface ConnectionTraits {
  /** Commands are run by a real sh. */
  readonly shell: boolean;
  /** Only one command can run at a time: nothing can look at what another one does. */
  readonly oneSession?: boolean;
}

/** The commands that a fake must have replies for. */
export const contractCommands = {
  both: { script: 'echo out; echo err >&2; exit 3' },
  echo: { argv: ['cat'], stdin: 'a\r\nb' },
  never: { argv: ['sleep', '1000'] },
} as const satisfies Record<string, RemoteCommand>;

export function describeConnection(name: string, traits: ConnectionTraits, make: () => Promise<ConnectionUnderTest>): void {
  describe(`${name}: a connection`, () => {
    let under: ConnectionUnderTest;
    let connection: Connection;
    before(async () => {
      under = await make();
      connection = under.connection;
    });
    after(async () => {
      connection.dispose();
      await under.stop();
    });

    it('connects at the first command, and says so', async () => {
      const seen: ConnectionState['kind'][] = [];
      const listening = connection.onDidChangeState((state) => seen.push(state.kind));
      assert.equal(connection.state.kind, 'idle');
      await connection.run(contractCommands.echo);
      listening.dispose();
      assert.deepEqual(seen, ['connecting', 'connected']);
      assert.equal(connection.state.kind, 'connected');
      assert.equal(connection.statistics.connects, 1);
    });

    it('gives both streams and the exit status as a result', async () => {
      for (const how of ['run', 'exec'] as const) {
        assert.deepEqual(await connection[how](contractCommands.both), { stdout: 'out\n', stderr: 'err\n', exitCode: 3 }, how);
      }
    });

    it('hands standard input over to the last byte', async () => {
      for (const how of ['run', 'exec'] as const) assert.equal((await connection[how](contractCommands.echo)).stdout, 'a\r\nb', how);
    });

    it('costs one round trip for a warm program', async () => {
      await connection.run(contractCommands.both);
      const before = connection.statistics.roundTrips;
      await connection.run(contractCommands.both);
      assert.equal(connection.statistics.roundTrips, before + 1);
    });

    it('ends at its time limit with an outcome that is not known', async () => {
      for (const how of ['run', 'exec'] as const) {
        await assert.rejects(connection[how](contractCommands.never, { timeoutMs: 300 }), (error) => {
          assert.ok(HpcError.is(error, 'cluster_timeout'), how);
          assert.equal(error.details?.outcome, 'unknown');
          return true;
        });
        assert.equal((await connection[how](contractCommands.echo)).stdout, 'a\r\nb', 'the next command works');
      }
    });

    it('ends as cancelled when the caller gives up', async () => {
      for (const how of ['run', 'exec'] as const) {
        const controller = new AbortController();
        const running = connection[how](contractCommands.never, { signal: controller.signal });
        setTimeout(() => controller.abort(), 50);
        await assert.rejects(running, CancelledError, how);
        await assert.rejects(connection[how](contractCommands.echo, { signal: controller.signal }), CancelledError, `${how}, aborted before`);
        assert.equal((await connection[how](contractCommands.echo)).stdout, 'a\r\nb');
      }
    });

    it('refuses a NUL in what becomes text of a shell', async () => {
      await assert.rejects(connection.run({ argv: ['echo', 'a\0b'] }), (error) => HpcError.is(error, 'spec_invalid'));
      await assert.rejects(connection.run({ script: 'echo a\0b' }), (error) => HpcError.is(error, 'spec_invalid'));
      await assert.rejects(connection.run({ argv: ['cat'], stdin: 'a\0b' }), (error) => HpcError.is(error, 'spec_invalid'));
    });

    it('knows its surroundings, and asks for them once', async () => {
      const facts = await connection.environment();
      assert.notEqual(facts.user, '');
      assert.match(facts.home, /^\//);
      assert.match(facts.system, /^(Linux|Darwin)$/);
      const before = connection.statistics.roundTrips;
      assert.deepEqual(await connection.environment(), facts);
      assert.equal(connection.statistics.roundTrips, before);
    });

    if (traits.shell) describeShell(() => connection, traits);

    it('fails typed once it is closed', async () => {
      connection.dispose();
      assert.equal(connection.state.kind, 'closed');
      for (const ask of [() => connection.run(contractCommands.echo), () => connection.exec(contractCommands.echo), () => connection.environment(), () => connection.reconnect()]) {
        await assert.rejects(ask(), (error) => {
          assert.ok(HpcError.is(error, 'ssh_unreachable'));
          assert.equal(error.details?.outcome, 'not_sent');
          return true;
        });
      }
      connection.dispose();
    });
  });
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function describeShell(get: () => Connection, traits: ConnectionTraits): void {
  const run = (command: RemoteCommand): ReturnType<Connection['run']> => get().run(command);

  it('sets variables and the folder, and passes words as they are', async () => {
    const words = ["it's", 'a b', '$HOME', '`x`', '!', '\\', '', '-n', 'ä\n€', '*'];
    const listed = await run({ argv: ['printf', '%s|', ...words] });
    assert.equal(listed.stdout, words.map((word) => `${word}|`).join(''));
    const shown = await run({ script: 'printf "%s,%s" "$A" "$PWD"', env: { A: "x'y\nz" }, cwd: '/usr' });
    assert.equal(shown.stdout, "x'y\nz,/usr");
    assert.equal((await run({ script: 'printf "%s" "${A-unset}"' })).stdout, 'unset', 'nothing is left for the next command');
  });

  it('says what is wrong with a folder that is not there', async () => {
    const result = await run({ argv: ['pwd'], cwd: '/no such/folder' });
    assert.notEqual(result.exitCode, 0);
    assert.equal(result.stdout, '');
    assert.match(result.stderr, /\/no such\/folder/);
    await assert.rejects(run({ argv: ['pwd'], cwd: 'relative' }), (error) => HpcError.is(error, 'spec_invalid'));
    await assert.rejects(run({ argv: ['env'], env: { 'A B': '1' } }), (error) => HpcError.is(error, 'spec_invalid'));
  });

  it('survives a program that is not well formed, or changes its shell', async () => {
    for (const script of ['if', "echo 'open", 'cat <<EOF\nno end', '}', 'exit 7', 'set -e; false', 'exec true', 'trap "" EXIT; exit 1', 'exec >&- 2>&-', 'unset PATH', 'printf() { :; }', 'return 3']) {
      await run({ script });
      assert.deepEqual(await run({ script: 'echo fine' }), { stdout: 'fine\n', stderr: '', exitCode: 0 }, script);
    }
    const names = await Promise.all(['if', 'for', 'x=y', '--'].map((word) => run({ argv: [word] })));
    assert.deepEqual(names.map((result) => result.exitCode), [127, 127, 127, 127], 'a word of the grammar as the name of a program');
  });

  it('has an empty standard input where none is given', async () => {
    assert.deepEqual(await run({ argv: ['cat'] }), { stdout: '', stderr: '', exitCode: 0 });
    assert.deepEqual(await get().exec({ argv: ['cat'] }), { stdout: '', stderr: '', exitCode: 0 });
  });

  it('carries 5 MB of odd text both ways', async () => {
    const odd = `\u0001\u007f\u0080ÿ€\ufeff\r\n'"\\$\`!%s\t\u001b[0m\r`;
    const text = odd.repeat(Math.ceil(5_000_000 / Buffer.byteLength(odd)));
    const { stdout, exitCode } = await run({ argv: ['cat'], stdin: text });
    assert.equal(exitCode, 0);
    assert.ok(stdout === text, 'equal to the last byte');
    assert.equal((await run({ argv: ['cat'], stdin: `${odd}\n\n` })).stdout, `${odd}\n\n`);
    assert.equal((await run({ argv: ['cat'], stdin: odd })).stdout, odd);
  });

  it('takes a program of several hundred kilobytes, with input', async () => {
    const script = `${Array.from({ length: 6000 }, (_, i) => `: "line ${i} it's \\ ! ä"`).join('\n')}\ncat; echo end`;
    assert.equal((await run({ script, stdin: 'in ' })).stdout, 'in end\n');
  });

  it('is neither held up nor confused by what a program leaves in the background', async () => {
    const marker = `left-${process.pid}`;
    const left = await run({ script: `(for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.05; echo ${marker}; echo ${marker} >&2; done) & echo started` });
    assert.deepEqual({ ...left, stdout: left.stdout.replaceAll(`${marker}\n`, ''), stderr: left.stderr.replaceAll(`${marker}\n`, '') }, { stdout: 'started\n', stderr: '', exitCode: 0 });
    for (let i = 0; i < 20; i += 1) {
      assert.deepEqual(await run({ script: 'echo one; sleep 0.03; echo two' }), { stdout: 'one\ntwo\n', stderr: '', exitCode: 0 });
    }
    const own = await get().exec({ script: 'sleep 300 & echo $!' });
    assert.equal(own.exitCode, 0);
    await run({ argv: ['kill', own.stdout.trim()] });
  });

  it('answers many at a time', async () => {
    const numbers = Array.from({ length: 40 }, (_, i) => i);
    const results = await Promise.all(numbers.map((n) => (n % 4 === 0 ? get().exec({ argv: ['echo', String(n)] }) : run({ argv: ['echo', String(n)] }))));
    assert.deepEqual(results.map((result) => result.stdout), numbers.map((n) => `${n}\n`));
  });

  if (!traits.oneSession) it('ends the far program when the caller gives up', async () => {
    for (const how of ['run', 'exec'] as const) {
      const controller = new AbortController();
      const tag = `${987_000 + (how === 'run' ? 1 : 2)}.${process.pid}`;
      const running = get()[how]({ argv: ['sleep', tag] }, { signal: controller.signal });
      const look = async (): Promise<boolean> => (await run({ script: `ps -eo args | grep -c '[s]leep ${tag}'` })).stdout.trim() !== '0';
      await until(`sleep ${tag} runs`, look);
      controller.abort();
      await assert.rejects(running, CancelledError);
      await until(`sleep ${tag} has ended`, async () => !(await look()));
    }
  });

  it('says null where a signal ended the shell', async () => {
    const result = await get().exec({ script: 'echo before; kill -9 $$' });
    assert.deepEqual(result, { stdout: 'before\n', stderr: '', exitCode: null });
    assert.equal((await run({ script: 'kill -9 $$' })).exitCode, null);
    assert.equal((await run({ script: 'echo fine' })).stdout, 'fine\n');
  });

  it('streams as it comes', async () => {
    const seen: string[] = [];
    let release: () => void = () => undefined;
    const first = new Promise<void>((resolve) => (release = resolve));
    // The program goes on only after its first line has been seen here.
    async function* input(): AsyncGenerator<Uint8Array> {
      await first;
      yield Buffer.from('go\n');
    }
    const result = await get().exec(
      { script: 'echo one; read line; echo "$line" >&2; echo two' },
      {
        input: input(),
        onStdout: (chunk) => {
          seen.push(Buffer.from(chunk).toString());
          release();
        },
      },
    );
    assert.equal(seen.join(''), 'one\ntwo\n');
    assert.deepEqual(result, { stdout: '', stderr: 'go\n', exitCode: 0 });
  });

  it('sends a stream of bytes with back-pressure, exactly', async () => {
    let ahead = 0;
    const piece = Buffer.alloc(1 << 20, 0);
    for (let i = 0; i < piece.length; i += 1) piece[i] = (i * 31) & 0xff;
    async function* input(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 24; i += 1) {
        ahead = i;
        yield await Promise.resolve(piece);
      }
    }
    const received: Uint8Array[] = [];
    let aheadAtFirst: number | undefined;
    // The reader sleeps first: a sender without back-pressure would be through by then.
    const result = await get().exec({ script: 'sleep 1; printf x >&2; cat' }, { input: input(), onStdout: (chunk) => received.push(chunk), onStderr: () => (aheadAtFirst ??= ahead) });
    assert.equal(result.exitCode, 0);
    assert.ok(Buffer.concat(received).equals(Buffer.concat(Array.from({ length: 24 }, () => piece))));
    assert.ok(aheadAtFirst !== undefined && aheadAtFirst < 20, `the sender was ${aheadAtFirst} MiB ahead`);
  });

  it('ends when the program ends, whatever the input', async () => {
    let returned = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield await Promise.resolve(Buffer.alloc(65536));
      } finally {
        returned = true;
      }
    }
    assert.equal((await get().exec({ argv: ['head', '-c', '3'] }, { input: endless() })).stdout, '\0\0\0');
    await until('the source is told', () => returned);
  });

  it('fails as the input does', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('x'));
      throw new Error('the disk went away');
    }
    await assert.rejects(get().exec({ argv: ['cat'] }, { input: failing() }), /the disk went away/);
    assert.equal((await run({ script: 'echo fine' })).stdout, 'fine\n');
  });

  it('finds Python and the tools by absolute path', async () => {
    const facts = await get().environment();
    assert.ok(facts.python?.startsWith('/'));
    assert.equal((await run({ argv: [facts.python ?? '', '-c', 'import sys; print(sys.version_info >= (3, 6))'] })).stdout, 'True\n');
    assert.match(facts.tools.tar ?? '', /^\/.*tar$/);
    assert.equal(facts.variables.HOME, facts.home);
    assert.match(facts.variables.PATH ?? '', /\/bin/);
  });

  it('opens a terminal', async () => {
    let text = '';
    const session = await get().shell({ size: { columns: 91, rows: 17 }, onData: (chunk) => (text += Buffer.from(chunk).toString()), command: { script: 'stty size; read a; stty size; echo "got $a"; exit 5' } });
    await until('the size', () => text.includes('17 91'));
    session.resize({ columns: 120, rows: 40 });
    session.write('hello\n');
    assert.equal(await session.ended, 5);
    assert.match(text, /40 120/);
    assert.match(text, /got hello/);
    session.dispose();
    const login = await get().shell({ size: { columns: 80, rows: 24 }, onData: () => undefined });
    login.dispose();
    await login.ended;
  });

  it('forwards a port of the loopback', async () => {
    const server = net.createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const forwarded = await get().forward({ host: '127.0.0.1', port: (server.address() as net.AddressInfo).port });
    const socket = net.connect(forwarded.localPort, '127.0.0.1');
    const data = Buffer.alloc(300_000, 'abc');
    socket.end(data);
    assert.ok((await collect(socket)).equals(data));
    // A port that somebody else listens on, an orphan of an earlier window for one: said by its number, never shared.
    const { port } = server.address() as net.AddressInfo;
    await assert.rejects(get().forward({ host: '127.0.0.1', port }, { localPort: port }), (error: unknown) => HpcError.is(error, 'config_invalid') && error.message.includes(String(port)));
    forwarded.dispose();
    server.close();
    await assert.rejects(once(net.connect(forwarded.localPort, '127.0.0.1'), 'connect'));
  });
}
