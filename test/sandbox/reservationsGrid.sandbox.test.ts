/** Held nodes on a real Grid Engine over SSH: booking, commands by the port of the holding job, what has no way there, adoption, release, renewal. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { systemClock } from '../../src/foundation/clock.ts';
import { silentLog } from '../../src/foundation/log.ts';
import { noProgress } from '../../src/foundation/progress.ts';
import { createServices } from '../../src/operations/createServices.ts';
import type { OperationContext } from '../../src/operations/operation.ts';
import { reservationAttach } from '../../src/operations/reservations/attach.ts';
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
    await fs.writeFile(path.join(home, 'clusters.yaml'), JSON.stringify({ grid: { scheduler: 'sge', host: grid.ssh.aliases.plain, ssh_config_file: grid.ssh.sshConfigFile, scratch: '$HOME/scratch' } }));
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
    await assert.rejects(reservationAttach.call({ name: dev }, context), { code: 'spec_invalid', message: /on sge/, remediation: /reservation exec/ });
    await reservationRelease.call({ name: dev }, context);
    await until('its job is gone', async () => !(await jobs()).includes(reservation.job_id));
  });

  it('adopts a job of the user’s own: alive, then dead with its proof; nothing is run in it', async () => {
    const submitted = await grid.asUser('echo "while [ ! -e $HOME/res-go ]; do sleep 0.2; done" | qsub -N foreign -S /bin/sh -l h_rt=600');
    const id = /job (\d+) /.exec(submitted.stdout)?.[1] ?? '';
    const name = `${tag}adopted`;
    await reservationAdopt.call({ name, cluster: 'grid', job_id: id }, context);
    await until('it runs', async () => (await get(name)).phase === 'held');
    await assert.rejects(reservationExec.call({ name, command: 'true' }, context), { code: 'spec_invalid', message: /on sge/ });
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
