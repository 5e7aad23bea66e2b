/** Windows that only watch submit failed tasks again where the run's owner asked for that, exactly once. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { RunSummary } from '../../../src/operations/schemas.ts';
import type { Sidecar } from '../../../src/runs/sidecar.ts';
import { childProgram } from '../../childProgram.ts';
import { makeDesk, until, type Desk } from '../surfaces/cli/product.ts';

/** Two of three tasks are too slow in their first attempt; each start is written down. */
const program = `import json, os, time

with open(os.environ["STARTS"], "a") as file:
    file.write("%s %s\\n" % (os.environ["HPC_TASK_ID"], os.environ["HPC_ATTEMPT"]))
if os.environ["HPC_KW_KIND"] == "late" and os.environ["HPC_ATTEMPT"] == "1":
    time.sleep(600)
json.dump({"x": 1}, open(os.path.join(os.environ["RESULT_DIR"], "metrics.json"), "w"))
`;

describe('retries by windows that watch (end to end)', function () {
  this.timeout(180_000);
  let desk: Desk;
  const children: ChildProcess[] = [];
  beforeEach(() => {
    desk = makeDesk();
    desk.write('executors/late.py', program);
    desk.write('.hpc/tasks.py', 'KINDS = ["done", "late", "late"]\n\n\ndef total():\n    return len(KINDS)\n\n\ndef resolve(i):\n    return {"kind": KINDS[i]}\n');
  });
  afterEach(async () => {
    await Promise.all(
      children.splice(0).map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill('SIGKILL');
        await once(child, 'exit');
      }),
    );
    desk.remove();
  });

  it('three windows, one retry, and no more questions than one of them would ask', async () => {
    desk.write('submit.json', JSON.stringify({ cluster: 'this-computer', command: 'python3 executors/late.py', resources: { walltime: '2s' }, env: { STARTS: path.join(desk.folder, 'starts') }, auto_retry: { walltime: { max_attempts: 1, walltime_multiplier: 4 } } }));
    const submitted = await desk.run(['submit', '--spec', 'submit.json', '--yes']);
    const { run_id: runId } = submitted.data<{ run_id: string }>();
    const began = performance.now();
    const looks: { asked: boolean; problem?: string }[][] = [];
    const windowProgram = await childProgram(path.join(import.meta.dirname, 'children', 'window.ts'));
    for (let window = 0; window < 3; window += 1) {
      const child = spawn(process.execPath, [windowProgram, desk.workspace, desk.home, '500'], { env: desk.env, stdio: ['ignore', 'pipe', 'inherit'] });
      const mine: { asked: boolean; problem?: string }[] = [];
      looks.push(mine);
      children.push(child);
      child.stdout.on('data', (chunk: Buffer) => mine.push(...chunk.toString().split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as { asked: boolean; problem?: string })));
    }
    const stateOf = async (): Promise<RunSummary> => (await desk.run(['status', runId, '--no-refresh'])).data<{ run: RunSummary }>().run;
    await until(async () => (await stateOf()).lifecycle_state === 'complete');
    assert.deepEqual(fs.readFileSync(path.join(desk.folder, 'starts'), 'utf8').trim().split('\n').sort(), ['0 1', '1 1', '1 2', '2 1', '2 2']);
    const sidecar = JSON.parse(fs.readFileSync(path.join(desk.workspace, `.hpc/runs/${runId}.json`), 'utf8')) as Sidecar;
    assert.deepEqual(sidecar.extra?.submission?.attempts?.map(({ automatic, number }) => [automatic, number]), [[true, 2]]);
    // Who asks may change where a window is held up; that the cluster is asked by one of them at a time shows in how often it is asked.
    const asked = looks.flat().filter((look) => look.asked).length;
    assert.ok(asked >= 1 && asked <= (performance.now() - began) / 500 + 3, `asked ${asked} times in ${performance.now() - began} ms`);
    assert.deepEqual(looks.flat().flatMap(({ problem }) => problem ?? []), []);
  });
});
