import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { executorPort } from '../../../src/operations/executorPort.ts';

describe('what the runs are told of the executors', () => {
  it('all of it: also what a job script asks for', async () => {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-agent-port-'));
    try {
      await fs.writeFile(path.join(folder, 'fit.sh'), '#!/bin/bash\n#SBATCH --mem=2G\necho fit\n');
      const [found] = await executorPort(folder, folder, () => true).discover(new AbortController().signal);
      assert.deepEqual([found?.path, found?.resources?.memoryMiB], ['fit.sh', 2048]);
    } finally {
      await fs.rm(folder, { recursive: true });
    }
  });
});
