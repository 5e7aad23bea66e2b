import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import { fingerprintOf, judgeHostKey, keyTypeOf, knownHostsLine, knownKeyTypes, lineMatches, lookupName, matchesPattern, parseKnownHosts } from '../../../../src/connection/ssh/knownHosts.ts';

const askable = ['ssh-ed25519', 'ssh-rsa', 'ecdsa-sha2-nistp256'];

/** A blob that names its type; its content does not matter to any of this. */
function keyOf(seed: number, type = 'ssh-ed25519'): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(type.length);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(32);
  return Buffer.concat([head, Buffer.from(type), length, Buffer.alloc(32, seed)]);
}
const line = (hosts: string, key: Buffer): string => `${hosts} ${keyTypeOf(key)} ${key.toString('base64')}`;

describe('known_hosts (unit)', () => {
  let folder: string;
  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'known-hosts-'));
  });
  after(() => fs.rmSync(folder, { recursive: true, force: true }));

  const judge = (text: string, key: Buffer, name = 'host', fallbackName?: string): ReturnType<typeof judgeHostKey> => judgeHostKey(parseKnownHosts(text, 'file'), { name, fallbackName, key, askable });

  it('knows, refuses and asks', () => {
    const one = keyOf(1);
    const two = keyOf(2);
    assert.equal(judge(line('host', one), one).kind, 'known');
    assert.equal(judge(line('host', one), two).kind, 'changed');
    assert.equal(judge(line('other', one), one).kind, 'unknown');
    assert.equal(judge(`${line('host', one)}\n${line('host', two)}`, two).kind, 'known', 'several keys of one host');
    assert.equal(judge(`${line('host', one)}\n@revoked ${line('*', one)}`, one).kind, 'revoked');
    assert.equal(judge(`@revoked ${line('host', one)}`, two).kind, 'unknown');
    assert.equal(judge(`@cert-authority ${line('*', one)}`, two).kind, 'certificate_only');
    assert.equal(judge(`@cert-authority ${line('*', one)}`, one).kind, 'certificate_only', "an authority's key is no host key");
    assert.equal(judge(`@unheard-of ${line('host', one)}`, one).kind, 'unknown');
    for (const hosts of ['!host,h*', 'h*,!host', '!h?st,host']) assert.equal(judge(line(hosts, one), one).kind, 'unknown', hosts);
    assert.equal(judge(line('host', keyOf(1, 'ssh-rsa')), two).kind, 'changed', 'the server was asked for the known type first');
    assert.equal(judge(line('host', keyOf(1, 'ssh-dss')), two).kind, 'unknown', 'a type that cannot be asked for proves nothing');
  });

  it('takes a host without its port as known, never as changed', () => {
    assert.equal(judge(line('host', keyOf(1)), keyOf(1), '[host]:2222', 'host').kind, 'known');
    assert.equal(judge(line('host', keyOf(1)), keyOf(2), '[host]:2222', 'host').kind, 'unknown');
    assert.equal(judge(`@revoked ${line('host', keyOf(2))}`, keyOf(2), '[host]:2222', 'host').kind, 'revoked');
  });

  it('says where it is known', () => {
    const verdict = judge(`# comment\n\n${line('a,host', keyOf(1))}\r\n`, keyOf(2));
    assert.ok(verdict.kind === 'changed');
    assert.deepEqual(verdict.lines.map((entry) => [entry.file, entry.line]), [['file', 3]]);
    assert.deepEqual(knownKeyTypes(parseKnownHosts(`${line('host', keyOf(1))}\n${line('h*', keyOf(1, 'ssh-rsa'))}`, 'f'), ['host']), ['ssh-ed25519', 'ssh-rsa']);
  });

  it('leaves out what it cannot read', () => {
    const text = ['host', 'host ssh-ed25519', 'host ssh-ed25519 AAAA', 'host ssh-rsa ' + keyOf(1).toString('base64'), '|1|x ssh-ed25519 ' + keyOf(1).toString('base64'), '@revoked'].join('\n');
    assert.equal(judge(text, keyOf(1)).kind, 'unknown');
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (noise) => ['unknown', 'known', 'changed'].includes(judge(`${noise}\n${line('host', keyOf(1))}`, keyOf(1)).kind)));
  });

  it('names fingerprints as ssh-keygen does', () => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(folder, 'key')]);
    const blob = Buffer.from(fs.readFileSync(path.join(folder, 'key.pub'), 'utf8').split(' ')[1] ?? '', 'base64');
    assert.equal(fingerprintOf(blob), execFileSync('ssh-keygen', ['-lf', path.join(folder, 'key.pub')], { encoding: 'utf8' }).split(' ')[1]);
    assert.equal(keyTypeOf(blob), 'ssh-ed25519');
  });

  it('matches what ssh-keygen -F finds, plain and hashed', () => {
    const file = path.join(folder, 'known');
    const label = fc.string({ unit: fc.constantFrom('a', 'b', 'C', '1', '-'), minLength: 1, maxLength: 4 });
    const host = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
    const port = fc.constantFrom(22, 2222, 22022);
    const plain = fc.tuple(host, port).map(([name, number]) => lookupName(name, number));
    const pattern = fc.oneof(plain, fc.tuple(plain, fc.nat(8), fc.constantFrom('*', '?')).map(([name, at, wild]) => name.slice(0, at) + wild + name.slice(at + 1)));
    const hosts = fc.array(fc.tuple(fc.constantFrom('', '', '', '!'), pattern).map((parts) => parts.join('')), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(hosts, { minLength: 1, maxLength: 4 }), plain, fc.boolean(), (fields, wanted, useFirst) => {
        // Half of the time a name that is there, or all would be misses.
        const name = useFirst ? (fields[0]?.find((field) => !/[*?!]/.test(field)) ?? wanted) : wanted;
        fs.writeFileSync(file, fields.map((field, i) => `${line(field.join(','), keyOf(i))}\n`).join(''));
        compare(file, name);
      }),
      { numRuns: 60 },
    );
    fc.assert(
      fc.property(fc.uniqueArray(plain, { minLength: 1, maxLength: 4 }), plain, fc.boolean(), (names, wanted, useFirst) => {
        fs.writeFileSync(file, names.map((name, i) => `${line(name, keyOf(i))}\n`).join(''));
        execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
        assert.ok(fs.readFileSync(file, 'utf8').startsWith('|1|'));
        compare(file, useFirst ? (names[0] ?? wanted) : wanted);
      }),
      { numRuns: 30 },
    );
  });

  function compare(file: string, name: string): void {
    const found = spawnSync('ssh-keygen', ['-F', name, '-f', file], { encoding: 'utf8' }).stdout;
    const theirs = [...found.matchAll(/found: line (\d+)/g)].map((match) => Number(match[1]));
    const text = fs.readFileSync(file, 'utf8');
    const ours = parseKnownHosts(text, file).filter((entry) => lineMatches(entry, name)).map((entry) => entry.line);
    assert.deepEqual(ours, theirs, `${name} in\n${text}`);
  }

  it('matches patterns in linear time', () => {
    assert.ok(matchesPattern('login1.example.org', 'login?.*'));
    assert.ok(!matchesPattern('login.example.org', 'login?.*'));
    assert.ok(!matchesPattern('a'.repeat(5_000), `${'*a'.repeat(200)}b`));
  });

  it('writes lines that it reads', () => {
    fc.assert(fc.property(fc.domain(), fc.integer({ min: 1, max: 65535 }), fc.nat(255), (host, port, seed) => judge(knownHostsLine(lookupName(host, port), keyOf(seed)), keyOf(seed), lookupName(host, port)).kind === 'known'));
  });
});
