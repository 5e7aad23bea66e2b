/** Signing in with the system's ssh on the bed's real sshd and PAM, over a master and without: answers come through our askpass program. */
import assert from 'node:assert/strict';
import { createOpensshConnection } from '../../src/connection/openssh/createOpensshConnection.ts';
import type { Connection } from '../../src/connection/port.ts';
import { HpcError } from '../../src/foundation/errors.ts';
import { silentLog } from '../../src/foundation/log.ts';
import { startSandbox, type Sandbox } from './sandbox.ts';
import { oneTimeCode } from './sshAccess.ts';

describe("signing in with the system's ssh (sandbox)", function () {
  this.timeout(120_000);
  let sandbox: Sandbox;
  const connections: Connection[] = [];
  const asked: string[] = [];

  before(async () => {
    sandbox = await startSandbox();
  });
  afterEach(() => {
    for (const connection of connections.splice(0)) connection.dispose();
    asked.length = 0;
  });

  const open = (alias: string, answer: (prompt: string) => string | undefined, multiplex = true): Connection => {
    const connection = createOpensshConnection(
      { kind: 'ssh', host: alias, sshConfigFile: sandbox.ssh.sshConfigFile },
      {
        log: silentLog,
        multiplex,
        prompts: {
          secret: ({ prompt }) => {
            asked.push(prompt);
            return Promise.resolve(answer(prompt));
          },
          trustHostKey: () => Promise.resolve('refuse'),
        },
      },
    );
    connections.push(connection);
    return connection;
  };
  const userOf = async (connection: Connection): Promise<string> => (await connection.run({ argv: ['id', '-un'] })).stdout.trim();

  it('by key: directly, through the bastion, into tcsh, into noisy start-up files', async () => {
    const { aliases } = sandbox.ssh;
    const users: string[] = [];
    for (const alias of [aliases.plain, aliases.viaBastion, aliases.tcsh, aliases.noisy]) users.push(await userOf(open(alias, () => undefined)));
    assert.deepEqual(users, ['alice', 'alice', 'tcshuser', 'noisyuser']);
    assert.deepEqual(asked, []);
  });

  for (const multiplex of [true, false]) {
    it(`by a password that PAM asks for, once for any number of sessions, ${multiplex ? 'over a master' : 'each with a sign-in of its own'}`, async () => {
      const connection = open(sandbox.ssh.aliases.password, () => sandbox.ssh.password, multiplex);
      assert.equal(await userOf(connection), 'pwuser');
      assert.deepEqual(await Promise.all([connection.exec({ argv: ['echo', 'a'] }), connection.exec({ argv: ['echo', 'b'] })]).then((results) => results.map(({ stdout }) => stdout)), ['a\n', 'b\n']);
      assert.deepEqual(asked, ['Password:']);
    });
  }

  it('by key and a one-time code', async () => {
    // A code is taken once: another suite may have used the one that is valid now.
    let used = '';
    const connection = open(sandbox.ssh.aliases.otp, () => (used = oneTimeCode(sandbox.ssh.otpSecret)));
    const first = await userOf(connection).catch((error: unknown) => error);
    if (typeof first !== 'string') {
      while (oneTimeCode(sandbox.ssh.otpSecret) === used) await new Promise((resolve) => setTimeout(resolve, 250));
      await connection.reconnect();
    }
    assert.equal(await userOf(connection), 'otpuser');
    assert.ok(asked.every((prompt) => prompt === 'Verification code:'), asked.join());
  });

  it('asks once: after a wrong answer nothing is tried until a person says so', async () => {
    const refused = (error: unknown): boolean => HpcError.is(error, 'ssh_unreachable') && error.remediation !== undefined && error.message.includes('was refused');
    const wrong = open(sandbox.ssh.aliases.password, () => 'wrong');
    await assert.rejects(wrong.run({ argv: ['true'] }), refused);
    await assert.rejects(wrong.run({ argv: ['true'] }), refused);
    assert.equal(asked.length, 1);
    assert.equal(wrong.state.kind, 'refused');
  });

  it('ends at once where nobody answers, without an empty password', async () => {
    const silent = open(sandbox.ssh.aliases.password, () => undefined);
    await assert.rejects(silent.run({ argv: ['true'] }), /no answer was given/);
    assert.equal(asked.length, 1);
    assert.equal(silent.state.kind, 'refused');
  });
});
