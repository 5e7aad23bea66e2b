/** Proves the test bed itself: that it works, that each fault can be seen from outside, and that it can be mended. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, type CommandResult } from './bed.ts';
import { askForwarder } from './cluster/forwarderProtocol.ts';
import { oneTimeCode } from './sshAccess.ts';
import { startSandbox, stopSandbox, type Sandbox, type SandboxOptions } from './sandbox.ts';

/** Asks again until the answer is the wanted one; the suite's own time limit ends a wait in vain. */
async function until<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    await sleep(100);
  }
}

describe('sandbox (integration)', function () {
  this.timeout(90_000);
  let sandbox: Sandbox;
  let scratch: string;
  let options: SandboxOptions;

  // Not the common sandbox: what is broken here would break under others, and their startSandbox would mend it too early.
  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'sandbox-test-'));
    options = { stateDirectory: join(scratch, 'first') };
    sandbox = await startSandbox(options);
  });
  after(async () => {
    await stopSandbox({ ...options, purge: true });
    await rm(scratch, { recursive: true, force: true });
  });

  const sshArguments = (alias: string, settings: readonly string[]): string[] => ['-F', sandbox.ssh.sshConfigFile, ...settings.flatMap((option) => ['-o', option]), alias];
  const ssh = (alias: string, command: string, settings: readonly string[] = [], env: Record<string, string> = {}): Promise<CommandResult> =>
    run('ssh', [...sshArguments(alias, settings), command], { env: { SSH_AUTH_SOCK: '', ...env } });

  /** Answers ssh's questions from a program; the questions come back for a look. */
  async function sshAnswering(alias: string, answer: string): Promise<CommandResult & { questions: string }> {
    const asked = join(scratch, 'asked');
    const program = join(scratch, 'askpass');
    await writeFile(asked, '');
    await writeFile(program, '#!/bin/sh\necho "$1" >>"$ASKED"\nprintf "%s\\n" "$ANSWER"\n', { mode: 0o700 });
    const result = await ssh(alias, 'id -un', [], { SSH_ASKPASS: program, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0', ASKED: asked, ANSWER: answer });
    return { ...result, questions: await readFile(asked, 'utf8') };
  }

  /** A session that is established when this resolves. */
  async function openSession(settings: readonly string[] = []): Promise<{ readonly exitCode: Promise<number | null> }> {
    const child = spawn('ssh', [...sshArguments(sandbox.ssh.aliases.plain, settings), 'echo ready; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const exitCode = new Promise<number | null>((resolve) => child.on('close', resolve));
    await once(child.stdout, 'data');
    return { exitCode };
  }

  const user = async (script: string): Promise<string> => {
    const result = await sandbox.asUser(script);
    assert.equal(result.exitCode, 0, `${script}: ${result.stderr}`);
    return result.stdout.trim();
  };
  const states = async (job: string): Promise<string[]> =>
    (await user(`sacct -X --noheader --parsable2 -j ${job} --format=JobID,State,ExitCode`)).split('\n').filter(Boolean).sort();

  it('attaches to what runs and changes nothing', async () => {
    const pid = async (): Promise<string> => readFile(join(sandbox.stateDirectory, 'machines/head/pid'), 'utf8');
    const earlier = await pid();
    const again = await startSandbox(options);
    assert.deepEqual(again.ssh, sandbox.ssh);
    assert.equal(await pid(), earlier);
  });

  describe('login', () => {
    it('by key: alice and bob, ed25519 and rsa, directly and through the bastion', async () => {
      const { aliases, rsaIdentityFile } = sandbox.ssh;
      assert.equal((await ssh(aliases.plain, 'id -un; hostname')).stdout, 'alice\nlogin\n');
      assert.equal((await ssh(aliases.plain, 'id -un', [`IdentityFile=${rsaIdentityFile}`])).stdout, 'alice\n');
      assert.equal((await ssh(aliases.second, 'id -un')).stdout, 'bob\n');
      assert.equal((await ssh(aliases.bastion, 'hostname')).stdout, 'bastion\n');
      const jumped = await run('ssh', ['-F', sandbox.ssh.sshConfigFile, aliases.viaBastion, 'hostname; echo $SSH_CONNECTION'], { env: { SSH_AUTH_SOCK: '' } });
      assert.match(jumped.stdout, /^login\n198\.18\.0\./);
    });

    it('by an encrypted key in an agent', async () => {
      const agent = await sandbox.startAgent([sandbox.ssh.encryptedIdentityFile]);
      try {
        const settings = ['IdentityFile=/dev/null', 'IdentitiesOnly=no', `IdentityAgent=${agent.socketPath}`, 'BatchMode=yes'];
        const result = await run('ssh', ['-F', '/dev/null', '-p', String(sandbox.ssh.port), '-l', 'alice', '-o', `UserKnownHostsFile=${sandbox.ssh.knownHostsFile}`,
          ...settings.flatMap((option) => ['-o', option]), '127.0.0.1', 'id -un']);
        assert.equal(result.stdout, 'alice\n', result.stderr);
      } finally {
        await agent.stop();
      }
      await assert.rejects(access(agent.socketPath));
    });

    it('by password, asked with keyboard-interactive', async () => {
      const result = await sshAnswering(sandbox.ssh.aliases.password, sandbox.ssh.password);
      assert.equal(result.stdout, 'pwuser\n', result.stderr);
      assert.match(result.questions, /Password:/);
      assert.match((await ssh(sandbox.ssh.aliases.password, 'true', ['BatchMode=yes'])).stderr, /Permission denied \(keyboard-interactive\)/);
    });

    it('by key and one-time code', async () => {
      const result = await sshAnswering(sandbox.ssh.aliases.otp, oneTimeCode(sandbox.ssh.otpSecret));
      assert.equal(result.stdout, 'otpuser\n', result.stderr);
      assert.match(result.questions, /Verification code:/);
    });

    it('with tcsh as the login shell', async () => {
      assert.equal((await ssh(sandbox.ssh.aliases.tcsh, 'echo $tcsh:q $FROM_CSHRC | grep -c "6.*yes"')).stdout, '1\n');
    });

    it('with start-up files that talk', async () => {
      const result = await ssh(sandbox.ssh.aliases.noisy, 'echo the answer');
      assert.match(result.stdout, /maintenance[^]*quota[^]*"COMPLETED"[^]*no newline after this: the answer\n$/);
      assert.match(result.stderr, /stty: .*Inappropriate ioctl/);
      assert.match((await ssh(sandbox.ssh.aliases.noisy, 'bash -lc "echo the answer"')).stdout, /\.profile: maintenance[^]*the answer\n$/);
    });

    it('finds the python of the system, and nothing of the host', async () => {
      assert.match((await ssh(sandbox.ssh.aliases.plain, '/usr/bin/python3 --version; ls /home /root 2>&1')).stdout, /^Python 3[^]*alice\nbob\n/);
      await assert.rejects(access('/home/alice'));
    });
  });

  describe('slurm', () => {
    it('runs an array, on nodes with names, and accounts for it', async () => {
      const script = '#!/bin/bash\nhostname\nexit $((SLURM_ARRAY_TASK_ID % 10 == 0 ? 3 : 0))\n';
      const submitted = await sandbox.asUser('mkdir -p proof && cd proof && sbatch --parsable --array=1-40 --comment=why --output=%a.out', { stdin: script });
      const job = submitted.stdout.trim();
      assert.match(job, /^\d+$/, submitted.stderr);
      const rows = await until(() => states(job), (all) => all.length === 40 && all.every((row) => /COMPLETED|FAILED/.test(row)));
      assert.equal(rows.filter((row) => row.endsWith('|FAILED|3:0')).length, 4);
      assert.equal(rows.filter((row) => row.endsWith('|COMPLETED|0:0')).length, 36);
      assert.deepEqual((await user('cat proof/*.out | sort -u; rm -r proof')).split('\n').filter((name) => !sandbox.nodes.includes(name)), []);
      assert.match(await user(`sacct -X --noheader --parsable2 -j ${job} --format=Account,User,Comment | sort -u`), /^lab\|alice\|why$/);
    });

    it('refuses an array beyond MaxArraySize', async () => {
      const result = await sandbox.asUser('sbatch --array=1-1001 --wrap true');
      assert.notEqual(result.exitCode, 0);
      assert.match(result.stderr, /Invalid job array specification/);
    });
  });

  describe('faults of slurm', () => {
    it('slurmctld stopped, killed, hung', async () => {
      const { slurmctld } = sandbox.faults;
      await slurmctld.stop();
      assert.match((await sandbox.asUser('scontrol ping')).stdout, /is DOWN/);
      await slurmctld.start();
      await user('squeue');
      await slurmctld.kill();
      assert.match((await sandbox.asUser('squeue')).stderr, /Unable to contact slurm controller/);
      await slurmctld.start();
      await user('squeue');
      await slurmctld.hang();
      assert.equal((await sandbox.asUser('timeout 1 squeue')).exitCode, 124);
      await slurmctld.resume();
      await user('squeue');
    });

    it('slurmdbd stopped: sacct fails, sbatch goes on, accounting catches up', async () => {
      const { slurmdbd } = sandbox.faults;
      await slurmdbd.stop();
      assert.notEqual((await sandbox.asUser('sacct')).exitCode, 0);
      const job = await user('sbatch --parsable --output=/dev/null --wrap true');
      await slurmdbd.start();
      await until(() => states(job), (rows) => rows[0]?.includes('COMPLETED') === true);
    });

    it('slurm.conf: MaxArraySize and MinJobAge; what slurmctld does not take is taken back', async () => {
      await sandbox.faults.setSlurmOptions({ MaxArraySize: 5, MinJobAge: 2 });
      assert.match((await sandbox.asUser('sbatch --array=1-5 --wrap true')).stderr, /Invalid job array specification/);
      assert.match(await user('scontrol show config'), /MinJobAge\s+= 2 sec/);
      await assert.rejects(sandbox.faults.setSlurmOptions({ MaxArraySize: 'many' }), /taken back/);
      await sandbox.faults.setSlurmOptions({});
      await user('sbatch --array=1-5 --output=/dev/null --wrap true');
    });

    it('a submit filter that says no', async () => {
      await sandbox.faults.setSubmitFilter(`
        function slurm_job_submit(job, partitions, uid)
          if job.comment == "forbidden" then slurm.log_user("not like this"); return slurm.ERROR end
          return slurm.SUCCESS
        end
        function slurm_job_modify(job, record, partitions, uid) return slurm.SUCCESS end
        return slurm.SUCCESS`);
      const refused = await sandbox.asUser('sbatch --comment=forbidden --wrap true');
      assert.match(refused.stderr, /not like this/);
      assert.notEqual(refused.exitCode, 0);
      await user('sbatch --output=/dev/null --wrap true');
      await sandbox.faults.setSubmitFilter(undefined);
      await user('sbatch --comment=forbidden --output=/dev/null --wrap true');
    });

    it('limits of a user and of all users', async () => {
      const held = '--hold --output=/dev/null --wrap true';
      await user('scancel --me');
      await until(() => user('squeue --noheader --me'), (rows) => rows === '');
      await sandbox.faults.setUserLimits('alice', { MaxSubmitJobs: 2 });
      assert.match((await sandbox.asUser(`sbatch --array=1-3 ${held}`)).stderr, /AssocMaxSubmitJobLimit/);
      await sandbox.faults.setUserLimits('alice', {});
      await sandbox.faults.setQosLimits({ MaxSubmitJobsPerUser: 2 });
      assert.match((await sandbox.asUser(`sbatch --array=1-3 ${held}`)).stderr, /QOSMaxSubmitJobPerUserLimit/);
      await sandbox.faults.setQosLimits({});
      await user(`scancel $(sbatch --parsable --array=1-3 ${held})`);
    });

    it('a node lost and back', async () => {
      const job = await user('sbatch --parsable --no-requeue --nodelist=node2 --output=/dev/null --wrap "sleep 300"');
      await until(() => states(job), (rows) => rows[0]?.includes('RUNNING') === true);
      await sandbox.faults.killMachine('node2');
      await until(() => states(job), (rows) => rows[0]?.includes('NODE_FAIL') === true);
      await sandbox.faults.startMachine('node2');
      assert.equal(await user('srun --nodelist=node2 hostname'), 'node2');
    });
  });

  describe('faults of the login node', () => {
    it('/home full and free', async () => {
      await sandbox.faults.fillHome();
      assert.match((await ssh(sandbox.ssh.aliases.plain, 'head -c 20000 /dev/zero >more')).stderr, /No space left on device/);
      await sandbox.faults.freeHome();
      assert.equal((await ssh(sandbox.ssh.aliases.plain, 'head -c 20000 /dev/zero >more && rm more')).exitCode, 0);
    });

    it('another host key', async () => {
      await sandbox.faults.changeHostKey();
      assert.match((await ssh(sandbox.ssh.aliases.plain, 'true')).stderr, /HOST IDENTIFICATION HAS CHANGED/);
      await sandbox.faults.restoreHostKey();
      assert.equal((await ssh(sandbox.ssh.aliases.plain, 'true')).exitCode, 0);
    });

    it('sessions dropped', async () => {
      const session = await openSession();
      await sandbox.faults.dropSshSessions();
      assert.equal(await session.exitCode, 255);
      assert.equal((await ssh(sandbox.ssh.aliases.plain, 'true')).exitCode, 0);
    });

    it('sshd stopped, hung', async () => {
      const { sshd } = sandbox.faults;
      await sshd.stop();
      assert.equal((await ssh(sandbox.ssh.aliases.plain, 'true')).exitCode, 255);
      await sshd.start();
      await sshd.hang();
      assert.match((await ssh(sandbox.ssh.aliases.plain, 'true', ['ConnectTimeout=1'])).stderr, /timed out/);
      await sshd.resume();
      assert.equal((await ssh(sandbox.ssh.aliases.plain, 'true')).exitCode, 0);
    });

    it('sshd options: a banner, one session per connection; nonsense is refused', async () => {
      const banner = join(sandbox.stateDirectory, 'etc/test-banner');
      await writeFile(banner, 'Authorised use only.\n');
      await sandbox.faults.setSshdOptions('Banner /etc/test-banner', 'MaxSessions 1');
      const control = join(scratch, 'control');
      const master = await openSession(['ControlMaster=yes', `ControlPath=${control}`]);
      const second = await ssh(sandbox.ssh.aliases.plain, 'true', [`ControlPath=${control}`]);
      assert.match(second.stderr, /[Ss]ession.*(refused|failed)[^]*Authorised use only/);
      await assert.rejects(sandbox.faults.setSshdOptions('NoSuchOption yes'), /NoSuchOption/);
      await run('ssh', ['-O', 'exit', '-o', `ControlPath=${control}`, 'any']);
      await master.exitCode;
      await sandbox.faults.setSshdOptions();
      await rm(banner);
      assert.equal((await ssh(sandbox.ssh.aliases.plain, 'true')).stderr, '');
    });
  });

  describe('faults of the network', () => {
    it('slow: a round trip takes as long as told, and bytes are let through at the rate told', async () => {
      // A lower bound cannot fail on a busy machine: the key exchange and the login are more than five round trips.
      await sandbox.faults.setNetwork({ roundTripMs: 200, bytesPerSecond: 200_000 });
      const start = performance.now();
      const result = await ssh(sandbox.ssh.aliases.plain, 'head -c 200000 /dev/urandom | tee >(md5sum >&2)');
      const elapsedMs = performance.now() - start;
      await sandbox.faults.calmNetwork();
      assert.equal(result.exitCode, 0, result.stderr);
      assert.ok(elapsedMs > 5 * 200 + 900, `${elapsedMs} ms`);
    });

    it('stalled: open sessions hear nothing; then it flows on', async () => {
      const session = await openSession(['ServerAliveInterval=1', 'ServerAliveCountMax=1']);
      const state = await sandbox.faults.setNetwork({ stalled: true });
      assert.equal(state.open, 1);
      assert.equal(await session.exitCode, 255);
      const late = ssh(sandbox.ssh.aliases.plain, 'echo late');
      await until(() => sandbox.faults.networkState(), ({ accepted }) => accepted > state.accepted);
      await sandbox.faults.calmNetwork();
      assert.equal((await late).stdout, 'late\n');
    });

    it('reset and refused', async () => {
      const session = await openSession();
      await sandbox.faults.resetConnections();
      assert.equal(await session.exitCode, 255);
      await sandbox.faults.setNetwork({ refused: true });
      assert.match((await ssh(sandbox.ssh.aliases.plain, 'true')).stderr, /Connection refused/);
      await sandbox.faults.calmNetwork();
      assert.equal((await ssh(sandbox.ssh.aliases.plain, 'true')).exitCode, 0);
    });
  });

  it('is in order again after startSandbox, whatever a test has left behind', async () => {
    const { faults } = sandbox;
    await faults.setSlurmOptions({ MaxArraySize: 3 });
    await faults.setUserLimits('alice', { MaxSubmitJobs: 1 });
    await faults.changeHostKey();
    await faults.fillHome();
    await faults.setNetwork({ stalled: true });
    await faults.killMachine('node3');
    await faults.slurmctld.hang();
    sandbox = await startSandbox(options);
    const result = await ssh(sandbox.ssh.aliases.plain, 'echo x >x && rm x && srun --nodelist=node3 hostname && sbatch --parsable --array=1-4 --output=/dev/null --wrap true');
    assert.match(result.stdout, /^node3\n\d+\n$/, result.stderr);
  });

  it('stands beside another sandbox, comes back after an unclean end, and leaves nothing', async () => {
    const stateDirectory = join(scratch, 'other');
    const other = await startSandbox({ stateDirectory, nodes: 1, maxArraySize: 11 });
    try {
      await assert.rejects(startSandbox({ stateDirectory, nodes: 2 }), /has 1 nodes, not 2/);
      assert.match((await other.asUser('sbatch --array=0-11 --wrap true')).stderr, /Invalid job array/);
      const job = (await other.asUser('sbatch --parsable --hold --output=/dev/null --wrap true')).stdout.trim();
      await other.faults.slurmctld.stop();
      const forwarder = await askForwarder(join(stateDirectory, 'run/forwarder.sock'), {});
      assert.ok(forwarder);
      const ids = [...(await machineIds(stateDirectory)), forwarder.pid];
      for (const id of ids) process.kill(id, 'SIGKILL');
      await until(() => Promise.all(ids.map((id) => access(`/proc/${id}`).then(() => true, () => false))), (alive) => !alive.includes(true));

      await run('umount', [join(stateDirectory, 'net'), join(stateDirectory, 'home')]);

      const again = await startSandbox({ stateDirectory, maxArraySize: 11 });
      assert.match((await again.asUser(`squeue --noheader --format=%i:%r`)).stdout, new RegExp(`^${job}:JobHeldUser`));
      assert.equal((await again.asUser('srun hostname')).stdout, 'node1\n');
      for (const { ssh: { sshConfigFile, aliases } } of [sandbox, again]) {
        assert.equal((await run('ssh', ['-F', sshConfigFile, aliases.plain, 'hostname'])).stdout, 'login\n');
      }
      const late = await machineIds(stateDirectory);
      await stopSandbox({ stateDirectory, purge: true });
      for (const id of late) assert.throws(() => process.kill(id, 0), `process ${id} is left`);
      assert.deepEqual((await readdir(scratch)).filter((name) => name.startsWith('other')), []);
      assert.doesNotMatch(await readFile('/proc/mounts', 'utf8'), new RegExp(stateDirectory));
    } finally {
      await stopSandbox({ stateDirectory, purge: true });
    }
  });

  async function machineIds(stateDirectory: string): Promise<number[]> {
    const machines = await readdir(join(stateDirectory, 'machines'));
    return Promise.all(machines.map(async (name) => Number((await readFile(join(stateDirectory, 'machines', name, 'pid'), 'utf8')).split(' ')[0])));
  }
});
