import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { parsePlaybook, readPlaybook } from '../../../src/runs/playbook.ts';

describe('the playbook of a project', () => {
  it('is read as hpc-agent reads it', async () => {
    const text = 'known_bad_combinations:\n  - gpu: v100\n    workload_tag: attn-fp32\n    severity: error\n    reason: unstable\nwalltime_rules:\n  - below_quantile: 0.99\nanother_section: 1\n';
    const playbook = await parsePlaybook(text, 'p');
    assert.ok('knownBad' in playbook);
    assert.deepEqual(playbook.knownBad, [{ gpu: 'v100', workloadTag: 'attn-fp32', severity: 'error', reason: 'unstable' }]);
    assert.deepEqual(playbook.walltimeRules.map(({ belowQuantile, severity }) => [belowQuantile, severity]), [[0.99, 'warning']]);
    for (const empty of ['', '# nothing\n', 'walltime_rules:\n']) assert.deepEqual(await parsePlaybook(empty, 'p'), { walltimeRules: [], knownBad: [] });
  });

  const broken: readonly (readonly [string, string, number, RegExp])[] = [
    ['no YAML', 'walltime_rules:\n  - below_quantile: [\n', 3, /./],
    ['a list at the top', '- 1\n', 1, /mapping/],
    ['rules that are no list', 'a: 1\nwalltime_rules:\n  below_quantile: 1\n', 3, /walltime_rules must be a list/],
    ['a quantile above 1', 'walltime_rules:\n  - below_quantile: 0.5\n  - severity: info\n    below_quantile: 95\n', 4, /\[1\]\.below_quantile/],
    ['a severity that is none', 'walltime_rules:\n  - below_quantile: 0.5\n    severity: fatal\n', 3, /severity must be .*"fatal"/],
    ['a missing key', 'known_bad_combinations:\n  - gpu: v100\n    severity: error\n', 2, /needs workload_tag/],
    ['a missing severity', 'known_bad_combinations:\n  - gpu: v100\n    workload_tag: a\n', 2, /severity/],
    ['an entry that is text', 'walltime_rules:\n  - below_quantile: 0.5\n  - text\n', 3, /\[1\] must be a mapping/],
  ];
  for (const [what, text, line, message] of broken) {
    it(`names the line of ${what}`, async () => {
      const problem = await parsePlaybook(text, 'the-file');
      assert.ok('file' in problem);
      assert.equal(problem.line, line);
      assert.match(problem.message, message);
    });
  }

  it('needs no file, and a folder in its place is told and not thrown', async () => {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-playbook-'));
    try {
      assert.deepEqual(await readPlaybook(folder), { walltimeRules: [], knownBad: [] });
      await fs.mkdir(path.join(folder, '.hpc', 'playbook.yaml'), { recursive: true });
      assert.ok('file' in (await readPlaybook(folder)));
    } finally {
      await fs.rm(folder, { recursive: true });
    }
  });
});
