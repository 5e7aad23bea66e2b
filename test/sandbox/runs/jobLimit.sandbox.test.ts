/**
 * A controller that holds as many jobs as it may (MaxJobCount): sbatch itself sleeps and tries again, for two minutes. In a sandbox of its own,
 * since nobody else could submit meanwhile.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { startSandbox, stopSandbox, type Sandbox } from '../sandbox.ts';
import { eventually } from './cli.ts';
import { Desk, whenReleased, type Submitted } from './desk.ts';

describe('at the controller’s limit of jobs (sandbox)', function () {
  this.timeout(400_000);
  let sandbox: Sandbox;
  let desk: Desk;
  let folder: string;
  const full: string[] = [];
  before(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-limit-'));
    sandbox = await startSandbox({ stateDirectory: path.join(folder, 'bed') });
    desk = await Desk.open(sandbox);
    await sandbox.faults.setSlurmOptions({ MaxJobCount: 6, MinJobAge: 2 });
  });
  after(async () => {
    await desk.close();
    await stopSandbox({ stateDirectory: path.join(folder, 'bed'), purge: true });
    await fs.rm(folder, { recursive: true, force: true });
  });

  /** So many places are taken: the queue itself says so, whatever an sbatch at a full controller answered. */
  const sleepers = async (count: number): Promise<void> => {
    await eventually(`${count} places are taken`, async () => {
      const taken = (await sandbox.asUser('squeue --noheader --me --name=sleeper --states=PENDING,RUNNING --format=%i')).stdout.split(/\s+/).filter((id) => id !== '');
      full.splice(0, full.length, ...taken);
      if (taken.length >= count) return true;
      await sandbox.asUser('sbatch --parsable --job-name=sleeper --time=10 --output=/dev/null --wrap="sleep 600"');
      return undefined;
    }, 150_000);
  };
  const leave = async (): Promise<void> => void (full.length > 0 && (await sandbox.asUser(`scancel ${full.splice(0).join(' ')}`)));
  afterEach(leave);

  it('room that comes while sbatch waits is used, and every job is there once', async () => {
    await sleepers(3);
    const work = await desk.work({ total: 2, gate: 'room' });
    // The two elements of its array fill the controller as long as they run; the combiner after it has to wait.
    const submitting = work.submit('bed', whenReleased);
    await eventually('the array is there', async () => ((await work.jobs()).size === 1 ? true : undefined), 60_000);
    const first = await Promise.race([submitting.then(() => 'it ended'), new Promise((resolve) => setTimeout(resolve, 3_000)).then(() => 'it waits')]);
    assert.equal(first, 'it waits');
    await leave();
    await desk.release('room');
    await work.provesWhole(await submitting);
  });

  it('where none comes, that is told, and the same command submits it later', async () => {
    await sleepers(5);
    const work = await desk.work({ total: 2 });
    const { envelope } = await work.submitCall();
    assert.ok(envelope?.ok === false && envelope.error_code === 'scheduler_throttled', JSON.stringify(envelope));
    assert.match(envelope.message ?? '', /accepts no more jobs for now.*No job was submitted/s);
    await leave();
    const run = await eventually('there is room', async () => {
      const again = await work.submitCall();
      return again.envelope?.ok === true ? (again.envelope.data as unknown as Submitted) : undefined;
    });
    await work.provesWhole(run);
  });
});
