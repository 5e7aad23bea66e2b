import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as net from 'node:net';
import * as path from 'node:path';
import { preflight, type PreflightOptions } from '../../../src/cluster/preflight.ts';
import { preflightError, type PreflightCheck, type PreflightCheckName, type PreflightReport } from '../../../src/cluster/preflightReport.ts';
import { parseClock, parseRemoteFacts } from '../../../src/cluster/preflightRemote.ts';
import { CancelledError } from '../../../src/foundation/abort.ts';
import { HpcError } from '../../../src/foundation/errors.ts';
import { fakeSession, localEnvironment, localRun, type FakeFarSide } from './fakeSession.ts';
import { TestFiles } from './testFiles.ts';

const one = (report: PreflightReport, name: PreflightCheckName): PreflightCheck => report.checks.find((check) => check.name === name) ?? assert.fail(`no check ${name}`);

describe('preflight (unit)', () => {
  const files = new TestFiles();
  let far: FakeFarSide;
  let options: PreflightOptions;
  let now: Date;
  const servers: net.Server[] = [];
  const listen = async (where: string | number, onConnection: (socket: net.Socket) => void): Promise<net.Server> => {
    const server = net.createServer(onConnection);
    servers.push(server);
    await new Promise<void>((resolve, reject) => server.on('error', reject).listen(...((typeof where === 'string' ? [where] : [where, '127.0.0.1']) as [number, string]), resolve));
    return server;
  };
  const agent = (keys: number): Promise<net.Server> => listen(path.join(files.root, 'agent'), (socket) => void socket.on('data', () => socket.write(Buffer.from([0, 0, 0, 5, 12, 0, 0, 0, keys]))));
  const run = (more: Partial<PreflightOptions> = {}): Promise<PreflightReport> => preflight(fakeSession(far), { ...options, ...more });
  const cached = (): Promise<string[]> => fs.readdir(path.join(files.home, '.hpc-agent', 'preflight')).catch(() => []);

  beforeEach(async () => {
    await files.setUp();
    await files.write(files.userFile, 'c: {scheduler: slurm, host: far.invalid, scratch: $SCRATCH}\n');
    const scratch = path.join(files.root, 'scratch');
    await fs.mkdir(scratch);
    const remoteHome = path.join(files.root, 'far home');
    await fs.mkdir(remoteHome);
    far = {
      profile: await files.store().get('c'),
      environment: { ...localEnvironment(remoteHome), variables: { SCRATCH: scratch } },
      state: { kind: 'idle' },
      run: (command, exec) => localRun({ ...command, env: { ...command.env, SHELL: '/bin/sh', HOME: remoteHome } }, exec),
      queue: () => ({ rows: [], malformed: [] }),
      accounting: () => ({ rows: [], malformed: [] }),
      calls: 0,
    };
    now = new Date();
    options = { home: files.home, agentHome: path.join(files.home, '.hpc-agent'), env: {}, clock: { now: () => now }, resolveEndpoint: () => Promise.resolve(undefined) };
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
    await files.tearDown();
  });

  it('finds everything good, and remembers it', async () => {
    const report = await run();
    assert.deepEqual(report.checks.filter(({ required, ok }) => required && ok !== true), []);
    assert.equal(report.all_ok, true);
    assert.equal(preflightError(report), undefined);
    assert.match(one(report, 'python').detail, /^Python 3\.\d+\.\d+\.$/);
    assert.match(one(report, 'scratch_space').detail, /\d+ [GM]iB are free/);
    assert.equal(one(report, 'clock_skew').ok, true);
    assert.deepEqual(await fs.readdir(path.join(files.root, 'scratch')), []);
    assert.equal((await cached()).length, 1);
    for (const check of report.checks) assert.ok(check.detail !== '' && check.durationMs >= 0, check.name);
  });

  describe('the cache', () => {
    it('answers without asking the cluster, for 24 hours', async () => {
      await run();
      far.calls = 0;
      now = new Date(now.getTime() + 23.9 * 3_600_000);
      const second = await run();
      assert.deepEqual([second.fromCache, second.all_ok, far.calls], [true, true, 0]);
      now = new Date(now.getTime() + 0.2 * 3_600_000);
      assert.equal((await run()).fromCache, false);
      assert.ok(far.calls > 0);
    });
    it('is passed over when forced, when settings change, when the clock went back and when torn', async () => {
      await run();
      assert.equal((await run({ force: true })).fromCache, false);
      const { profile } = far;
      far.profile = { ...profile, modules: ['new'] };
      assert.equal((await run()).fromCache, false);
      far.profile = profile;
      assert.equal((await run()).fromCache, true);
      now = new Date(now.getTime() - 60_000);
      assert.equal((await run()).fromCache, false);
      for (const file of await cached()) await fs.writeFile(path.join(files.home, '.hpc-agent', 'preflight', file), '{"version":1,"rep');
      assert.equal((await run()).fromCache, false);
    });
    it('never keeps a bad report, and forgets the good one before it', async () => {
      await run();
      far.environment = { ...far.environment, tools: {} };
      assert.equal((await run({ force: true })).all_ok, false);
      assert.deepEqual(await cached(), []);
      assert.equal((await run()).fromCache, false);
    });
  });

  describe('without a login', () => {
    it('says what could not be asked, and asks nothing more', async () => {
      far.unreachable = new HpcError('ssh_unreachable', 'No route to host.', { remediation: 'Turn on the VPN.' });
      const report = await run();
      assert.equal(report.all_ok, false);
      assert.equal(far.calls, 1);
      assert.deepEqual([one(report, 'cluster_login').ok, one(report, 'cluster_login').remediation], [undefined, 'Turn on the VPN.']);
      for (const name of ['host_key', 'python', 'scheduler_queue', 'scratch', 'home_quota'] as const) assert.equal(one(report, name).ok, undefined, name);
      const error = preflightError(report);
      assert.equal(error?.code, 'ssh_unreachable');
      assert.match(error.message, /No route to host/);
      assert.deepEqual(await cached(), []);
    });
    it('tells a refused host key from a missing network', async () => {
      far.unreachable = new HpcError('ssh_unreachable', 'The host key of far.invalid has changed.', { remediation: 'Ask the site.' });
      far.state = { kind: 'refused', reason: 'host key' };
      const report = await run();
      assert.deepEqual([one(report, 'cluster_login').ok, one(report, 'host_key').ok, one(report, 'host_key').remediation], [false, false, 'Ask the site.']);
    });
    it('ends with a cancellation when cancelled', async () => {
      await assert.rejects(run({ signal: AbortSignal.abort() }), CancelledError);
      assert.deepEqual(await cached(), []);
    });
  });

  describe('keys', () => {
    it('explains a missing SSH_AUTH_SOCK where there is no login, and is content where there is one', async () => {
      const content = one(await run(), 'ssh_agent');
      assert.deepEqual([content.ok, content.remediation], [true, undefined]);
      assert.match(content.detail, /SSH_AUTH_SOCK is not set.*login works without/);
      far.unreachable = new HpcError('ssh_unreachable', 'All configured authentication methods failed.');
      const check = one(await run({ force: true }), 'ssh_agent');
      assert.deepEqual([check.ok, check.required], [false, false]);
      assert.match(check.detail, /SSH_AUTH_SOCK is not set/);
      assert.match(check.remediation ?? '', /do not inherit/);
    });
    it('is content with key files', async () => {
      await files.write(path.join(files.home, '.ssh', 'id_rsa'), '');
      assert.match(one(await run(), 'ssh_agent').detail, /id_rsa/);
    });
    it('counts the keys of the agent', async () => {
      await agent(2);
      assert.equal(one(await run({ env: { SSH_AUTH_SOCK: path.join(files.root, 'agent') } }), 'ssh_agent').detail, 'The ssh agent holds 2 keys.');
    });
    it('tells an empty agent and a dead one', async () => {
      await agent(0);
      assert.match(one(await run({ env: { SSH_AUTH_SOCK: path.join(files.root, 'agent') } }), 'ssh_agent').detail, /holds no key/);
      assert.match(one(await run({ force: true, env: { SSH_AUTH_SOCK: path.join(files.root, 'gone') } }), 'ssh_agent').detail, /does not answer \(ENOENT\)/);
    });
  });

  describe('the port', () => {
    it('answers, or is refused without spoiling a login that works', async () => {
      const server = await listen(0, (socket) => void socket.on('error', () => undefined));
      const { port } = server.address() as net.AddressInfo;
      const resolveEndpoint = (): Promise<{ host: string; port: number }> => Promise.resolve({ host: '127.0.0.1', port });
      assert.deepEqual([one(await run({ resolveEndpoint }), 'cluster_tcp').ok], [true]);
      await new Promise((resolve) => servers.splice(0)[0]?.close(resolve));
      const report = await run({ force: true, resolveEndpoint });
      assert.deepEqual([one(report, 'cluster_tcp').ok, report.all_ok], [undefined, true]);
      assert.match(one(report, 'cluster_tcp').detail, /ECONNREFUSED.*another way/);
      far.unreachable = new HpcError('ssh_unreachable', 'refused');
      assert.equal(one(await run({ force: true, resolveEndpoint }), 'cluster_tcp').ok, false);
    });
    it('is not asked through a jump host', async () => {
      if (far.profile.connection.kind !== 'ssh') assert.fail();
      far.profile = { ...far.profile, connection: { ...far.profile.connection, proxyJump: 'gate' } };
      assert.equal(one(await run(), 'cluster_tcp').ok, undefined);
    });
  });

  describe('the far side', () => {
    it('names sample texts that are left', async () => {
      far.profile = { ...far.profile, placeholders: ['user'] };
      const report = await run();
      assert.deepEqual([one(report, 'cluster_config_customized').ok, preflightError(report)?.code], [false, 'config_invalid']);
    });
    it("tells this cluster's mistakes from another's", async () => {
      const problem = { severity: 'error', file: 'c.yaml', line: 3, column: 1, message: 'is wrong', remediation: 'r' } as const;
      assert.deepEqual([one(await run({ problems: [{ ...problem, cluster: 'other' }] }), 'clusters_yaml').ok], [true]);
      const report = await run({ force: true, problems: [{ ...problem, cluster: 'c' }] });
      assert.deepEqual([one(report, 'clusters_yaml').ok, one(report, 'clusters_yaml').detail], [false, 'c.yaml:3:1: is wrong']);
    });
    it('lists missing tools and then does not ask the queue', async () => {
      far.environment = { ...far.environment, tools: { sbatch: '/b' } };
      const report = await run();
      assert.match(one(report, 'scheduler_tools').detail, /^squeue not found/);
      assert.deepEqual([one(report, 'scheduler_queue').ok, one(report, 'accounting').ok], [undefined, undefined]);
    });
    it('tells a scheduler that does not answer from one that says no', async () => {
      far.queue = () => {
        throw new HpcError('cluster_timeout', 'slurmctld does not answer.');
      };
      assert.equal(one(await run(), 'scheduler_queue').ok, undefined);
      far.queue = () => {
        throw new HpcError('remote_command_failed', 'Invalid user.');
      };
      const report = await run();
      assert.deepEqual([one(report, 'scheduler_queue').ok, report.all_ok], [false, false]);
    });
    it('works without accounting', async () => {
      far.accounting = () => {
        throw new HpcError('remote_command_failed', 'slurmdbd is down.');
      };
      const report = await run();
      assert.deepEqual([one(report, 'accounting').ok, report.all_ok], [false, true]);
      // Slurm with accounting_storage/none, whose sacct is there all the same.
      far.accounting = () => {
        throw new HpcError('remote_command_failed', 'sacct: Slurm accounting storage is disabled', { details: { reason: 'accounting_disabled' } });
      };
      assert.deepEqual([one(await run({ force: true }), 'accounting').ok], [true]);
      far.accounting = undefined;
      assert.equal(one(await run({ force: true }), 'accounting').ok, true);
    });
    it('finds a noisy login shell, without calling the cluster bad', async () => {
      await files.write(path.join(files.root, 'far home', '.profile'), 'echo Welcome to far\n');
      const report = await run();
      assert.deepEqual([one(report, 'login_shell').ok, report.all_ok], [false, true]);
      assert.match(one(report, 'login_shell').detail, /Welcome to far/);
    });
    it('finds no Python, and one that is too old', async () => {
      far.environment = { ...far.environment, python: undefined };
      assert.equal(one(await run(), 'python').ok, false);
      const old = path.join(files.root, 'python2');
      await fs.writeFile(old, '#!/bin/sh\necho 3.5.9\n', { mode: 0o755 });
      far.environment = { ...far.environment, python: old };
      assert.match(one(await run(), 'python').detail, /3\.5\.9 is too old/);
    });
    it('accepts a scratch folder that can be made, and leaves nothing there', async () => {
      far.profile = { ...far.profile, scratch: '$SCRATCH/a/it\'s "new"' };
      const report = await run();
      assert.deepEqual([one(report, 'scratch').ok, report.all_ok], [true, true]);
      assert.match(one(report, 'scratch').detail, /will be made/);
      assert.deepEqual(await fs.readdir(path.join(files.root, 'scratch')), []);
    });
    it('refuses a scratch that is a file, or whose variable is not set', async () => {
      await files.write(path.join(files.root, 'scratch', 'file'), '');
      far.profile = { ...far.profile, scratch: '$SCRATCH/file' };
      assert.match(one(await run(), 'scratch').detail, /is not a folder/);
      far.profile = { ...far.profile, scratch: '$NOWHERE/x' };
      const report = await run();
      assert.match(one(report, 'scratch').detail, /\$NOWHERE is not set/);
      assert.equal(preflightError(report)?.code, 'config_invalid');
    });
    it('measures the clock against the round trip', async () => {
      const { run: real } = far;
      far.run = async (command, exec) => (command.argv?.[0] === 'date' ? { stdout: `hpc-clock ${Math.floor(Date.now() / 1000) - 600}\n`, stderr: '', exitCode: 0 } : real(command, exec));
      const report = await run();
      assert.deepEqual([one(report, 'clock_skew').ok, report.all_ok], [false, true]);
      assert.match(one(report, 'clock_skew').detail, /(599|600|601) s behind/);
    });
    it('does not take a program that broke off for an answer', async () => {
      const { run: real } = far;
      far.run = async (command, exec) => (command.argv?.[0] === '/bin/sh' ? { stdout: 'hpc-preflight:noise=\n', stderr: 'Killed', exitCode: 137 } : real(command, exec));
      const report = await run();
      for (const name of ['login_shell', 'python', 'scratch', 'home_quota'] as const) assert.match(one(report, name).detail, /did not run to their end: Killed/);
      assert.equal(report.all_ok, false);
    });
  });

  it('asks neither keys nor ports of this computer', async () => {
    far.profile = { ...(await files.store().get('this-computer')), scratch: path.join(files.root, 'scratch') };
    const report = await run();
    assert.equal(report.all_ok, true);
    for (const name of ['ssh_agent', 'cluster_tcp', 'host_key'] as const) assert.equal(report.checks.find((check) => check.name === name), undefined);
  });
});

