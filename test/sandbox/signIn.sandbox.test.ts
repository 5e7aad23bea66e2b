/** Signing in on the bed's real sshd and PAM: every kind of account that it has, and no second question after a wrong answer. */
import assert from 'node:assert/strict';
import { createSshConnection } from '../../src/connection/ssh/createSshConnection.ts';
import { createHostGate } from '../../src/connection/hostGate.ts';
import type { Connection } from '../../src/connection/port.ts';
import { systemClock } from '../../src/foundation/clock.ts';
import { HpcError } from '../../src/foundation/errors.ts';
import { silentLog } from '../../src/foundation/log.ts';
import { startSandbox, type Sandbox } from './sandbox.ts';
import { oneTimeCode } from './sshAccess.ts';

describe('signing in (sandbox)', function () {
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

  const open = (alias: string, answer: (prompt: string) => string): Connection => {
    const connection = createSshConnection(
      { kind: 'ssh', host: alias, sshConfigFile: sandbox.ssh.sshConfigFile },
      {
        log: silentLog,
        clock: systemClock,
        gate: createHostGate({ clock: systemClock }),
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
  const userOf = async (alias: string, answer: (prompt: string) => string = () => ''): Promise<string> => (await open(alias, answer).run({ argv: ['id', '-un'] })).stdout.trim();

  it('by key: directly, through the bastion, into tcsh, into noisy start-up files', async () => {
    const { aliases } = sandbox.ssh;
    assert.deepEqual(
      [await userOf(aliases.plain), await userOf(aliases.viaBastion), await userOf(aliases.tcsh), await userOf(aliases.noisy)],
      ['alice', 'alice', 'tcshuser', 'noisyuser'],
    );
    assert.deepEqual(asked, []);
  });

  it('by a password that PAM asks for, once for any number of commands', async () => {
    assert.equal(await userOf(sandbox.ssh.aliases.password, () => sandbox.ssh.password), 'pwuser');
    await connections[0]?.run({ argv: ['true'] });
    assert.deepEqual(asked, ['Password:']);
  });

  it('by key and a one-time code', async () => {
    assert.equal(await userOf(sandbox.ssh.aliases.otp, () => oneTimeCode(sandbox.ssh.otpSecret)), 'otpuser');
    assert.deepEqual(asked, ['Verification code:']);
  });

  it('asks once: after a wrong answer nothing is tried until a person says so', async () => {
    const refused = (error: unknown): boolean => HpcError.is(error, 'ssh_unreachable') && error.remediation !== undefined && error.message.includes('was refused');
    const wrong = open(sandbox.ssh.aliases.password, () => 'wrong');
    await assert.rejects(wrong.run({ argv: ['true'] }), refused);
    await assert.rejects(wrong.run({ argv: ['true'] }), refused);
    assert.equal(asked.length, 1);
    assert.equal(wrong.state.kind, 'refused');
  });
});
