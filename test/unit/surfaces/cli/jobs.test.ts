/** Single jobs and what is free, on this computer, through the command line as it ships. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { makeDesk, until, type Desk } from './product.ts';

interface Ran {
  readonly job_id: string;
  readonly resumed: boolean;
  readonly state: string;
  readonly exit_code: number | null;
  readonly stdout_tail: string;
  readonly stderr_tail: string;
}
interface Jobs {
  readonly jobs: readonly { readonly job_id: string; readonly state: string; readonly ours: boolean; readonly exit_code: number | null }[];
}

describe('Single jobs through the command line', function () {
  this.timeout(120_000);
  let desk: Desk;
  before(() => void (desk = makeDesk()));
  after(() => desk.remove());
  const here = ['--cluster', 'this-computer', '--yes'];

  it('runs a command once, however often the same request comes, and tells how it ended', async () => {
    const words = ['job-run', ...here, '--command', `echo "it's $COLOUR"; echo no >&2; echo ran >>ran.txt; exit 3`, '--env', '{"COLOUR":"blue"}', '--request-id', 'r1', '--wait'];
    const first = (await desk.run(words)).data<Ran>();
    assert.deepEqual([first.state, first.exit_code, first.stdout_tail, first.stderr_tail, first.resumed], ['failed', 3, "it's blue\n", 'no\n', false]);
    const again = (await desk.run(words)).data<Ran>();
    assert.deepEqual([again.job_id, again.resumed, again.exit_code], [first.job_id, true, 3]);
    assert.equal((await desk.run(['job-run', ...here, '--command', 'cat ran.txt', '--wait'])).data<Ran>().stdout_tail, 'ran\n');
    const other = (await desk.run(['job-run', ...here, '--command', 'true', '--request-id', 'r1'])).envelope();
    assert.equal(!other.ok && other.error_code, 'spec_invalid');
  });

  it('lists, shows, reads and cancels one that runs, and refuses what is not there', async () => {
    const { job_id: id } = (await desk.run(['job-run', ...here, '--command', 'echo begun; exec sleep 600'])).data<Ran>();
    await until(async () => (await desk.run(['job-log', id, '--cluster', 'this-computer'])).data<{ text: string }>().text === 'begun\n');
    const listed = (await desk.run(['job-list', 'this-computer'])).data<Jobs>().jobs.find((job) => job.job_id === id);
    assert.deepEqual([listed?.state, listed?.ours], ['running', true]);
    const { queue } = (await desk.run(['resources', 'this-computer', '--refresh'])).data<{ queue: { running: number } }>();
    assert.equal(queue.running, 1);
    (await desk.run(['job-cancel', id, ...here])).data();
    await until(async () => (await desk.run(['job-show', id, '--cluster', 'this-computer'])).data<Jobs>().jobs[0]?.state === 'cancelled');
    for (const gone of [id, '99999999']) {
      const answer = (await desk.run(['job-cancel', gone, ...here])).envelope();
      assert.equal(!answer.ok && answer.error_code, 'spec_invalid');
    }
  });

  it('submits a script as it is', async () => {
    desk.write('my job.sh', '#!/bin/bash\n#SBATCH --time=1\necho "$BASH_VERSION" | cut -c1 >/dev/null && echo from bash\n');
    assert.equal((await desk.run(['job-run', ...here, '--script', 'my job.sh', '--wait'])).data<Ran>().stdout_tail, 'from bash\n');
    const both = (await desk.run(['job-run', ...here, '--script', 'my job.sh', '--command', 'true'])).envelope();
    assert.equal(!both.ok && both.error_code, 'spec_invalid');
  });

  it('fetches what a job wrote since it was submitted, and what is named; never outside the workspace', async () => {
    desk.write('elsewhere/old.txt', 'old');
    const workdir = path.join(desk.workspace, 'elsewhere');
    const { job_id: id } = (await desk.run(['job-run', ...here, '--workdir', workdir, '--command', 'mkdir -p out; echo 1 >out/a.csv; echo 2 >"b c.txt"; echo said', '--wait'])).data<Ran>();
    const fetch = async (...more: string[]): Promise<{ file_count: number; files: string[]; unchanged_files: number; missing: string[]; into: string }> => (await desk.run(['job-fetch', id, ...here, ...more])).data();
    const all = await fetch();
    assert.deepEqual([...all.files].sort(), ['b c.txt', `logs/job.${id}.err`, `logs/job.${id}.out`, 'out/a.csv'], JSON.stringify(all));
    assert.equal(fs.readFileSync(path.join(all.into, 'out', 'a.csv'), 'utf8'), '1\n');
    assert.equal(fs.readFileSync(path.join(all.into, 'logs', `job.${id}.out`), 'utf8'), 'said\n');
    assert.deepEqual([(await fetch()).file_count, (await fetch()).unchanged_files], [0, 4]);
    const named = await fetch('--paths', 'old.txt', '--paths', 'out/**', '--paths', 'not there', '--into', 'mine');
    assert.deepEqual([[...named.files].sort(), named.missing], [[`logs/job.${id}.err`, `logs/job.${id}.out`, 'old.txt', 'out/a.csv'], ['not there']]);
    for (const [option, value] of [['--into', '../out'], ['--into', '.hpc/x'], ['--paths', '../secret'], ['--paths', '/etc/passwd']] as const) {
      const answer = (await desk.run(['job-fetch', id, ...here, option, value])).envelope();
      assert.equal(!answer.ok && answer.error_code, 'spec_invalid', value);
    }
  });

  it('gives the same numbers again within a minute, without asking', async () => {
    const ask = async (...more: string[]): Promise<{ cached: boolean; observed_at: string; partitions: { cpus_total: number }[] }> => (await desk.run(['resources', 'this-computer', ...more])).data();
    const first = await ask('--refresh');
    assert.ok((first.partitions[0]?.cpus_total ?? 0) > 0);
    const second = await ask();
    assert.deepEqual([second.cached, second.observed_at], [true, first.observed_at]);
    assert.match((await desk.run(['resources', 'this-computer', '--human'])).stdout, /this host \(default\)/);
  });
});
