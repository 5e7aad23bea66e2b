import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { chooseTransport, hasMatchExec, type ChoiceDeps } from '../../../src/connection/chooseTransport.ts';
import type { TransportChoice } from '../../../src/connection/port.ts';
import { parseSettings, settingsOf, type SshTarget } from '../../../src/connection/ssh/config.ts';

describe('which program speaks ssh (unit)', () => {
  let home: string;
  beforeEach(() => (home = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-choice-'))));
  afterEach(() => fs.rmSync(home, { recursive: true, force: true }));
  const target: SshTarget = { kind: 'ssh', host: 'box' };
  const choose = (printed: string | undefined, deps: Partial<ChoiceDeps> = {}, wanted: SshTarget = target): Promise<TransportChoice> => {
    const raw = parseSettings(printed ?? '');
    const settings = settingsOf(wanted, raw, { env: {}, platform: 'linux', home, userName: 'alice' });
    return chooseTransport(wanted, { home, platform: 'linux', hasTicket: () => Promise.resolve(false), isMasterAlive: () => Promise.resolve(false), resolve: () => Promise.resolve({ settings, printed: printed === undefined ? undefined : raw }), ...deps });
  };
  const expect = async (printed: string, transport: TransportChoice['transport'], reason: RegExp, deps: Partial<ChoiceDeps> = {}): Promise<void> => {
    const choice = await choose(printed, deps);
    assert.equal(choice.transport, transport, choice.reason);
    assert.match(choice.reason, reason);
    assert.match(choice.reason, /^[A-Z].*\.$/, 'a sentence');
  };

  it('is the built-in one where nothing speaks against it', async () => {
    await expect('hostname login\nproxyjump gate\ncontrolmaster auto\ncontrolpath /tmp/cm\npkcs11provider none\n', 'ssh', /nothing in the ssh configuration/);
  });

  it('is the system’s where only that can', async () => {
    await expect('proxycommand nc %h %p\n', 'openssh', /ProxyCommand/);
    await expect('proxyusefdpass yes\n', 'openssh', /ProxyUseFdpass/);
    await expect('certificatefile /c\n', 'openssh', /CertificateFile \/c/);
    await expect('pkcs11provider /p.so\n', 'openssh', /PKCS11Provider/);
    await expect('controlpath /tmp/cm\n', 'openssh', /your own ssh master.*\/tmp\/cm/, { isMasterAlive: () => Promise.resolve(true) });
    await expect('controlpath /tmp/cm\n', 'ssh', /nothing/, { isMasterAlive: () => Promise.resolve(true), platform: 'win32' });
  });

  it('takes Kerberos for a need only where there is a ticket', async () => {
    await expect('gssapiauthentication yes\n', 'ssh', /nothing/);
    await expect('gssapiauthentication yes\n', 'openssh', /Kerberos/, { hasTicket: () => Promise.resolve(true) });
  });

  it('knows keys in devices and certificates by the files beside them', async () => {
    const key = path.join(home, 'id');
    fs.writeFileSync(`${key}.pub`, 'ssh-ed25519 AAAA me\n');
    await expect(`identityfile ${key}\n`, 'ssh', /nothing/);
    fs.writeFileSync(`${key}-cert.pub`, 'ssh-ed25519-cert-v01@openssh.com AAAA\n');
    await expect(`identityfile ${key}\n`, 'openssh', /certificate/);
    fs.writeFileSync(`${key}.pub`, 'sk-ssh-ed25519@openssh.com AAAA me\n');
    await expect(`identityfile ${key}\n`, 'openssh', /FIDO/);
  });

  it('looks for Match exec that may concern the host, in included files too', async () => {
    fs.mkdirSync(path.join(home, '.ssh'));
    fs.writeFileSync(path.join(home, '.ssh', 'config'), 'Include extra\n');
    fs.writeFileSync(path.join(home, '.ssh', 'extra'), 'Match host other exec "test -e /x"\n');
    await expect('hostname login\n', 'ssh', /nothing/);
    fs.writeFileSync(path.join(home, '.ssh', 'extra'), 'Match exec "test -e /x"\n');
    await expect('hostname login\n', 'openssh', /Match exec/);
    assert.equal(hasMatchExec('match originalhost *,!box exec x', ['box']), false);
    assert.equal(hasMatchExec('# match exec x', ['box']), false);
  });

  it('gives way to what the profile says, and to a computer without ssh', async () => {
    assert.deepEqual((await choose('proxycommand x\n', {}, { ...target, transport: 'ssh' })).transport, 'ssh');
    assert.deepEqual((await choose('', {}, { ...target, transport: 'openssh' })).transport, 'openssh');
    const none = await choose(undefined);
    assert.equal(none.transport, 'ssh');
    assert.match(none.reason, /no ssh program/);
  });
});
