/**
 * Held nodes on a real Slurm over SSH: booking that survives kills, commands without the queue, terminals, renewal over two hops, adoption,
 * idle release, and what is said when the controller is down.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { CancelledError } from '../../src/foundation/abort.ts';
import { systemClock } from '../../src/foundation/clock.ts';
import { HpcError } from '../../src/foundation/errors.ts';
import { silentLog } from '../../src/foundation/log.ts';
import { noProgress } from '../../src/foundation/progress.ts';
import { createServices } from '../../src/operations/createServices.ts';
import type { OperationContext } from '../../src/operations/operation.ts';
import { openReservationTerminal } from '../../src/operations/reservations/attach.ts';
import { reservationBook } from '../../src/operations/reservations/book.ts';
import { reservationExec } from '../../src/operations/reservations/exec.ts';
import { reservationGet, reservationList, reservationRefresh, reservationVerify } from '../../src/operations/reservations/look.ts';
import { reservationAdopt, reservationRelease } from '../../src/operations/reservations/own.ts';
import type { ReservationShape } from '../../src/operations/reservations/wire.ts';
import type { Services } from '../../src/operations/services.ts';
import { execInReservation, type CommandOutcome } from '../../src/reservations/execInReservation.ts';
import { Cli, eventually } from './runs/cli.ts';
import { jobsNamed } from './runs/ledger.ts';
import { startSandbox, type Sandbox } from './sandbox.ts';

const root = path.resolve(import.meta.dirname, '../..');
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

describe('reservations (sandbox)', function () {
  this.timeout(300_000);
  let sandbox: Sandbox;
  let home: string;
  let services: Services;
  let context: OperationContext;
  let cli: Cli;
  const tag = `t${Date.now().toString(36)}`;
  const dev = `${tag}dev`;
  const leases = (): string => path.join(home, 'leases');

  const get = async (name: string): Promise<ReservationShape> => (await reservationGet.call({ name }, context)).reservation;
  const exec = (command: string, more: Readonly<Record<string, unknown>> = {}): ReturnType<typeof reservationExec.call> => reservationExec.call({ name: dev, command, ...more }, context);
  const activeJobs = async (prefix: string): Promise<readonly string[]> => (await sandbox.asRoot(`squeue --noheader --format='%i %j' | grep " ${prefix}" || true`)).stdout.split('\n').filter((line) => line.trim() !== '');
  const makeServicesHere = (): Services => createServices({ version: '0.0.0', assetsDirectory: root, userHome: home, home, env: { SCITEX_HPC_LEASE_DIR: leases() }, prompts: { secret: () => Promise.resolve(undefined), trustHostKey: () => Promise.resolve('refuse') }, log: silentLog, clock: systemClock, trusted: () => true });

  before(async () => {
    sandbox = await startSandbox();
    home = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-reservations-'));
    const clusters = { bed: { scheduler: 'slurm', host: sandbox.ssh.aliases.plain, ssh_config_file: sandbox.ssh.sshConfigFile, scratch: '$HOME/scratch', venv: '$HOME/res-venv', env: { RES_LAB: 'of the profile' } } };
    const made = await sandbox.asUser('python3 -m venv --without-pip "$HOME/res-venv"');
    assert.equal(made.exitCode, 0, made.stderr);
    await fs.writeFile(path.join(home, 'clusters.yaml'), JSON.stringify(clusters));
    services = makeServicesHere();
    context = { services, experimentDir: home, signal: new AbortController().signal, progress: noProgress };
    cli = await Cli.build();
    await cli.writeClusters(clusters);
    // Hops while the other tests run.
    await reservationBook.call({ name: `${tag}hop`, cluster: 'bed', walltime: '1m', persistent: true, renew_before: 30, wait: 60 }, context);
    const { reservation } = await reservationBook.call({ name: dev, cluster: 'bed', walltime: '20m', cpus: 2, memory: '200M', wait: 60 }, context);
    assert.equal(reservation.liveness, 'alive');
    assert.equal(reservation.phase, 'held', JSON.stringify(reservation));
  });
  after(async () => {
    await sandbox.faults.mendAll();
    services.dispose();
    await sandbox.asUser('scancel --user="$USER"; rm -rf "$HOME/.hpc-agent/reservations" "$HOME"/res-*');
    await cli.dispose();
    await fs.rm(home, { recursive: true, force: true });
  });

  it('50 commands run in it without the queue; the figure against a fresh srun', async () => {
    const session = await services.reservationDeps(home).session('bed');
    const { job_id: jobId } = await get(dev);
    const ours: number[] = [];
    for (let index = 0; index < 50; index += 1) {
      const began = performance.now();
      const answer = await exec(`echo ${index}; exit ${index % 7}`);
      ours.push(performance.now() - began);
      assert.deepEqual([answer.stdout, answer.exit_code, answer.job_id], [`${index}\n`, index % 7, jobId]);
    }
    const fresh: number[] = [];
    for (let index = 0; index < 10; index += 1) {
      const began = performance.now();
      const answer = await session.connection.run({ argv: ['srun', `--jobid=${jobId}`, '--overlap', '--ntasks=1', 'sh', '-c', 'echo hi'] });
      fresh.push(performance.now() - began);
      assert.equal(answer.exitCode, 0, answer.stderr);
    }
    console.log(`      exec in a reservation: median ${median(ours).toFixed(1)} ms of 50, a fresh srun over the same connection: ${median(fresh).toFixed(1)} ms`);
  });

  it('exit status, streams, folder, variables, input, long output, and order are those of the command', async () => {
    const node = (await exec('hostname')).stdout.trim();
    assert.match(node, /^node\d+$/);
    const answer = await exec('pwd; printf "%s|" "$A"; cat; echo oops >&2; kill -9 $$', { cwd: '/tmp', env: { A: "it's \"so\"\n" }, stdin: 'ünï\n' });
    assert.equal(answer.stdout, '/tmp\nit\'s "so"\n|ünï\n');
    assert.equal(answer.stderr, 'oops\n');
    assert.deepEqual([answer.exit_code, answer.signal], [null, 9]);
    assert.equal((await reservationExec.call({ name: dev, argv: ['printf', '%s', 'a  b;$HOME'] }, context)).stdout, 'a  b;$HOME');
    assert.equal((await exec('nonesuch-program')).exit_code, 127);
    // The software is that of a job of this profile.
    const [{ stdout: found }, asked] = await Promise.all([exec('which python; echo "$RES_LAB" "$HPC_CORES"'), sandbox.asUser('echo "$HOME"')]);
    assert.equal(found, `${asked.stdout.trim()}/res-venv/bin/python\nof the profile 2\n`);
    assert.equal((await reservationExec.call({ name: dev, argv: ['/nonesuch'] }, context)).exit_code, 127);
    const chunks: number[] = [];
    const whole = await execInReservation(dev, { command: { script: 'head -c 20000000 /dev/zero' }, onStdout: (chunk) => chunks.push(chunk.length) }, services.reservationDeps(home), context);
    assert.deepEqual([whole.exitCode, chunks.reduce((sum, size) => sum + size, 0)], [0, 20_000_000]);
    // Many at once share one channel, and their output does not mix.
    const many = await Promise.all(Array.from({ length: 9 }, (_, index) => exec(`for i in 1 2 3; do echo ${index}-$i; done`)));
    many.forEach(({ stdout }, index) => assert.equal(stdout, [1, 2, 3].map((line) => `${index}-${line}\n`).join('')));
  });

  it('a time limit and a cancellation end the whole process group there', async () => {
    const late = await exec('echo started; (sleep 377 & wait)', { timeout: 1 });
    assert.deepEqual([late.stdout, late.note, late.exit_code], ['started\n', 'timeout', null]);
    const stop = new AbortController();
    const cancelled = execInReservation(dev, { command: { script: 'echo up; sleep 388 & sleep 389' }, onStdout: () => stop.abort() }, services.reservationDeps(home), { ...context, signal: stop.signal });
    await assert.rejects(cancelled, (error) => CancelledError.is(error));
    await eventually('nothing of them is left', async () => ((await exec('pgrep -f "sleep (377|388|389)$" || true')).stdout.trim() === '' ? true : undefined));
  });

  it('a connection that breaks in the middle: the command ran once, and its answer is found by its id', async () => {
    let began: () => void = () => undefined;
    const started = new Promise<void>((resolve) => (began = resolve));
    const running = execInReservation(dev, { command: { script: 'echo up; sleep 2; echo once >>"$HOME/res-once"; echo down' }, onStdout: () => began() }, services.reservationDeps(home), context);
    await started;
    await sandbox.faults.dropSshSessions();
    const outcome: CommandOutcome = await running;
    assert.equal(outcome.exitCode, 0);
    assert.equal((await sandbox.asUser('cat "$HOME/res-once"')).stdout, 'once\n');
  });

  it('a connection that does not come back: unknown, never run again; asked later by its id it tells', async () => {
    let began: () => void = () => undefined;
    const started = new Promise<void>((resolve) => (began = resolve));
    const running = execInReservation(dev, { command: { script: 'echo up; sleep 1; echo twice >>"$HOME/res-twice"; exit 5' }, onStdout: () => began() }, services.reservationDeps(home), context);
    await started;
    await sandbox.faults.sshd.stop();
    await sandbox.faults.dropSshSessions();
    let id = '';
    try {
      await assert.rejects(running, (error: unknown) => {
        assert.ok(HpcError.is(error, 'cluster_timeout'), String(error));
        assert.equal(error.details?.outcome, 'unknown');
        assert.equal(error.retrySafe, false);
        id = String(error.details.exec_id);
        return true;
      });
    } finally {
      await sandbox.faults.sshd.start();
    }
    await (await services.reservationDeps(home).session('bed')).connection.reconnect();
    const answer = await reservationExec.call({ name: dev, again: id }, context);
    assert.deepEqual([answer.exit_code, answer.stdout], [5, 'up\n']);
    assert.equal((await sandbox.asUser('cat "$HOME/res-twice"')).stdout, 'twice\n');
    await assert.rejects(reservationExec.call({ name: dev, again: '0123456789abcdef' }, context), (error) => HpcError.is(error, 'spec_invalid'));
  });

  it('a terminal is opened on the node, knows its size, and with tmux outlives its window', async () => {
    const open = async (): Promise<{ text: () => string; type: (line: string) => void; close: () => Promise<unknown>; survives: boolean; resize: (columns: number, rows: number) => void }> => {
      let seen = '';
      const decoder = new TextDecoder();
      const terminal = await openReservationTerminal(dev, { size: { columns: 100, rows: 30 }, onData: (chunk) => (seen += decoder.decode(chunk, { stream: true })) }, context);
      return {
        text: () => seen,
        type: (line) => terminal.session.write(`${line}\r`),
        survives: terminal.survives,
        resize: (columns, rows) => terminal.session.resize({ columns, rows }),
        close: async () => {
          terminal.session.dispose();
          return terminal.session.ended;
        },
      };
    };
    const first = await open();
    first.type('echo "sum=$((40+2)) on=$(hostname) lab=$(basename "$VIRTUAL_ENV")"');
    await eventually('the shell answers', async () => Promise.resolve(/sum=42 on=node\d+ lab=res-venv/.test(first.text()) ? true : undefined), 20_000, 50);
    first.resize(132, 43);
    await eventually('the terminal has its new size', async () => {
      first.type('stty size');
      await new Promise((resolve) => setTimeout(resolve, 200));
      // tmux keeps a line for itself.
      return /4[23] 132/.test(first.text()) ? true : undefined;
    });
    first.type('KEPT=of-the-first-window; echo "set=$KEPT"');
    // What was typed into a window that closes may be lost: only what was done counts.
    await eventually('the first shell did it', async () => Promise.resolve(first.text().includes('set=of-the-first-window') ? true : undefined), 20_000, 50);
    await first.close();
    const second = await open();
    second.type('echo "kept=[$KEPT]"');
    await eventually('the second terminal answers', async () => Promise.resolve(/kept=\[(of-the-first-window)?\]/.test(second.text()) ? true : undefined), 20_000, 50);
    assert.equal(second.text().includes('kept=[of-the-first-window]'), second.survives);
    const said = (await sandbox.asUser(`cat "$HOME"/.hpc-agent/reservations/*${dev}*/logs/*`)).stdout;
    assert.equal(second.survives, (await exec('command -v tmux || true')).stdout !== '', said);
    await second.close();
  });

  it('the client is killed while it books, sooner and later: one job at most, found again, and none is left after the release', async () => {
    const env = { SCITEX_HPC_LEASE_DIR: leases() };
    const names: string[] = [];
    const book = (name: string): readonly string[] => ['reservation', 'book', name, '--cluster', 'bed', '--walltime', '5m', '--wait', '30', '--yes'];
    const began = performance.now();
    const whole = await cli.run(book(`${tag}k0`), { cwd: home, env });
    assert.equal(whole.envelope?.ok, true, JSON.stringify(whole.envelope));
    const tookMs = performance.now() - began;
    names.push(`${tag}k0`);
    let interrupted = 0;
    for (let step = 1; step <= 8; step += 1) {
      const name = `${tag}k${step}`;
      const { child, ended } = cli.start(book(name), { cwd: home, env });
      const lease = path.join(leases(), `${sandbox.ssh.aliases.plain}-${name}.json`);
      // The first is killed as soon as its intent is on the disk, the others later and later.
      if (step === 1) await eventually('the intent', async () => fs.access(lease).then(() => true, () => undefined), 20_000, 1);
      else await new Promise((resolve) => setTimeout(resolve, (tookMs * (step + 3)) / 13));
      child.kill('SIGKILL');
      await ended;
      const isThere = await fs.access(lease).then(() => true, () => false);
      if (!isThere) {
        assert.deepEqual(await jobsNamed(sandbox, `${name}-`), [], 'a job without a lease');
        continue;
      }
      interrupted += 1;
      names.push(name);
      if (step % 2 === 1) {
        // Finished by booking again with the same wishes, or found whole.
        const again = await cli.run(book(name), { cwd: home, env });
        assert.ok(again.envelope?.ok === true || (again.envelope?.message ?? '').includes('already'), JSON.stringify(again.envelope));
        assert.equal((await jobsNamed(sandbox, `${name}-`)).length, 1);
      }
    }
    assert.ok(interrupted >= 2, `only ${interrupted} of the kills fell into a booking`);
    for (const name of names) await reservationRelease.call({ name }, context);
    for (const name of names) {
      assert.ok((await jobsNamed(sandbox, `${name}-`)).length <= 1, `${name} was submitted twice`);
      await eventually(`no job of ${name} is left`, async () => ((await activeJobs(`${name}-`)).length === 0 ? true : undefined));
    }
  });

  it('adopts a job of the user’s own, and only that; releases it by id and name; leaves a recycled id alone', async () => {
    const submit = async (user: string): Promise<string> => (await sandbox.asUser(`sbatch --parsable --job-name=foreign-${tag} --time=5 --output=/dev/null --wrap 'sleep 300'`, { user })).stdout.trim();
    const [own, others] = [await submit(sandbox.ssh.user), await submit('bob')];
    const name = `${tag}ad`;
    await assert.rejects(reservationAdopt.call({ job_id: others, name, cluster: 'bed' }, context), (error) => HpcError.is(error, 'spec_invalid'));
    await eventually('the job runs', async () => ((await sandbox.asUser(`squeue -h -j ${own} -o %T`)).stdout.trim() === 'RUNNING' ? true : undefined));
    const { reservation } = await reservationAdopt.call({ job_id: own, name, cluster: 'bed' }, context);
    assert.deepEqual([reservation.origin, reservation.liveness, reservation.phase], ['adopted', 'alive', 'held']);
    const answer = await reservationExec.call({ name, command: 'echo "$SLURM_JOB_ID"' }, context);
    assert.deepEqual([answer.exit_code, answer.stdout], [0, `${own}\n`]);
    // The same id under another name: what the lease adopted is gone, and this job is somebody else's business.
    const file = path.join(leases(), `${reservation.id}.json`);
    await fs.writeFile(file, (await fs.readFile(file, 'utf8')).replace(`"job_prefix": "foreign-${tag}"`, '"job_prefix": "another-name"'));
    const spared = await reservationRelease.call({ name }, context);
    assert.deepEqual(spared.cancelled, []);
    assert.match(spared.notes.join(), /another job/);
    assert.equal((await sandbox.asUser(`squeue -h -j ${own} -o %T`)).stdout.trim(), 'RUNNING');
    await reservationAdopt.call({ job_id: own, name, cluster: 'bed' }, context);
    assert.deepEqual((await reservationRelease.call({ name }, context)).cancelled, [own]);
    assert.equal((await activeJobs(`foreign-${tag}`)).length, 1);
    await sandbox.asUser(`scancel ${others}`, { user: 'bob' });
  });

  it('an idle one releases itself, with nobody watching; use keeps it; dead has its proof', async () => {
    const name = `${tag}idle`;
    await reservationBook.call({ name, cluster: 'bed', walltime: '10m', release_after_idle: 8, wait: 60 }, context);
    const busy = reservationExec.call({ name, command: 'sleep 10; echo done' }, context);
    assert.equal((await busy).stdout, 'done\n');
    await reservationRefresh.call({ name }, context);
    const gone = await eventually('it ended by itself', async () => {
      const seen = await get(name);
      return seen.liveness === 'alive' ? undefined : seen;
    });
    assert.equal(gone.liveness, 'dead', JSON.stringify(gone));
    assert.match(gone.because, /idle/);
    await assert.rejects(reservationExec.call({ name, command: 'true' }, context), (error) => HpcError.is(error, 'spec_invalid'));
    assert.deepEqual((await reservationRelease.call({ name }, context)).cancelled, []);
  });

  it('renews itself over two hops with no gap; a healthy hop is no failure; the lease follows', async () => {
    const name = `${tag}hop`;
    const seen = await eventually(
      'two hops',
      async () => {
        const now = await get(name);
        return now.hops.length >= 3 && now.hops[1]?.ended_at !== null ? now : undefined;
      },
      180_000,
      1_000,
    );
    assert.equal(seen.liveness, 'alive', JSON.stringify(seen));
    const gaps = seen.hops.slice(1, 3).map(({ gap_s }) => gap_s ?? NaN);
    console.log(`      renewal at a walltime of 1 min: gaps over two hops ${gaps.map((gap) => `${gap.toFixed(1)} s`).join(', ')} (negative: both held)`);
    assert.ok(gaps.every((gap) => gap <= 0), `there was a gap: ${gaps.join()}`);
    assert.equal(new Set(seen.hops.map(({ job_id }) => job_id)).size, seen.hops.length);
    const lease = JSON.parse(await fs.readFile(path.join(leases(), `${seen.id}.json`), 'utf8')) as { job_id: string };
    assert.equal(lease.job_id, seen.job_id);
    assert.notEqual(seen.job_id, seen.hops[0]?.job_id);
    // Seen from outside: commands go on from one job to the next.
    const jobs = new Set<string>();
    let commands = 0;
    while (jobs.size < 2) {
      const answer = await reservationExec.call({ name, command: 'echo here' }, context);
      assert.equal(answer.stdout, 'here\n');
      jobs.add(answer.job_id);
      commands += 1;
    }
    console.log(`      ${commands} commands without a pause across a hop, none failed`);
    const earlier = seen.hops.slice(0, 2).map(({ job_id }) => job_id);
    const states = await eventually('accounting knows them', async () => {
      const lines = (await sandbox.asUser(`sacct -X -n -P -j ${earlier.join()} --format=JobID,State`)).stdout.trim().split('\n');
      return lines.length === 2 && lines.every((line) => !line.includes('RUNNING')) ? lines : undefined;
    });
    assert.deepEqual(states, earlier.map((id) => `${id}|COMPLETED`));
    await reservationRelease.call({ name }, context);
    await eventually('nothing is left of it', async () => ((await activeJobs(`${name}-`)).length === 0 ? true : undefined));
  });

  // After the hops: a controller that is away at the moment of a renewal is another matter.
  it('with the controller down it is UNKNOWN with the reason, the lease stays, and commands go on; who wants to renew then looks for itself when it is back', async () => {
    const away = `${tag}away`;
    await reservationBook.call({ name: away, cluster: 'bed', walltime: '2m', persistent: true, renew_before: 108, wait: 60 }, context);
    await sandbox.faults.slurmctld.stop();
    try {
      const { reservations } = await reservationList.call({ refresh: true }, context);
      const seen = reservations.find(({ name }) => name === dev);
      assert.equal(seen?.liveness, 'unknown');
      assert.match(seen.because, /queue could not be asked: .*(contact|controller|connect)/i);
      assert.equal((await exec('echo still')).stdout, 'still\n');
      // A terminal needs no controller either.
      let text = '';
      const terminal = await openReservationTerminal(dev, { size: { columns: 80, rows: 24 }, onData: (chunk) => (text += Buffer.from(chunk).toString()) }, context);
      terminal.session.write('echo "sum=$((40+2))"\r');
      await eventually('it answers', async () => Promise.resolve(text.includes('sum=42') || undefined));
      terminal.session.dispose();
      await eventually('the successor could not be submitted', async () => ((await sandbox.asUser(`cat "$HOME/.hpc-agent/reservations/"*"/renewal.json"`)).stdout.includes('"state": "unknown"') ? true : undefined), 60_000);
    } finally {
      await sandbox.faults.slurmctld.start();
    }
    // Nobody asks here but the job itself.
    const hops = async (): Promise<readonly string[]> => (await sandbox.asRoot(`squeue --noheader --states=all --format='%i %j' | grep " ${away}-h1-" || true`)).stdout.split('\n').filter((line) => line !== '');
    await eventually('the job submits its successor', async () => ((await hops()).length > 0 ? true : undefined), 90_000);
    assert.deepEqual((await hops()).length, 1);
    await reservationRelease.call({ name: away }, context);
    await eventually('alive again', async () => ((await get(dev)).liveness === 'alive' ? true : undefined));
    const verified = await reservationVerify.call({ name: dev }, context);
    assert.deepEqual(verified.findings, []);
  });

  it('released, it leaves no lease', async () => {
    await reservationRelease.call({ name: dev }, context);
    // Its job may be quicker to end by itself than to be cancelled.
    await eventually('its job has ended', async () => ((await activeJobs(`${dev}-`)).length === 0 ? true : undefined));
    assert.deepEqual((await fs.readdir(leases())).filter((file) => file.endsWith('.json')), []);
  });
});
