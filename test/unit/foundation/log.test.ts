import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createLog, redact, type LogRecord } from '../../../src/foundation/log.ts';

describe('log (unit)', () => {
  const records = (use: (log: ReturnType<typeof createLog>) => void, minimum?: 'info'): LogRecord[] => {
    const seen: LogRecord[] = [];
    use(createLog((record) => seen.push(record), 'core', minimum));
    return seen;
  };

  it('masks what has a telling name, at any depth', () => {
    const secret = 'hunter2-hunter2';
    const names = ['password', 'passphrase', 'sshPassword', 'token', 'accessToken', 'access_token', 'apiKey', 'API_KEY', 'api-key', 'privateKey', 'private_key', 'Authorization', 'cookie', 'client_secret', 'credentials', 'otp'];
    for (const name of names) {
      assert.ok(!JSON.stringify(redact({ [name]: secret })).includes(secret), name);
      assert.ok(!JSON.stringify(redact({ deep: [{ [name]: { value: secret } }] })).includes(secret), name);
    }
    assert.deepEqual(redact({ passes: 3, host: 'a', tokens: undefined, monkey: 'm', keyFile: '~/.ssh/id' }), { passes: 3, host: 'a', tokens: undefined, monkey: 'm', keyFile: '~/.ssh/id' });
  });

  it('masks values that look like secrets, also inside a command or an error', () => {
    const text = ['-----BEGIN OPENSSH PRIVATE KEY-----\nabc', 'AKIAABCDEFGHIJKLMNOP', 'ghp_abcdefghijklmnopqrstuvwxyz', 'Authorization: Bearer abc.def'];
    for (const value of text) assert.equal(redact(value), '***');
    assert.equal(redact('export DB_PASSWORD="a b" X=1 MY_TOKEN=abc'), 'export DB_PASSWORD=*** X=1 MY_TOKEN=***');
    assert.equal(redact("WANDB_API_KEY='q r' python x.py"), 'WANDB_API_KEY=*** python x.py');
    assert.deepEqual(redact(new Error('failed with TOKEN=abc')), { name: 'Error', message: 'failed with TOKEN=***' });
  });

  it('never fails, whatever it is given: cycles, odd objects, deep nesting', () => {
    const cycle: Record<string, unknown> = { name: 'a' };
    for (let i = 0; i < 20; i += 1) cycle[`self${i}`] = cycle;
    cycle.big = 10n;
    assert.doesNotThrow(() => JSON.stringify(redact(cycle)));
    let deep: unknown = 'x';
    for (let i = 0; i < 20_000; i += 1) deep = [deep];
    assert.doesNotThrow(() => redact(deep));
    assert.doesNotThrow(() => redact(Object.defineProperty({}, 'bad', { enumerable: true, get: () => { throw new Error('getter'); } })));
    fc.assert(fc.property(fc.anything(), (value) => void redact(value)));
  });

  it('keeps level, scope and order, and drops what is below the minimum', () => {
    const seen = records((log) => {
      log.debug('d');
      log.child('ssh').warn('w', { token: 't', n: 1 });
      log.error('PASSWORD=x failed');
    }, 'info');
    assert.deepEqual(seen.map(({ level, scope, message, fields }) => ({ level, scope, message, fields })), [
      { level: 'warn', scope: 'core.ssh', message: 'w', fields: { token: '***', n: 1 } },
      { level: 'error', scope: 'core', message: 'PASSWORD=*** failed', fields: undefined },
    ]);
  });
});
