/** What only the system's ssh is asked to do, and what only it can suffer: masters of others, broken libraries, odd folders. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { silentLog } from '../../../src/foundation/log.ts';
import { HpcError } from '../../../src/foundation/errors.ts';
import { openConnection } from '../../../src/connection/openConnection.ts';
import { createOpensshConnection, type OpensshConnectionDeps } from '../../../src/connection/openssh/createOpensshConnection.ts';
import type { Connection, PromptPort } from '../../../src/connection/port.ts';
import { startSshd, startTap, until, type SshTarget, type Tap, type TestSshd } from './sshd.ts';

const nobody: PromptPort = { secret: () => Promise.resolve(undefined), trustHostKey: () => Promise.resolve('refuse') };

/** Ids of running masters at a control path below a folder. */
function mastersIn(folder: string): number[] {
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words[0]?.startsWith('ssh') === true && words.join(' ').includes(folder) && (words.includes('-N') || words[0].includes('[mux]'));
      } catch {
        return false;
      }
    });
}

describe('openssh (integration): what only it does', () => {
  let sshd: TestSshd;
  let tap: Tap;
  let runtime: string;
  const saved = { ...process.env };
  const opened: Connection[] = [];
  before(async () => {
    sshd = await startSshd();
    tap = await startTap(sshd.port);
    fs.writeFileSync(sshd.knownHostsFile, `${fs.readFileSync(sshd.knownHostsFile, 'utf8')}[127.0.0.1]:${tap.port} ${sshd.hostPublicKey}\n`);
  });
  after(async () => {
    await tap.stop();
    await sshd.stop();
  });
  beforeEach(() => {
    runtime = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-rt-'));
    process.env.XDG_RUNTIME_DIR = runtime;
  });
  afterEach(async () => {
    for (const connection of opened.splice(0)) connection.dispose();
    await until('the masters have ended', () => mastersIn(runtime).length === 0);
    for (const name of new Set([...Object.keys(saved), ...Object.keys(process.env)])) {
      if (saved[name] === undefined) delete process.env[name];
      else process.env[name] = saved[name];
    }
    fs.rmSync(runtime, { recursive: true, force: true });
  });
  const open = (target: Partial<SshTarget> = {}, deps: Partial<OpensshConnectionDeps> = {}): Connection => {
    const connection = createOpensshConnection({ ...sshd.target, ...target }, { prompts: nobody, log: silentLog, multiplex: true, ...deps });
    opened.push(connection);
    return connection;
  };
  const config = (...lines: string[]): string => {
    const file = path.join(runtime, 'ssh config');
    fs.writeFileSync(file, ['Host box', ' HostName 127.0.0.1', ` Port ${tap.port}`, ` User ${sshd.user}`, ` IdentityFile "${sshd.keyFile}"`, ` UserKnownHostsFile "${sshd.knownHostsFile}"`, ' GlobalKnownHostsFile /dev/null', ...lines.map((line) => ` ${line}`), ''].join('\n'));
    return file;
  };
  const viaConfig = (file: string): Connection => {
    const connection = createOpensshConnection({ kind: 'ssh', host: 'box', sshConfigFile: file }, { prompts: nobody, log: silentLog, multiplex: true });
    opened.push(connection);
    return connection;
  };
  const echo = async (connection: Connection): Promise<string> => (await connection.run({ argv: ['echo', 'in'] })).stdout;
  /** A master as a person would have it. */
  const startOwn = async (file: string, controlPath: string): Promise<number> => {
    // The tap is in this process: it must not be blocked.
    const began = spawn('ssh', ['-F', file, '-o', 'ControlMaster=yes', '-S', controlPath, '-o', 'ControlPersist=60', '-f', '-N', 'box'], { stdio: 'ignore', env: saved });
    assert.deepEqual((await once(began, 'exit'))[0], 0);
    return Number(/pid=(\d+)/.exec(spawnSync('ssh', ['-F', '/dev/null', '-S', controlPath, '-O', 'check', 'box'], { encoding: 'utf8' }).stderr)?.[1]);
  };
  const gone = (pid: number): boolean => !fs.existsSync(`/proc/${pid}`) || fs.readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');

  it('signs in once for any number of sessions, and leaves nothing behind', async () => {
    const before = tap.taken;
    const connection = viaConfig(config());
    await Promise.all([echo(connection), echo(connection), connection.exec({ argv: ['true'] }), connection.exec({ argv: ['true'] })]);
    assert.equal(tap.taken - before, 1);
    assert.equal(mastersIn(runtime).length, 1);
    const [folder = ''] = fs.readdirSync(path.join(runtime, 'hpc-agent'));
    assert.match(folder, /^[0-9a-f]{12}$/);
    assert.equal(fs.statSync(path.join(runtime, 'hpc-agent', folder)).mode & 0o777, 0o700);
    connection.dispose();
    await until('the master has ended', () => mastersIn(runtime).length === 0);
    assert.deepEqual(fs.readdirSync(path.join(runtime, 'hpc-agent')), []);
  });

  it('goes over a master that is already there, and leaves it running', async () => {
    const controlPath = path.join(runtime, 'cm');
    const file = config(`ControlPath ${controlPath}`);
    const pid = await startOwn(file, controlPath);
    try {
      const before = tap.taken;
      const connection = viaConfig(file);
      assert.equal(await echo(connection), 'in\n');
      assert.equal(tap.taken, before);
      connection.dispose();
      assert.equal(gone(pid), false);
      const auto = openConnection({ kind: 'ssh', host: 'box', sshConfigFile: file }, { prompts: nobody, log: silentLog });
      opened.push(auto);
      assert.equal(await echo(auto), 'in\n');
      assert.equal(auto.choice?.transport, 'openssh');
      assert.match(auto.choice.reason, /your own ssh master/);
      auto.dispose();
    } finally {
      process.kill(pid);
      await until('it has ended', () => gone(pid));
    }
  });

  it('takes no master that hangs, nor the socket that a dead one left', async () => {
    const controlPath = path.join(runtime, 'cm');
    const file = config(`ControlPath ${controlPath}`);
    const pid = await startOwn(file, controlPath);
    process.kill(pid, 'SIGSTOP');
    try {
      const before = tap.taken;
      assert.equal(await echo(viaConfig(file)), 'in\n');
      assert.equal(tap.taken - before, 1, 'a sign-in of our own');
      assert.equal(gone(pid), false);
    } finally {
      process.kill(pid, 'SIGKILL');
      await until('it has ended', () => gone(pid));
    }
    // Its socket is still there, and nobody behind it.
    assert.ok(fs.existsSync(controlPath));
    assert.equal(await echo(viaConfig(file)), 'in\n');
  });

  it('makes a master at the configured path where it may persist, and leaves it to its owner', async () => {
    const controlPath = path.join(runtime, 'shared');
    const file = config(`ControlPath ${controlPath}`, 'ControlMaster auto', 'ControlPersist 30');
    const connection = viaConfig(file);
    assert.equal(await echo(connection), 'in\n');
    connection.dispose();
    const check = spawnSync('ssh', ['-F', '/dev/null', '-S', controlPath, '-O', 'check', 'box'], { encoding: 'utf8' });
    assert.match(check.stderr, /Master running/);
    execFileSync('ssh', ['-F', '/dev/null', '-S', controlPath, '-O', 'exit', 'box'], { stdio: 'ignore' });
    await until('it has ended', () => !fs.existsSync(controlPath));
  });

  it('says so when its master is killed in the middle of a command, and makes another', async () => {
    let now = Date.now();
    const connection = open({}, { clock: { now: () => new Date(now) }, random: () => 0.5 });
    let begun: () => void = () => undefined;
    const started = new Promise<void>((resolve) => (begun = resolve));
    const running = connection.exec({ script: 'echo begun; exec sleep 30.7' }, { onStdout: () => begun() });
    await started;
    for (const pid of mastersIn(runtime)) process.kill(pid, 'SIGKILL');
    await assert.rejects(running, (error) => HpcError.is(error, 'ssh_unreachable') && error.details?.outcome === 'unknown');
    assert.equal(connection.state.kind, 'broken');
    now += 2_000;
    assert.equal(await echo(connection), 'in\n');
    await connection.run({ script: "kill $(ps -eo pid,args | sed -n 's/^ *\\([0-9]*\\) sleep 30.7$/\\1/p')" });
  });

  it('finds out that its master hangs, ends it, and makes another', async () => {
    let now = Date.now();
    const connection = open({ keepaliveIntervalMs: 200 }, { clock: { now: () => new Date(now) }, random: () => 0.5 });
    await connection.run({ argv: ['true'] });
    const [pid = 0] = mastersIn(runtime);
    process.kill(pid, 'SIGSTOP');
    await assert.rejects(connection.run({ argv: ['true'] }, { timeoutMs: 15_000 }), (error) => HpcError.is(error, 'ssh_unreachable') && error.details?.outcome === 'unknown');
    await until('it has ended', () => gone(pid));
    now += 2_000;
    assert.equal(await echo(connection), 'in\n');
  });

  it('runs a ProxyCommand, and auto takes it for that', async () => {
    const script = path.join(runtime, 'proxy.mjs');
    fs.writeFileSync(script, `import * as net from 'node:net';\nimport * as fs from 'node:fs';\nfs.writeFileSync(${JSON.stringify(path.join(runtime, 'ran'))}, process.argv.slice(2).join(' '));\nconst s = net.connect(Number(process.argv[3]), process.argv[2]);\nprocess.stdin.pipe(s).pipe(process.stdout);\n`);
    const file = config(`ProxyCommand ${process.execPath} '${script}' %h %p`);
    const connection = openConnection({ kind: 'ssh', host: 'box', sshConfigFile: file }, { prompts: nobody, log: silentLog });
    opened.push(connection);
    assert.equal(await echo(connection), 'in\n');
    assert.equal(fs.readFileSync(path.join(runtime, 'ran'), 'utf8'), `127.0.0.1 ${tap.port}`);
    assert.equal(connection.choice?.transport, 'openssh');
    assert.match(connection.choice.reason, /ProxyCommand/);
  });

  it('does not care for broken libraries, locales and askpass programs in its environment', async () => {
    const libraries = path.join(runtime, 'lib');
    fs.mkdirSync(libraries);
    for (const name of ['libcrypto.so.3', 'libc.so.6', 'libz.so.1']) fs.writeFileSync(path.join(libraries, name), 'no library');
    Object.assign(process.env, { LD_LIBRARY_PATH: libraries, SSH_ASKPASS: '/nowhere', LC_ALL: 'xx_XX', BASH_ENV: '/nowhere' });
    assert.notEqual(spawnSync('ssh', ['-V'], { stdio: 'ignore' }).status, 0, 'they are broken indeed');
    assert.equal(await echo(open()), 'in\n');
    assert.equal((await open({}, { multiplex: false }).run({ script: 'printf %s "${LC_ALL-none}"' })).stdout, 'none');
  });

  it('finds a shorter place where a control path would be too long', async () => {
    const deep = path.join(runtime, 'd'.repeat(60));
    fs.mkdirSync(deep);
    process.env.XDG_RUNTIME_DIR = deep;
    process.env.HPC_AGENT_HOME = path.join(runtime, 'short home');
    assert.equal(await echo(open()), 'in\n');
    assert.deepEqual(fs.readdirSync(deep), []);
    assert.equal(fs.readdirSync(path.join(runtime, 'short home', 'ssh')).length, 1);
    const long = path.join(runtime, 'l'.repeat(120));
    assert.equal(await echo(viaConfig(config(`ControlPath ${long}`, 'ControlMaster auto', 'ControlPersist 30'))), 'in\n');
  });

  it('has a home folder with spaces and quotes in its name', async () => {
    const home = path.join(runtime, "a b's (c)");
    fs.mkdirSync(home);
    delete process.env.XDG_RUNTIME_DIR;
    process.env.HOME = home;
    const questions: string[] = [];
    const prompts: PromptPort = {
      ...nobody,
      trustHostKey: ({ fingerprint }) => {
        questions.push(fingerprint);
        return Promise.resolve('trust');
      },
    };
    const known = path.join(home, 'my hosts');
    const connection = open({ knownHostsFile: known }, { prompts });
    assert.equal(await echo(connection), 'in\n');
    assert.equal(questions.length, 1);
    assert.match(fs.readFileSync(known, 'utf8'), /ssh-ed25519/);
    assert.equal(fs.readdirSync(path.join(home, '.hpc-agent', 'ssh')).length, 1);
    connection.dispose();
    await until('the master has ended', () => mastersIn(home).length === 0);
  });

  it('honours a configuration that forbids asking about host keys', async () => {
    let asked = 0;
    const prompts: PromptPort = { ...nobody, trustHostKey: () => ((asked += 1), Promise.resolve('trust')) };
    const known = path.join(runtime, 'none known');
    const strict = path.join(runtime, 'strict');
    fs.writeFileSync(strict, 'StrictHostKeyChecking yes\n');
    await assert.rejects(open({ knownHostsFile: known, sshConfigFile: strict }, { prompts }).run({ argv: ['true'] }), /StrictHostKeyChecking yes/);
    const lax = path.join(runtime, 'lax');
    fs.writeFileSync(lax, 'StrictHostKeyChecking no\n');
    await assert.rejects(open({ knownHostsFile: known, sshConfigFile: lax }, { prompts: { ...nobody, trustHostKey: () => ((asked += 1), Promise.resolve('refuse')) } }).run({ argv: ['true'] }), /not trusted/);
    assert.equal(asked, 1, 'asked where the configuration would have taken any key');
  });

  it('says that a forwarded port leads nowhere by closing it', async () => {
    const connection = open();
    const forwarded = await connection.forward({ host: '127.0.0.1', port: 1 });
    await new Promise<void>((resolve) => net.connect(forwarded.localPort, '127.0.0.1').on('error', () => undefined).once('close', () => resolve()));
    forwarded.dispose();
    assert.equal(await echo(connection), 'in\n');
  });
});
