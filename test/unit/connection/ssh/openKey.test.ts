import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { openPrivateKey, type OpenedKey } from '../../../../src/connection/ssh/openKey.ts';

describe('Opening private keys (unit)', function () {
  this.timeout(120_000);
  let folder: string;
  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-agent-keys-'));
  });
  after(() => fs.rmSync(folder, { recursive: true, force: true }));

  const make = (name: string, passphrase: string, ...options: string[]): Buffer => {
    execFileSync('ssh-keygen', ['-q', '-C', 'comment', '-N', passphrase, '-f', path.join(folder, name), ...options]);
    return fs.readFileSync(path.join(folder, name));
  };
  /** As another program knows the public half. */
  const isSigned = (name: string, key: OpenedKey, hash: string | null, given?: string): boolean => {
    const [, blob] = fs.readFileSync(path.join(folder, `${name}.pub`), 'utf8').split(' ');
    assert.equal(key.publicKey.toString('base64'), blob);
    const data = Buffer.from('to be signed');
    if (hash === null) {
      const raw = key.publicKey.subarray(-32);
      return verify(null, data, createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' }), key.sign(data, given));
    }
    const pem = execFileSync('ssh-keygen', ['-e', '-m', 'PKCS8', '-f', path.join(folder, `${name}.pub`)]);
    return verify(hash, data, createPublicKey(pem), key.sign(data, given));
  };
  const opened = async (text: Buffer, passphrase: string | undefined): Promise<OpenedKey> => {
    const key = await openPrivateKey(text, passphrase);
    if (key instanceof Error) throw key;
    return key;
  };

  it('goes on with everything else while a passphrase is tried', async () => {
    const text = make('slow', 'a secret', '-t', 'ed25519', '-a', '16');
    let turns = 0;
    const turning = setInterval(() => (turns += 1), 5);
    const key = await opened(text, 'a secret');
    clearInterval(turning);
    assert.ok(turns > 5, `${turns} turns of the loop`);
    assert.ok(isSigned('slow', key, null));
  });

  it('tells a wrong passphrase, and a file that is none', async () => {
    const text = make('wrong', 'a secret', '-t', 'ed25519', '-a', '1');
    const refusal = async (...given: Parameters<typeof openPrivateKey>): Promise<string> => {
      const key = await openPrivateKey(...given);
      return key instanceof Error ? key.message : 'it was opened';
    };
    assert.match(await refusal(text, 'another'), /passphrase|decrypt|integrity/i);
    assert.doesNotMatch(await refusal(Buffer.from('no key'), undefined), /opened/);
    assert.match(await refusal(text, undefined), /encrypted|passphrase/i);
  });

  it('signs with every kind of key, with the hash of the kind or the one that is wanted', async () => {
    const rsa = await opened(make('rsa', 'a secret', '-t', 'rsa', '-b', '2048', '-a', '1'), 'a secret');
    assert.ok(isSigned('rsa', rsa, 'sha512', 'sha512') && isSigned('rsa', rsa, 'sha1'));
    const old = await opened(make('old', 'a secret', '-t', 'rsa', '-b', '2048', '-m', 'PEM'), 'a secret');
    assert.ok(isSigned('old', old, 'sha256', 'sha256'));
    const curve = await opened(make('curve', '', '-t', 'ecdsa', '-b', '384'), undefined);
    assert.ok(isSigned('curve', curve, 'sha384'));
  });
});
