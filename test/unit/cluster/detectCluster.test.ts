import assert from 'node:assert/strict';
import * as path from 'node:path';
import * as fs from 'node:fs/promises';
import { detectScheduler, suggestScratch, writableFolders } from '../../../src/cluster/detectCluster.ts';
import { localEnvironment, localRun } from './fakeSession.ts';
import { TestFiles } from './testFiles.ts';

const withTools = (...names: string[]): { tools: Record<string, string> } => ({ tools: Object.fromEntries(names.map((name) => [name, `/opt/bin/${name}`])) });

describe('what a host seems to be (unit)', () => {
  const cases: readonly [string[], string][] = [
    [['sbatch', 'squeue'], 'slurm'], [['sbatch', 'qsub', 'qconf'], 'slurm'], [['qsub', 'qconf'], 'sge'], [['qsub', 'qacct'], 'sge'], [['qsub', 'pbsnodes'], 'pbs'], [['qsub'], 'background'], [[], 'background'],
  ];
  for (const [tools, expected] of cases) it(`${tools.join(' + ') || 'nothing'} is ${expected}`, () => assert.equal(detectScheduler(withTools(...tools)), expected));

  it('proposes the variables that are set there, then usual folders', () => {
    assert.deepEqual(suggestScratch({ user: 'me', variables: { SCRATCH: '/s/me', WORK: 'relative' } }), ['$SCRATCH', '/scratch/$USER', '/scratch/users/$USER', '/work/$USER', '$HOME/hpc-agent']);
  });

  const files = new TestFiles();
  beforeEach(() => files.setUp());
  afterEach(() => files.tearDown());
  it('keeps the proposals that can be written there', async () => {
    const scratch = path.join(files.root, 'a b', 'it\'s');
    await fs.mkdir(scratch, { recursive: true });
    const environment = { ...localEnvironment(files.home), variables: { SCRATCH: scratch } };
    const found = await writableFolders({ run: localRun }, ['$SCRATCH', '/nowhere/at-all', path.join(files.root, 'not-there'), '$HOME/hpc-agent'], environment);
    assert.deepEqual(found, ['$SCRATCH', '$HOME/hpc-agent']);
  });
});
