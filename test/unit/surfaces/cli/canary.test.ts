/** One task first, on this computer: it passes and the rest follows, or it fails and the rest never leaves. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { sha256Hex } from '../../../../src/foundation/ids.ts';
import { makeDesk, type Answer, type Desk } from './product.ts';

const program = `import json, os, sys
kind, x = os.environ["HPC_KW_KIND"], int(os.environ["HPC_KW_X"])
with open(os.environ["STARTS"], "a") as file:
    file.write("%s %d\\n" % (kind, x))
if kind == "module":
    import a_module_that_is_not_there
if kind == "memory":
    raise MemoryError("too much for %d" % x)
if kind == "silent":
    sys.exit(0)
open(os.path.join(os.environ["RESULT_DIR"], "plot_%d.txt" % x), "w").write("p")
json.dump({"y": x}, open(os.path.join(os.environ["RESULT_DIR"], "metrics.json"), "w"))
`;

describe('a canary on this computer (end to end)', function () {
  this.timeout(120_000);
  let desk: Desk;
  beforeEach(() => {
    desk = makeDesk();
    desk.write('executors/one.py', program);
  });
  afterEach(() => desk.remove());

  const submit = (kind: string, ...words: string[]): Promise<Answer> => {
    desk.write('.hpc/tasks.py', `def total():\n    return 4\n\n\ndef resolve(i):\n    return {"kind": ${JSON.stringify(kind)}, "x": i}\n`);
    return desk.run(['submit', '--cluster', 'this-computer', '--command', 'python3 executors/one.py', '--env', JSON.stringify({ STARTS: path.join(desk.folder, 'starts') }), '--canary', '--yes', ...words]);
  };
  const starts = (): string[] => fs.readFileSync(path.join(desk.folder, 'starts'), 'utf8').trim().split('\n').sort();

  it('passes, leaves what was expected, and the rest follows', async () => {
    const { run_id, canary_run_id, metrics_fingerprint } = (await submit('good', '--expect-output', 'plot_{x}.txt', '--canary-task', '2')).data<{ run_id: string; canary_run_id: string; metrics_fingerprint: string }>();
    assert.notEqual(run_id, canary_run_id);
    assert.equal(metrics_fingerprint, sha256Hex('{"y": 2}'));
    const { run } = (await desk.run(['monitor', run_id, '--poll-interval-seconds', '0.2'])).data<{ run: { counts: { complete: number } } }>();
    assert.equal(run.counts.complete, 4);
    assert.deepEqual(starts(), ['good 0', 'good 1', 'good 2', 'good 2', 'good 3']);
    const again = (await desk.run(['verify-canary', canary_run_id, '--fingerprint', '0'.repeat(64)])).data<{ ok: boolean; failure_kind: string }>();
    assert.deepEqual([again.ok, again.failure_kind], [false, 'fingerprint_differs']);
    assert.equal((await desk.run(['verify-canary', canary_run_id, '--fingerprint', metrics_fingerprint])).data<{ ok: boolean }>().ok, true);
  });

  for (const [kind, expected, words] of [
    ['module', 'module_not_found', []],
    ['memory', 'oom_killed', []],
    ['good', 'missing_output', ['--expect-output', 'another.txt']],
  ] as const) {
    it(`fails (${expected}), in its own words, and nothing else is submitted`, async () => {
      const answer = await submit(kind, ...words);
      const envelope = answer.envelope();
      assert.ok(!envelope.ok && answer.code === 2, answer.stdout);
      assert.match(envelope.message, new RegExp(`canary .* failed on this-computer \\(${expected}\\).*Nothing else was submitted`));
      assert.deepEqual(starts(), [`${kind} 0`]);
      const { runs } = (await desk.run(['list-runs'])).data<{ runs: { run_name: string }[] }>();
      assert.deepEqual(runs.map(({ run_name }) => run_name.endsWith('-canary')), [true]);
    });
  }
});
