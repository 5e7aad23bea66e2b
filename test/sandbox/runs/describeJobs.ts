/**
 * Single jobs on a real scheduler: run, list, show, read, fetch, cancel; a submission whose reply was lost; a job that was submitted by hand, read by
 * what the scheduler says of it, adopted as a run and cancelled as one.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { Cli, eventually, makeWorkspace } from './cli.ts';

export interface JobPlace {
  readonly cluster: object;
  readonly asUser: (script: string) => Promise<string>;
  /** Submits by hand, from the folder ~/by hand: an array of two elements that say so and wait; prints its id alone. */
  readonly byHand: string;
  readonly clean: () => Promise<unknown>;
  /** Every connection to it ends with a TCP reset. */
  readonly cut: () => Promise<unknown>;
}

interface Jobs {
  readonly jobs: readonly { readonly job_id: string; readonly name: string; readonly state: string; readonly ours: boolean; readonly exit_code: number | null }[];
}

/** `cuts`: what ends in the middle of a submission. One of both on each scheduler: what takes it up again is the same. */
export function describeJobs(name: string, cuts: 'program' | 'connection', open: () => Promise<JobPlace>): void {
  describe(`single jobs and adoption on ${name} (sandbox)`, function () {
    this.timeout(240_000);
    let place: JobPlace;
    let cli: Cli;
    let workspace: string;
    const data = async <T>(...words: string[]): Promise<T> => (await cli.data(words, { cwd: workspace })) as unknown as T;
    const on = ['--cluster', 'bed'];
    before(async () => {
      place = await open();
      cli = await Cli.build();
      workspace = await makeWorkspace(await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-jobs-')), 2, { 'input.txt': 'forty-two\n' });
      await cli.writeClusters({ bed: place.cluster });
    });
    after(async () => {
      await place.clean();
      await cli.dispose();
      await fs.rm(workspace, { recursive: true, force: true });
    });

    it('the workspace goes there, a job works in it, and what it wrote comes back', async () => {
      const pushed = await data<{ remote_path: string; deleted_count: number }>('sync', 'bed', '--yes');
      await place.asUser(`touch "${pushed.remote_path}/left over.txt"`);
      const mirror = await data<{ deleted: string[]; dry_run: boolean }>('sync', 'bed', '--mirror', '--dry-run');
      assert.deepEqual([pushed.deleted_count, mirror.deleted, mirror.dry_run], [0, ['left over.txt'], true]);
      assert.deepEqual((await data<{ deleted: string[] }>('sync', 'bed', '--mirror', '--yes')).deleted, ['left over.txt']);
      const ran = await data<{ job_id: string; exit_code: number; stdout_tail: string }>('job-run', ...on, '--command', 'mkdir -p results out; cat input.txt; cp input.txt out/copy.txt; echo r >results/r.txt; exit 3', '--wait', '--yes');
      assert.deepEqual([ran.exit_code, ran.stdout_tail], [3, 'forty-two\n']);
      const fetched = await data<{ into: string; files: string[]; missing: string[] }>('job-fetch', ran.job_id, ...on);
      assert.deepEqual([fetched.files.filter((file) => !file.startsWith('logs/')).sort(), fetched.files.filter((file) => file.startsWith('logs/')).length, fetched.missing], [['out/copy.txt', 'results/r.txt'], 2, []], JSON.stringify(fetched));
      assert.equal(await fs.readFile(path.join(fetched.into, 'out', 'copy.txt'), 'utf8'), 'forty-two\n');
      assert.equal((await data<{ files: number }>('sync', 'bed', '--direction', 'pull')).files, 1);
      assert.equal(await fs.readFile(path.join(workspace, 'results', 'r.txt'), 'utf8'), 'r\n');
      const shown = (await data<Jobs>('job-show', ran.job_id, ...on)).jobs[0];
      assert.deepEqual([shown?.ours, shown?.exit_code], [true, 3]);
    });

    it(`a submission that was cut off is found, not repeated: ${cuts === 'program' ? 'its program is killed' : 'its connection is cut'}`, async () => {
      const words = ['job-run', ...on, '--command', 'exec sleep 300', '--name', 'onlyonce', '--request-id', 'cut', '--yes'];
      const receipts = 'cat "$HOME"/.hpc-agent/jobs/*/receipts/job.json 2>/dev/null | grep -c onlyonce; ls -d "$HOME"/.hpc-agent/jobs/*/receipts 2>/dev/null | wc -l';
      const before = await place.asUser(receipts);
      const cut = cli.start(words, { cwd: workspace });
      const there = async (): Promise<Jobs['jobs']> => (await data<Jobs>('job-list', 'bed')).jobs.filter((job) => job.name.startsWith('onlyonce') && ['pending', 'running', 'completing'].includes(job.state));
      await eventually('the submission is under way', async () => ((await place.asUser(receipts)) !== before || cut.child.exitCode !== null ? true : undefined), 60_000, 20);
      if (cuts === 'program') cut.child.kill('SIGKILL');
      else await place.cut();
      await cut.ended;
      const { job_id } = await data<{ job_id: string }>(...words);
      assert.deepEqual((await there()).map((job) => job.job_id), [job_id]);
      assert.deepEqual(await data<{ job_id: string; resumed: boolean }>(...words).then((again) => [again.job_id, again.resumed]), [job_id, true]);
      await data('job-cancel', job_id, ...on, '--yes');
      await eventually('it is gone', async () => ((await there()).length > 0 ? undefined : true));
    });

    it('a job by hand: its log by what the scheduler says of it, its files by name; adopted as a run, and cancelled as one', async () => {
      const id = (await place.asUser(`mkdir -p "$HOME/by hand" && cd "$HOME/by hand" && ${place.byHand}`)).trim();
      assert.match(id, /^\d+$/);
      // Before it is a run of ours: what it said, and that the scheduler is asked whose elements it has.
      const said = (index: number): Promise<true> => eventually(`element ${index} has written`, async () => ((await data<{ text: string; index: number }>('job-log', id, ...on, '--index', String(index))).text === `by hand ${index}\n` ? true : undefined));
      await said(1);
      await said(2);
      assert.equal((await data<{ index: number }>('job-log', id, ...on)).index, 1);
      const shown = (await data<Jobs>('job-list', 'bed')).jobs.filter((job) => job.job_id === id);
      assert.ok(shown.length > 0 && shown.every((job) => job.name === 'byhand' && job.state === 'running' && !job.ours), JSON.stringify(shown));
      const { run } = await data<{ run: { run_id: string; total_tasks: number } }>('adopt-job', 'bed', id, '--run-name', 'found', '--yes');
      assert.equal(run.total_tasks, 2);
      const state = async (): Promise<{ lifecycle_state: string; counts: Record<string, number> }> => (await data<{ run: { lifecycle_state: string; counts: Record<string, number> } }>('status', run.run_id)).run;
      await eventually('both elements run', async () => ((await state()).counts.running === 2 ? true : undefined));
      await eventually('the second has written', async () => ((await data<{ text: string }>('logs', run.run_id, '--task-id', '1')).text === 'by hand 2\n' ? true : undefined));
      const fetched = await data<{ files: string[]; workdir: string; into: string }>('job-fetch', id, ...on, '--paths', 'made.*', '--into', 'hand');
      assert.match(fetched.workdir, /by hand$/);
      assert.deepEqual(fetched.files.filter((file) => !file.startsWith('logs/')).sort(), ['made.1', 'made.2'], JSON.stringify(fetched));
      await data('cancel', run.run_id, '--yes');
      await eventually('the run is cancelled', async () => ((await state()).lifecycle_state === 'cancelled' ? true : undefined), 90_000);
      assert.equal((await cli.run(['adopt-job', 'bed', '99999999', '--yes'], { cwd: workspace })).envelope?.error_code, 'spec_invalid');
    });
  });
}
