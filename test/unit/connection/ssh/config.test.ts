import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { parseJump, parseSettings, resolveSshSettings, settingsOf, splitPaths, type HostSurroundings, type SshTarget } from '../../../../src/connection/ssh/config.ts';
import { planRoute } from '../../../../src/connection/ssh/connect.ts';
import { HpcError } from '../../../../src/foundation/errors.ts';

const around: HostSurroundings = { env: { SSH_AUTH_SOCK: '/run/agent' }, platform: 'linux', home: os.homedir(), userName: 'me' };
const target: SshTarget = { kind: 'ssh', host: 'cluster' };
const settle = (text: string, more: Partial<SshTarget> = {}, where: Partial<HostSurroundings> = {}): ReturnType<typeof settingsOf> => settingsOf({ ...target, ...more }, parseSettings(text), { ...around, ...where });

describe('ssh configuration (unit)', () => {
  let folder: string;
  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ssh config-'));
  });
  after(() => fs.rmSync(folder, { recursive: true, force: true }));

  it('is read from what ssh -G prints', () => {
    const settings = settle('hostname login.example.org\nuser alice\nport 2222\nidentityfile ~/.ssh/id_a\nidentityfile /k/id b\nidentitiesonly yes\nproxyjump door\nhostkeyalias alias\nconnecttimeout 1m\nserveraliveinterval 30\nserveralivecountmax 5\nuserknownhostsfile ~/.ssh/known_hosts /x y/known\nglobalknownhostsfile /etc/ssh/ssh_known_hosts\npasswordauthentication no\n');
    assert.deepEqual(
      { ...settings, identityFiles: settings.identityFiles.length },
      {
        alias: 'cluster', host: 'login.example.org', user: 'alice', port: 2222, identityFiles: 2, identitiesOnly: true, agent: '/run/agent', proxyJump: 'door', proxyCommand: undefined,
        userKnownHostsFiles: [path.join(os.homedir(), '.ssh/known_hosts'), '/x y/known'], globalKnownHostsFiles: ['/etc/ssh/ssh_known_hosts'], hostKeyAlias: 'alias',
        connectTimeoutMs: 60_000, keepaliveIntervalMs: 30_000, keepaliveCount: 5, authentications: ['publickey', 'keyboard-interactive'],
      },
    );
    assert.deepEqual(settings.identityFiles, [path.join(os.homedir(), '.ssh/id_a'), '/k/id b']);
  });

  it('gives way to what the profile says', () => {
    const settings = settle('hostname h\nuser a\nport 1\nidentityfile /a\nproxycommand nc %h %p\nproxyjump x\nconnecttimeout 5\n', { user: 'b', port: 2, identityFile: '/b', proxyJump: 'y', knownHostsFile: '/k', connectTimeoutMs: 7, keepaliveIntervalMs: 8 });
    assert.deepEqual([settings.user, settings.port, settings.identityFiles, settings.identitiesOnly, settings.proxyJump, settings.proxyCommand], ['b', 2, ['/b'], true, 'y', undefined]);
    assert.deepEqual([settings.userKnownHostsFiles, settings.globalKnownHostsFiles, settings.connectTimeoutMs, settings.keepaliveIntervalMs], [['/k'], [], 7, 8]);
  });

  it('finds the agent', () => {
    assert.equal(settle('').agent, '/run/agent');
    assert.equal(settle('identityagent none').agent, undefined);
    assert.equal(settle('identityagent SSH_AUTH_SOCK').agent, '/run/agent');
    assert.equal(settle('identityagent $MY', {}, { env: { MY: '/my' } }).agent, '/my');
    assert.equal(settle('identityagent "/with space/%r"').agent, '/with space/me');
    assert.equal(settle('', {}, { env: {}, platform: 'win32' }).agent, '\\\\.\\pipe\\openssh-ssh-agent');
    assert.equal(settle('', {}, { env: {} }).agent, undefined);
  });

  it('asks for nothing in batch mode, and keeps the preferred order', () => {
    assert.deepEqual(settle('batchmode yes').authentications, ['publickey']);
    assert.deepEqual(settle('preferredauthentications password,publickey').authentications, ['password', 'publickey']);
    assert.deepEqual(splitPaths('C:\\Users\\a b\\known D:/x __PROGRAMDATA__/ssh/y'), ['C:\\Users\\a b\\known', 'D:/x', '__PROGRAMDATA__/ssh/y']);
  });

  it('says the same by the ssh program and without it', async () => {
    const file = path.join(folder, 'config');
    fs.writeFileSync(file, `Host clus*\n  HostName login.example.org\n  User alice\n  Port 2200\n  IdentityFile /keys/one\n  IdentityFile /keys/two\n  ProxyJump bob@door:2201\n  HostKeyAlias known-as\n  ServerAliveInterval 20\nHost *\n  User nobody\n  ConnectTimeout 9\n`);
    const both = await Promise.all([true, false].map((useSshProgram) => resolveSshSettings({ ...target, sshConfigFile: file }, { useSshProgram, around })));
    const pick = both.map(({ host, user, port, identityFiles, proxyJump, hostKeyAlias, keepaliveIntervalMs, connectTimeoutMs }) => ({ host, user, port, identityFiles, proxyJump, hostKeyAlias, keepaliveIntervalMs, connectTimeoutMs }));
    assert.deepEqual(pick[0], pick[1]);
    assert.deepEqual(pick[0], { host: 'login.example.org', user: 'alice', port: 2200, identityFiles: ['/keys/one', '/keys/two'], proxyJump: 'bob@door:2201', hostKeyAlias: 'known-as', keepaliveIntervalMs: 20_000, connectTimeoutMs: 9_000 });
  });

  it('refuses names that ssh would read as something else, and a broken file', async () => {
    for (const host of ['-oProxyCommand=x', '', 'a b', 'a;b', '$(x)']) await assert.rejects(resolveSshSettings({ kind: 'ssh', host }), (error) => HpcError.is(error, 'config_invalid'), host);
    const file = path.join(folder, 'broken');
    fs.writeFileSync(file, 'Host *\n  NoSuchOption yes\n');
    await assert.rejects(resolveSshSettings({ ...target, sshConfigFile: file }), (error) => HpcError.is(error, 'config_invalid') && error.message.toLowerCase().includes('nosuchoption'));
  });

  it('reads jumps', () => {
    assert.deepEqual(parseJump('alice@door:22'), { host: 'door', user: 'alice', port: 22 });
    assert.deepEqual(parseJump('[::1]:2222'), { host: '::1', port: 2222 });
    assert.deepEqual(parseJump('ssh://a@b:1'), { host: 'b', user: 'a', port: 1 });
    assert.throws(() => parseJump('a:b:c'), (error) => HpcError.is(error, 'config_invalid'));
  });

  it('plans the way there', async () => {
    const jumps: Record<string, string> = { inner: 'one,two', one: 'zero', self: 'self', loop: 'pool', pool: 'loop' };
    const resolve = (one: SshTarget): Promise<ReturnType<typeof settle>> => Promise.resolve(settle(`hostname ${one.host}\n${jumps[one.host] === undefined ? '' : `proxyjump ${jumps[one.host]}`}`, one));
    const way = async (host: string): Promise<string[]> => (await planRoute({ kind: 'ssh', host }, resolve)).map((stop) => stop.host);
    assert.deepEqual(await way('plain'), ['plain']);
    assert.deepEqual(await way('inner'), ['zero', 'one', 'two', 'inner']);
    assert.deepEqual(await way('self'), ['self'], 'a host is not reached through itself');
    await assert.rejects(way('loop'), (error) => HpcError.is(error, 'config_invalid'));
  });
});
