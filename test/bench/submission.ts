/** Submitting 1,000 tasks to a warm cluster against a bare `ssh host sbatch --array`, which checks and records nothing. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { submit } from '../../src/operations/submit.ts';
import { interleaved, program } from './measure.ts';
import { openCore, startMaster, withRoundTrip, type Places } from './places.ts';
import { compared, oursAtMost, ratioAtMost, type Row } from './report.ts';

const group = '1,000 tasks submitted';

export async function submission(places: Places, short: boolean): Promise<readonly Row[]> {
  const sandbox = await places.sandbox();
  const core = await openCore(places, sandbox);
  await fs.mkdir(path.join(core.experimentDir, '.hpc'));
  await fs.writeFile(path.join(core.experimentDir, 'experiment.py'), 'print("nothing to do")\n');
  await fs.writeFile(path.join(core.experimentDir, '.hpc', 'tasks.py'), 'def total():\n    return 1000\n\n\ndef resolve(i):\n    return {"seed": i, "alpha": i / 1000}\n');
  // Nothing may start: tasks that run would be measured with what submits the next ones.
  await sandbox.asRoot(`scontrol update nodename=${sandbox.nodes.join(',')} state=drain reason=bench`);
  const cancel = async (): Promise<void> => void (await sandbox.asUser('scancel --user=alice'));
  const input = { cluster: 'bench', command: 'true', if_prior: 'new' as const, run_name: 'bench' };
  const bare = ['sbatch', '--array=1-1000', '--output=/dev/null', '--wrap=true'];
  const rows: Row[] = [];
  try {
    for (const roundTripMs of [0, 100]) {
      await withRoundTrip(sandbox, roundTripMs, async () => {
        const master = await startMaster(sandbox);
        let trips: number[] = [];
        try {
          const times = await interleaved(
            {
              ours: { run: async (round) => void (round < 0 ? await submit.call(input, core.context) : trips.push((await submit.call(input, core.context)).round_trips)), after: cancel },
              fresh: { run: () => program(['ssh', '-F', sandbox.ssh.sshConfigFile, '-o', 'BatchMode=yes', 'sandbox', ...bare]), after: cancel },
              master: { run: () => program([...master.ssh, ...bare]), after: cancel },
            },
            short ? 2 : 10,
          );
          const label = roundTripMs === 0 ? 'on loopback' : `at ${roundTripMs} ms`;
          rows.push(
            compared(group, `submit, ${label}`, times.ours, { name: 'ssh host sbatch', values: times.fresh }, { budget: ratioAtMost(1.5), note: 'ours: evaluation, sync, intent, two jobs' }),
            compared(group, `submit, ${label}`, times.ours, { name: 'the same, ControlMaster', values: times.master }),
            compared(group, `exchanges, ${label}`, trips, undefined, { unit: 'trips', budget: oursAtMost(3) }),
          );
        } finally {
          trips = [];
          await master.end();
        }
      });
    }
  } finally {
    await cancel();
    await sandbox.asRoot(`scontrol update nodename=${sandbox.nodes.join(',')} state=resume`);
    core.services.dispose();
  }
  return rows;
}
