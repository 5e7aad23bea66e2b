/** Held nodes on a real Grid Engine over SSH: booking, commands and terminals by the port of the holding job, what has no way there, adoption, release, renewal. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { systemClock } from '../../src/foundation/clock.ts';
import { messageOf } from '../../src/foundation/errors.ts';
import { silentLog } from '../../src/foundation/log.ts';
import { noProgress } from '../../src/foundation/progress.ts';
import { createServices } from '../../src/operations/createServices.ts';
import type { OperationContext } from '../../src/operations/operation.ts';
import { openReservationTerminal, reservationAttach } from '../../src/operations/reservations/attach.ts';
import { reservationBook } from '../../src/operations/reservations/book.ts';
import { reservationExec } from '../../src/operations/reservations/exec.ts';
import { reservationGet, reservationRefresh } from '../../src/operations/reservations/look.ts';
import { reservationAdopt, reservationRelease } from '../../src/operations/reservations/own.ts';
import type { ReservationShape } from '../../src/operations/reservations/wire.ts';
import type { Services } from '../../src/operations/services.ts';
import { startGridEngine, type GridEngine } from './gridEngine.ts';
import { eventually } from './runs/cli.ts';

describe('reservations on Grid Engine (sandbox)', function () {
  this.timeout(240_000);
  let grid: GridEngine;
  let home: string;
  let services: Services;
  let context: OperationContext;
  const tag = `g${Date.now().toString(36)}`;
  const dev = `${tag}dev`;

  const get = async (name: string): Promise<ReservationShape> => (await reservationGet.call({ name }, context)).reservation;
  const until = (what: string, condition: () => Promise<boolean>, timeoutMs?: number): Promise<true> => eventually(what, async () => (await condition()) || undefined, timeoutMs);
  const jobs = async (): Promise<readonly string[]> => (await grid.asUser('qstat')).stdout.split('\n').flatMap((line) => /^ *(\d+) /.exec(line)?.[1] ?? []);

  before(async () => {
    grid = await startGridEngine();
    home = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-reservations-'));
    await fs.writeFile(path.join(home, 'clusters.yaml'), JSON.stringify({ grid: { scheduler: 'sge', host: grid.ssh.aliases.plain, ssh_config_file: grid.ssh.sshConfigFile, scratch: '$HOME/scratch', conda_source: '$HOME/res-conda.sh', conda_envs: ['lab'], env: { RES_LAB: 'of the profile' } } }));
    // What a job finds: conda as far as a job script can tell, and a program that only its environment has.
    await grid.asUser('mkdir -p res-lab; printf "#!/bin/sh\\necho lab-python\\n" >res-lab/labpy; chmod +x res-lab/labpy; echo \'conda() { [ "$1 $2" = "activate lab" ] && export CONDA_DEFAULT_ENV=lab PATH="$HOME/res-lab:$PATH"; }\' >res-conda.sh');
    services = createServices({ version: '0.0.0', assetsDirectory: path.resolve(import.meta.dirname, '../..'), userHome: home, home, env: { SCITEX_HPC_LEASE_DIR: path.join(home, 'leases') }, prompts: { secret: () => Promise.resolve(undefined), trustHostKey: () => Promise.resolve('refuse') }, log: silentLog, clock: systemClock, trusted: () => true });
    context = { services, experimentDir: home, signal: new AbortController().signal, progress: noProgress };
  });
  after(async () => {
    services.dispose();
    await grid.asUser('qdel -u "$USER"; rm -rf "$HOME/.hpc-agent/reservations" "$HOME"/res-*');
    await fs.rm(home, { recursive: true, force: true });
  });

  it('books, runs commands there without the queue, and is gone after its release', async () => {
    const { reservation } = await reservationBook.call({ name: dev, cluster: 'grid', walltime: '20m', memory: '200M', wait: 90 }, context);
    assert.deepEqual([reservation.liveness, reservation.phase], ['alive', 'held'], JSON.stringify(reservation));
    for (let index = 0; index < 5; index += 1) {
      const answer = await reservationExec.call({ name: dev, command: `echo ${index} "$JOB_ID"; echo no >&2; exit ${index}` }, context);
      assert.deepEqual([answer.stdout, answer.stderr, answer.exit_code, answer.job_id], [`${index} ${reservation.job_id}\n`, 'no\n', index, reservation.job_id]);
    }
    const software = await reservationExec.call({ name: dev, command: 'labpy; echo "$CONDA_DEFAULT_ENV $RES_LAB $OMP_NUM_THREADS"' }, context);
    assert.deepEqual([software.stdout, software.exit_code], ['lab-python\nlab of the profile 1\n', 0], software.stderr);
    assert.equal((await reservationExec.call({ name: dev, command: 'labpy', bare: true }, context)).exit_code, 127);
    // A terminal: no daemon of the node, and no qrsh, has a part in it.
    let seen = '';
    const terminal = await openReservationTerminal(dev, { size: { columns: 100, rows: 30 }, onData: (chunk) => (seen += Buffer.from(chunk).toString()) }, context);
    const shows = (what: RegExp): Promise<true> =>
      until(`the terminal shows ${String(what)}`, async () => Promise.resolve(what.test(seen))).catch((error: unknown) => {
        throw new Error(`${messageOf(error)}; it shows ${JSON.stringify(seen.slice(-1500))}`);
      });
    terminal.session.write('echo "sum=$((40+2)) on=$(hostname) $(labpy) job=$JOB_ID"\r');
    await shows(new RegExp(`sum=42 on=exec\\d\\S* lab-python job=${reservation.job_id}`));
    terminal.session.resize({ columns: 132, rows: 43 });
    // tmux takes its time over it.
    terminal.session.write('until stty size | grep " 132"; do sleep 0.1; done\r');
    await shows(/4[23] 132/);
    const began = performance.now();
    const before = seen.length;
    terminal.session.write('k');
    await until('the key is echoed', async () => Promise.resolve(seen.length > before), 5_000);
    console.log(`      a key and its echo in a terminal on Grid Engine: ${(performance.now() - began).toFixed(0)} ms`);
    const [end] = await Promise.all([terminal.session.ended, reservationRelease.call({ name: dev }, context)]);
    assert.equal(end, null);
    assert.match(terminal.endedBecause?.() ?? '', new RegExp(`job ${reservation.job_id}|connection was lost`));
    await assert.rejects(openReservationTerminal(dev, { size: { columns: 80, rows: 24 }, onData: () => undefined }, context), { code: 'spec_invalid', message: /There is no reservation/ });
    await until('its job is gone', async () => !(await jobs()).includes(reservation.job_id));
  });

  it('adopts a job of the user’s own: alive, then dead with its proof; nothing is run in it', async () => {
    const submitted = await grid.asUser('echo "while [ ! -e $HOME/res-go ]; do sleep 0.2; done" | qsub -N foreign -S /bin/sh -l h_rt=600');
    const id = /job (\d+) /.exec(submitted.stdout)?.[1] ?? '';
    const name = `${tag}adopted`;
    await reservationAdopt.call({ name, cluster: 'grid', job_id: id }, context);
    await until('it runs', async () => (await get(name)).phase === 'held');
    await assert.rejects(reservationExec.call({ name, command: 'true' }, context), { code: 'spec_invalid', message: /adopted.*sge/ });
    await assert.rejects(reservationAttach.call({ name }, context), { code: 'spec_invalid', message: /adopted.*sge/, remediation: /reservation book/ });
    await grid.asUser('touch "$HOME/res-go"');
    await until('it is dead, with proof', async () => {
      const { liveness, evidence } = await get(name);
      return liveness === 'dead' && evidence.length > 0;
    });
    await reservationRelease.call({ name }, context);
  });

  it('renews itself, from the login node where its own host may submit nothing: said, and done by a refresh; nothing is left after the release', async () => {
    const name = `${tag}hop`;
    const { reservation } = await reservationBook.call({ name, cluster: 'grid', walltime: '100s', persistent: true, renew_before: 75, wait: 90 }, context);
    const first = reservation.job_id;
    await until('what keeps it from renewing is said', async () => (await get(name)).attention.some((line) => /not a submit host.*refresh/.test(line)));
    await reservationRefresh.call({ name }, context);
    await until('another job holds', async () => {
      const seen = await get(name);
      assert.equal(seen.liveness, 'alive', JSON.stringify(seen));
      return seen.job_id !== first;
    });
    const answer = await reservationExec.call({ name, command: 'echo still here' }, context);
    assert.equal(answer.stdout, 'still here\n');
    assert.notEqual(answer.job_id, first);
    await reservationRelease.call({ name }, context);
    await until('no job is left', async () => (await jobs()).length === 0);
  });
});
