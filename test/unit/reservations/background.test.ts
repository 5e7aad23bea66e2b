/** A reservation on this computer, without a scheduler: the same verbs, nothing left behind. And what is said where there is no way in. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { systemClock } from '../../../src/foundation/clock.ts';
import { HpcError } from '../../../src/foundation/errors.ts';
import { silentLog } from '../../../src/foundation/log.ts';
import { noProgress } from '../../../src/foundation/progress.ts';
import { createServices } from '../../../src/operations/createServices.ts';
import type { OperationContext } from '../../../src/operations/operation.ts';
import { openReservationTerminal } from '../../../src/operations/reservations/attach.ts';
import { reservationBook } from '../../../src/operations/reservations/book.ts';
import { reservationExec } from '../../../src/operations/reservations/exec.ts';
import { reservationList } from '../../../src/operations/reservations/look.ts';
import { reservationRelease } from '../../../src/operations/reservations/own.ts';
import type { Services } from '../../../src/operations/services.ts';
import { entranceOf, noWayIn } from '../../../src/reservations/enter.ts';
import { cliProgram } from '../surfaces/cli/product.ts';

const root = path.resolve(import.meta.dirname, '../../..');

describe('a reservation on this computer (unit)', function () {
  this.timeout(120_000);
  let home: string;
  let services: Services;
  let context: OperationContext;
  before(async () => {
    home = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-reservations-'));
    services = createServices({ version: '0.0.0', assetsDirectory: root, userHome: home, home, env: {}, prompts: { secret: () => Promise.resolve(undefined), trustHostKey: () => Promise.resolve('refuse') }, log: silentLog, clock: systemClock, trusted: () => true });
    context = { services, experimentDir: home, signal: new AbortController().signal, progress: noProgress };
  });
  after(async () => {
    services.dispose();
    await fs.rm(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  });

  it('is confirmed in resolved values, booked, used, listed, entered by a terminal and released', async () => {
    const wish = { name: 'dev', cluster: 'this-computer', walltime: '30m', cpus: 1, release_after_idle: '10m', wait: 60 };
    assert.equal(await reservationBook.confirmation(wish, context), 'Book dev on this-computer: 1 node, 1 cpu for 30 min; at most 0.50 node-hours; released after 10 min without use.');
    const { reservation } = await reservationBook.call(wish, context);
    assert.deepEqual([reservation.liveness, reservation.phase], ['alive', 'held'], JSON.stringify(reservation));
    assert.match((await reservationExec.confirmation({ name: 'dev', command: 'hostname' }, context)) ?? '', /^Run in the reservation dev \(.*\): hostname$/);
    const answer = await reservationExec.call({ name: 'dev', command: 'echo "$HPC_RESERVATION"; pwd', cwd: '/' }, context);
    assert.deepEqual([answer.stdout, answer.exit_code], ['dev\n/\n', 0]);
    assert.deepEqual(await reservationExec.call({ name: 'dev', command: 'i=0; while [ $i -lt 200 ]; do echo "ü$i"; i=$((i+1)); done', max_output: 11 }, context).then(({ stdout, cut }) => [stdout, cut]), ['198\nü199\n', true]);
    await throughCli(home);
    let seen = '';
    const terminal = await openReservationTerminal('dev', { size: { columns: 90, rows: 20 }, onData: (chunk) => (seen += Buffer.from(chunk).toString()) }, context);
    terminal.session.write('echo "sum=$((40+2))"\r');
    const deadline = performance.now() + 20_000;
    while (!seen.includes('sum=42') && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 30));
    assert.match(seen, /sum=42/);
    terminal.session.dispose();
    await terminal.session.ended;
    const { reservations } = await reservationList.call({}, context);
    assert.deepEqual(reservations.map(({ name, liveness }) => [name, liveness]), [['dev', 'alive']]);
    assert.equal((await reservationRelease.call({ name: 'dev' }, context)).cancelled.length, 1);
    assert.deepEqual((await reservationList.call({ refresh: true }, context)).reservations, []);
  });

  /** Live output, the command's own exit status, and an interrupt that ends the command there. */
  async function throughCli(userHome: string): Promise<void> {
    const program = await cliProgram();
    const start = (...words: readonly string[]): { child: ChildProcessWithoutNullStreams; text: () => string; errors: () => string; ended: Promise<number | null> } => {
      const child = spawn(process.execPath, [program, 'reservation', 'exec', 'dev', ...words], { cwd: userHome, env: { ...process.env, HOME: userHome, HPC_AGENT_HOME: userHome } });
      let [out, err] = ['', ''];
      child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
      return { child, text: () => out, errors: () => err, ended: once(child, 'close').then(([code]) => code as number | null) };
    };
    const shows = async (what: string, look: () => boolean): Promise<void> => {
      const deadline = performance.now() + 30_000;
      while (!look()) {
        if (performance.now() > deadline) throw new Error(`not within 30 s: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const live = start('--raw', 'echo up; while [ ! -e go ]; do sleep 0.05; done; echo oops >&2; exit 7', '--cwd', userHome);
    const stopped = start('--human', 'echo "pid $$"; exec sleep 1000');
    const json = start('--yes', 'echo hi; kill -9 $$');
    await shows('what the command printed while it runs', () => live.text() === 'up\n' && /pid \d+\n/.test(stopped.text()));
    await fs.writeFile(path.join(userHome, 'go'), '');
    stopped.child.kill('SIGINT');
    assert.deepEqual([await live.ended, live.text(), live.errors()], [7, 'up\n', 'oops\n']);
    assert.equal(await stopped.ended, 130, stopped.errors());
    assert.match(stopped.errors(), /Cancelled/);
    const pid = /pid (\d+)/.exec(stopped.text())?.[1] ?? '';
    await shows('it ended there', () => !existsSync(`/proc/${pid}`));
    assert.equal(await json.ended, 137, json.errors());
    const envelope = JSON.parse(json.text()) as { ok: boolean; data: { stdout: string; signal: number } };
    assert.deepEqual([envelope.ok, envelope.data.stdout, envelope.data.signal], [true, 'hi\n', 9]);
    const failed = start('--raw', 'true', '--timeout', 'soon');
    assert.deepEqual([await failed.ended, failed.text()], [255, '']);
    assert.match(failed.errors(), /timeout is "soon"/);
  }

  it('where a scheduler has no way into a running job that is said, with what to do', () => {
    const tools = { tools: {}, python: 'python3', user: 'a', runtimeDirectory: '/r' };
    for (const scheduler of ['sge', 'pbs', 'background'] as const) assert.equal(entranceOf(scheduler, tools), undefined);
    const error = noWayIn('pbs', '12.server', 'open a terminal in');
    assert.ok(HpcError.is(error, 'spec_invalid'));
    assert.match(error.remediation ?? '', /reservation book/);
    assert.deepEqual(entranceOf('slurm', { ...tools, tools: { srun: '/usr/bin/srun' } }, { jobId: '7', node: 'n1' })?.words(['x']), ['/usr/bin/srun', '--jobid=7', '--overlap', '--quiet', '--nodes=1', '--ntasks=1', '--nodelist=n1', 'x']);
  });
});
