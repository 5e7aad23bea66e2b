/** Whom a connection over ssh trusts, and how it signs in. Against real sshds, and a scripted server for what sshd asks only through PAM. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import type { AddressInfo } from 'node:net';
import * as path from 'node:path';
import ssh2 from 'ssh2';
import { silentLog } from '../../../src/foundation/log.ts';
import { HpcError } from '../../../src/foundation/errors.ts';
import type { Connection, PromptPort } from '../../../src/connection/port.ts';
import { sshPlaces } from './sshPlaces.ts';
import { keygen, startSshd, type SshTarget, type TestSshd } from './sshd.ts';

interface Asked {
  readonly prompts: PromptPort;
  readonly questions: string[];
}

function person(answers: { secrets?: readonly (string | undefined)[]; trust?: 'trust' | 'once' | 'refuse' } = {}): Asked {
  const secrets = [...(answers.secrets ?? [])];
  const questions: string[] = [];
  return {
    questions,
    prompts: {
      secret: ({ prompt }) => {
        questions.push(prompt);
        return Promise.resolve(secrets.shift());
      },
      trustHostKey: ({ host, keyType, fingerprint }) => {
        questions.push(`${host} ${keyType} ${fingerprint}`);
        return Promise.resolve(answers.trust ?? 'refuse');
      },
    },
  };
}

function fingerprint(publicKeyFile: string): string {
  return execFileSync('ssh-keygen', ['-lf', publicKeyFile], { encoding: 'utf8' }).split(' ')[1] ?? '';
}

async function refusal(connection: Connection): Promise<HpcError> {
  try {
    await connection.run({ argv: ['true'] });
  } catch (error) {
    assert.ok(HpcError.is(error, 'ssh_unreachable'), String(error));
    assert.equal(error.details?.outcome, 'not_sent');
    assert.equal(connection.state.kind, 'refused', error.message);
    return error;
  }
  throw new assert.AssertionError({ message: 'the connection was not refused' });
}

for (const place of sshPlaces) describe(`${place.name} (integration): whom it trusts`, () => {
  let sshd: TestSshd;
  const opened: Connection[] = [];
  const open = (target: Partial<SshTarget>, asked = person()): Connection => {
    const connection = place.open({ ...sshd.target, ...target }, { prompts: asked.prompts, log: silentLog });
    opened.push(connection);
    return connection;
  };
  const file = (name: string, text: string): string => {
    const at = path.join(sshd.folder, name);
    fs.writeFileSync(at, text);
    return at;
  };
  before(async () => {
    sshd = await startSshd({ hostKeyTypes: ['rsa', 'ecdsa', 'ed25519'] });
  });
  after(() => sshd.stop());
  afterEach(() => {
    for (const connection of opened.splice(0)) connection.dispose();
  });
  const hostKey = (type: string): string => fs.readFileSync(path.join(sshd.folder, `host_${type}.pub`), 'utf8').trim();
  const name = (): string => `[127.0.0.1]:${sshd.port}`;

  for (const type of ['rsa', 'ecdsa', 'ed25519']) {
    it(`asks the server for the key that is known: ${type}`, async () => {
      const asked = person();
      assert.equal((await open({ knownHostsFile: file(`only_${type}`, `${name()} ${hostKey(type)}\n`) }, asked).run({ argv: ['echo', 'in'] })).stdout, 'in\n');
      assert.deepEqual(asked.questions, []);
    });
  }

  it('refuses a changed key, with both fingerprints and the line', async () => {
    const other = keygen(path.join(sshd.folder, 'other'));
    const known = file('changed', `# a comment\n${name()} ${other}\n`);
    const asked = person({ trust: 'trust' });
    const connection = open({ knownHostsFile: known }, asked);
    const error = await refusal(connection);
    for (const part of [fingerprint(path.join(sshd.folder, 'other.pub')), fingerprint(path.join(sshd.folder, 'host_ed25519.pub')), `${known}:2`]) assert.ok(error.message.includes(part), `${part} in ${error.message}`);
    assert.match(error.remediation ?? '', /ssh-keygen -R/);
    assert.deepEqual(asked.questions, [], 'nobody is asked to wave it through');
    await refusal(connection);
  });

  it('refuses a revoked key, and one that only an authority vouches for', async () => {
    const revoked = await refusal(open({ knownHostsFile: file('revoked', `${name()} ${hostKey('ed25519')}\n@revoked * ${hostKey('ed25519')}\n`) }));
    assert.match(revoked.message, /revoked/);
    const asked = person({ trust: place.certificates ? 'refuse' : 'trust' });
    const certificate = await refusal(open({ knownHostsFile: file('authority', `@cert-authority * ${hostKey('rsa')}\n`) }, asked));
    if (!place.certificates) assert.match(certificate.message, /certificate/);
    // The server shows a plain key, which is like any other that is not known.
    assert.equal(asked.questions.length, place.certificates ? 1 : 0);
  });

  it('asks about an unknown key, and remembers the answer as it was meant', async () => {
    const known = file('unknown', 'elsewhere ssh-ed25519 AAAA');
    const refused = await refusal(open({ knownHostsFile: known }, person({ trust: 'refuse' })));
    assert.match(refused.message, /not known/);
    assert.ok(refused.message.includes(fingerprint(path.join(sshd.folder, 'host_ed25519.pub'))));

    const once = person({ trust: 'once' });
    const connection = open({ knownHostsFile: known }, once);
    await connection.run({ argv: ['true'] });
    await connection.reconnect();
    assert.equal(once.questions.length, 1, 'once is for the life of the connection');
    assert.equal(fs.readFileSync(known, 'utf8'), 'elsewhere ssh-ed25519 AAAA');

    const trust = person({ trust: 'trust' });
    await open({ knownHostsFile: known }, trust).run({ argv: ['true'] });
    assert.deepEqual(trust.questions, [`${name()} ssh-ed25519 ${fingerprint(path.join(sshd.folder, 'host_ed25519.pub'))}`]);
    const text = fs.readFileSync(known, 'utf8');
    assert.ok(text.startsWith('elsewhere ssh-ed25519 AAAA\n'), 'what was there stays');
    assert.equal(execFileSync('ssh-keygen', ['-F', name(), '-f', known], { encoding: 'utf8' }).includes('ssh-ed25519'), true);
    const next = person();
    await open({ knownHostsFile: known }, next).run({ argv: ['true'] });
    assert.deepEqual(next.questions, []);
    assert.deepEqual(fs.readdirSync(sshd.folder).filter((entry) => entry.startsWith('unknown')), ['unknown'], 'no lock is left');
  });

  it('verifies a jump host like any other, and goes through it', async () => {
    const bastion = await startSshd();
    try {
      fs.copyFileSync(sshd.keyFile, path.join(bastion.folder, 'key'));
      fs.appendFileSync(path.join(bastion.folder, 'authorized_keys'), fs.readFileSync(`${sshd.keyFile}.pub`, 'utf8'));
      const jump = { proxyJump: `${bastion.user}@127.0.0.1:${bastion.port}` };
      const both = file('both', `${name()} ${hostKey('ed25519')}\n[127.0.0.1]:${bastion.port} ${bastion.hostPublicKey}\n`);
      const there = await open({ ...jump, knownHostsFile: both }).run({ script: 'echo "$SSH_CONNECTION"' });
      assert.match(there.stdout, new RegExp(` ${sshd.port}\n$`));
      const asked = person();
      const error = await refusal(open({ ...jump, knownHostsFile: file('target only', `${name()} ${hostKey('ed25519')}\n`) }, asked));
      assert.ok(error.message.includes(`[127.0.0.1]:${bastion.port}`));
      // From a configuration file, with an alias for the jump host and a command instead of a jump.
      const config = file(
        'config',
        `Host door\n HostName 127.0.0.1\n Port ${bastion.port}\n User ${bastion.user}\n IdentityFile "${sshd.keyFile}"\nHost inner\n HostName 127.0.0.1\n Port ${sshd.port}\n User ${sshd.user}\n IdentityFile "${sshd.keyFile}"\n ProxyJump door\nHost *\n UserKnownHostsFile "${both}"\n GlobalKnownHostsFile /dev/null\n`,
      );
      const viaAlias = place.open({ kind: 'ssh', host: 'inner', sshConfigFile: config, knownHostsFile: both }, { prompts: person().prompts, log: silentLog });
      opened.push(viaAlias);
      assert.match((await viaAlias.run({ script: 'echo "$SSH_CONNECTION"' })).stdout, new RegExp(` ${sshd.port}\n$`));
    } finally {
      await bastion.stop();
    }
  });

  // ssh opens the others by itself, whichever they are.
  for (const type of place.name === 'ssh' ? ['ed25519', 'ecdsa', 'rsa'] : ['ed25519']) {
    it(`opens an encrypted key with one question, remembered for its life: ${type}`, async () => {
      const key = path.join(sshd.folder, `locked_${type}`);
      const publicKey = keygen(key, { type, passphrase: 'sesame' });
      fs.appendFileSync(path.join(sshd.folder, 'authorized_keys'), `${publicKey}\n`);
      const right = person({ secrets: ['sesame'] });
      const connection = open({ identityFile: key }, right);
      await connection.run({ argv: ['true'] });
      await connection.reconnect();
      assert.equal(right.questions.length, 1, type);
      assert.match(right.questions[0] ?? '', new RegExp(`locked_${type}`));
      const wrong = person({ secrets: ['open barley', 'sesame'] });
      const error = await refusal(open({ identityFile: key }, wrong));
      assert.match(error.message, /passphrase is wrong/);
      assert.equal(wrong.questions.length, 1, 'not asked again by itself');
      assert.match((await refusal(open({ identityFile: key }))).remediation ?? '', /ssh-add/);
    });
  }

  it('does not ask for the passphrase of a key that the server would not take', async () => {
    const key = path.join(sshd.folder, 'stranger');
    keygen(key, { passphrase: 'sesame' });
    const asked = person({ secrets: ['sesame'] });
    const error = await refusal(open({ identityFile: key }, asked));
    assert.deepEqual(asked.questions, []);
    assert.match(error.message, /stranger/);
    assert.match(error.remediation ?? '', /authorized_keys/);
  });

  it('signs in with a key of the agent, and says what to do when the agent is dead', async () => {
    const socket = path.join(sshd.folder, 'agent.sock');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    await once(agent.stdout, 'data');
    try {
      for (const type of ['rsa', 'ecdsa']) {
        const key = path.join(sshd.folder, `agent_${type}`);
        fs.appendFileSync(path.join(sshd.folder, 'authorized_keys'), `${keygen(key, { type })}\n`);
        execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
        fs.rmSync(key);
        const config = file('agent config', `Host *\n IdentityAgent "${socket}"\n`);
        // The file holds only the public half: the agent has the other one.
        assert.equal((await open({ identityFile: `${key}.pub`, sshConfigFile: config }).run({ argv: ['echo', 'in'] })).stdout, 'in\n', type);
      }
    } finally {
      const gone = once(agent, 'exit');
      agent.kill();
      await gone;
    }
    const dead = await refusal(open({ identityFile: path.join(sshd.folder, 'agent_rsa.pub'), sshConfigFile: file('dead config', `Host *\n IdentityAgent "${socket}"\n`) }));
    assert.match(dead.message, /agent/);
    assert.match(dead.remediation ?? '', /SSH_AUTH_SOCK/);
  });
});

for (const place of sshPlaces) describe(`${place.name} (integration): what it asks a person`, () => {
  let server: ssh2.Server;
  let folder: TestSshd;
  let attempts: string[];
  let expected: string;
  let needsKey: boolean;
  const clients = new Set<ssh2.Connection>();
  before(async () => {
    folder = await startSshd();
    server = new ssh2.Server({ hostKeys: [fs.readFileSync(path.join(folder.folder, 'host_ed25519'))] }, (client) => {
      clients.add(client);
      client.on('error', () => undefined);
      client.on('close', () => clients.delete(client));
      let keyDone = false;
      client.on('authentication', (context) => {
        attempts.push(context.method);
        if (context.method === 'publickey' && needsKey) {
          // A query without a signature is answered first, then the signed request.
          if (context.signature) keyDone = true;
          if (!context.signature) context.accept();
          else context.reject(['keyboard-interactive'], true);
        } else if (context.method === 'keyboard-interactive' && (keyDone || !needsKey)) {
          context.prompt([{ prompt: 'Verification code: ', echo: false }], (answers) => (answers[0] === expected ? context.accept() : context.reject(['keyboard-interactive'])));
        } else context.reject(needsKey && !keyDone ? ['publickey'] : ['keyboard-interactive']);
      });
      client.on('ready', () =>
        client.on('session', (accept) => {
          accept().on('exec', (acceptExec, _reject, info) => {
            const child = spawn('/bin/sh', ['-c', info.command]);
            const stream = acceptExec();
            stream.pipe(child.stdin);
            child.stdout.pipe(stream, { end: false });
            child.stderr.pipe(stream.stderr, { end: false });
            child.on('close', (code) => {
              stream.exit(code ?? 1);
              stream.end();
            });
          });
        }),
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(async () => {
    for (const client of clients) client.end();
    server.close();
    await folder.stop();
  });
  beforeEach(() => {
    attempts = [];
    expected = '123456';
    needsKey = false;
  });

  const open = (asked: Asked): Connection => {
    const { port } = server.address() as AddressInfo;
    const known = path.join(folder.folder, 'kbd_known');
    fs.writeFileSync(known, `[127.0.0.1]:${port} ${folder.hostPublicKey}\n`);
    return place.open({ ...folder.target, port, knownHostsFile: known }, { prompts: asked.prompts, log: silentLog });
  };

  it('asks a one-time code after the key, once', async () => {
    needsKey = true;
    const asked = person({ secrets: ['123456'] });
    const connection = open(asked);
    assert.equal((await connection.run({ argv: ['echo', 'in'] })).stdout, 'in\n');
    assert.deepEqual(asked.questions, ['Verification code:']);
    connection.dispose();
  });

  it('does not try again by itself after a wrong code, nor without an answer', async () => {
    for (const secrets of [['000000', '123456'], []]) {
      const asked = person({ secrets });
      const connection = open(asked);
      attempts = [];
      const error = await refusal(connection);
      assert.match(error.message, secrets.length > 0 ? /not accepted/ : /no answer was given/);
      const tried = attempts.length;
      await refusal(connection);
      assert.equal(attempts.length, tried, 'the server is left alone');
      assert.equal(asked.questions.length, 1);
      connection.dispose();
    }
  });

  it('waits for a person when a connection that needed one is lost', async () => {
    const asked = person({ secrets: ['123456', '123456'] });
    const connection = open(asked);
    await connection.run({ argv: ['true'] });
    const lost = new Promise<void>((resolve) => connection.onDidChangeState((state) => state.kind === 'refused' && resolve()));
    for (const client of clients) client.end();
    await lost;
    await refusal(connection);
    assert.equal(asked.questions.length, 1);
    await connection.reconnect();
    assert.equal(connection.state.kind, 'connected');
    assert.equal(asked.questions.length, 2);
    connection.dispose();
  });
});
