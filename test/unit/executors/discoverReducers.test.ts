import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { discoverReducers } from '../../../src/executors/discoverReducers.ts';

describe('discovery of reducers (unit)', () => {
  let directory: string;
  const write = async (name: string, text: string): Promise<void> => {
    await fs.mkdir(path.dirname(path.join(directory, name)), { recursive: true });
    await fs.writeFile(path.join(directory, name), text);
  };
  const found = async (searchDirs?: string[]): Promise<[string, readonly string[]][]> =>
    (await discoverReducers(directory, { signal: new AbortController().signal, ...(searchDirs ? { searchDirs } : {}) })).reducers.map(({ path: file, matches }) => [file, matches]);
  beforeEach(async () => {
    directory = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-reducers-'));
  });
  afterEach(() => fs.rm(directory, { recursive: true, force: true }));

  it('by name, by a function that takes something, by the variables of cluster-reduce; best first', async () => {
    await write('aggregators/qlike.py', 'x = 1\n');
    await write('src/deep/er/final.py', 'def aggregate(paths):\n    return open(paths[0] + "/metrics.json")\n');
    await write('scripts/out.py', 'import os\nopen(os.environ["HPC_OUTPUT"], "w")\n');
    await write('scripts/nothing.py', 'def reduce():\n    pass\n\n\nclass A:\n    def aggregate(self, x):\n        pass\n');
    assert.deepEqual(await found(), [
      ['src/deep/er/final.py', ['function:aggregate', 'reads:metrics.json']],
      ['aggregators/qlike.py', ['name:qlike']],
      ['scripts/out.py', ['uses:HPC_OUTPUT']],
    ]);
    assert.deepEqual(await found(['scripts']), [['scripts/out.py', ['uses:HPC_OUTPUT']]]);
  });

  it('an executor that writes its metrics, a plot that reads them and words in comments are none; damaged files are named', async () => {
    await write('scripts/train.py', 'import os\ndef compute(args):\n    open(os.environ["RESULT_DIR"] + "/metrics.json", "w")\n');
    await write('scripts/plot.py', 'open("results/metrics.json")\n# def aggregate(x): HPC_OUTPUT\n');
    await fs.writeFile(path.join(directory, 'scripts', 'reduce.py'), Buffer.from([0xff, 0xfe, 0x00]));
    const { reducers, problems } = await discoverReducers(directory, { signal: new AbortController().signal });
    assert.deepEqual([reducers, problems.map(({ path: file }) => file)], [[], ['scripts/reduce.py']]);
  });
});
