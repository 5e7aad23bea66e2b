/** Single jobs and resources on real Slurm, through the command line as it ships. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { makeDesk, until, type Desk } from '../unit/surfaces/cli/product.ts';
import { startSandbox, type Sandbox } from './sandbox.ts';

describe('Single jobs on real Slurm', function () {
  this.timeout(180_000);
  let sandbox: Sandbox;
  let desk: Desk;
  const on = ['--cluster', 'bed', '--yes'];
  before(async () => {
    sandbox = await startSandbox();
    desk = makeDesk();
    fs.writeFileSync(path.join(desk.home, 'clusters.yaml'), `clusters:\n  bed: {scheduler: slurm, host: ${sandbox.ssh.aliases.plain}, ssh_config_file: ${sandbox.ssh.sshConfigFile}, scratch: $HOME/scratch}\n`);
  });
  after(() => desk.remove());

  it('runs a command to its end, and a script by its own directives', async () => {
    const ran = (await desk.run(['job-run', ...on, '--command', 'hostname; exit 4', '--wait'])).data<{ exit_code: number; stdout_tail: string }>();
    assert.equal(ran.exit_code, 4);
    assert.match(ran.stdout_tail, /^node\d\n$/);
    desk.write('s.sh', '#!/bin/bash\n#SBATCH --cpus-per-task=3\necho "$SLURM_CPUS_PER_TASK"\n');
    assert.equal((await desk.run(['job-run', ...on, '--script', 's.sh', '--wait'])).data<{ stdout_tail: string }>().stdout_tail, '3\n');
  });

  it('reads, counts and cancels a job that was submitted elsewhere', async () => {
    const { stdout } = await sandbox.asUser("sbatch --parsable -J foreign -c 3 --wrap 'echo elsewhere; sleep 300'");
    const id = stdout.trim();
    await until(async () => (await desk.run(['job-log', id, '--cluster', 'bed'])).envelope().ok && (await desk.run(['job-log', id, '--cluster', 'bed'])).data<{ text: string }>().text === 'elsewhere\n');
    // Other jobs may come and go between the two questions: in a quiet moment they agree.
    await until(async () => {
      const seen = (await desk.run(['resources', 'bed', '--refresh'])).data<{ partitions: { name: string; cpus_free: number; cpus_total: number }[] }>();
      const rows = (await sandbox.asUser('sinfo -h -p cpu -o %C')).stdout.trim().split('\n').map((row) => row.split('/').map(Number));
      const sum = (column: number): number => rows.reduce((total, row) => total + (row[column] ?? NaN), 0);
      const cpu = seen.partitions.find(({ name }) => name === 'cpu');
      return cpu?.cpus_free === sum(1) && cpu.cpus_total === sum(3);
    });
    (await desk.run(['job-cancel', id, ...on])).data();
    await until(async () => (await desk.run(['job-show', id, '--cluster', 'bed'])).data<{ jobs: { state: string }[] }>().jobs[0]?.state === 'cancelled');
  });
});