describe('replies of the far side (unit)', () => {
  const reply = (lines: string[]): { stdout: string; stderr: string; exitCode: number } => ({ stdout: `Welcome!\n${[...lines, 'end=0'].map((line) => `hpc-preflight:${line}\n`).join('')}`, stderr: '', exitCode: 0 });
  it('reads free space behind a device name with spaces, and a quota that is exceeded', () => {
    const facts = parseRemoteFacts(reply(['noise=', 'python=3.6.8', 'scratch=present', 'scratch_df=//nas/my share 1000000 900000 51200 95% /scratch', 'home=not_writable', 'home_df=', 'quota=/dev/sda1 1024* 1000 1000']), 'far');
    assert.deepEqual(facts, { loginNoise: '', pythonVersion: '3.6.8', scratch: { state: 'present', freeMiB: 50 }, home: { state: 'not_writable', freeMiB: undefined }, quotaExceeded: '/dev/sda1 1024* 1000 1000' });
  });
  it('gives the clock with what the round trip leaves open', () => {
    assert.deepEqual(parseClock({ stdout: 'hpc-clock 1000\n', stderr: '', exitCode: 0 }, 999_000, 1_002_000), { skewS: 0, uncertaintyS: 2 });
    assert.equal(parseClock({ stdout: 'Welcome\n', stderr: '', exitCode: 0 }, 0, 1), undefined);
  });
});
