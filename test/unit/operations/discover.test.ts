import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { discover } from '../../../src/operations/discover.ts';
import type { OperationContext } from '../../../src/operations/operation.ts';
import { resourcesOf, resourcesOutput } from '../../../src/operations/runRequest.ts';

describe('discover (unit)', () => {
  it('shows all that a job script asks for and a plan takes over', async () => {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-agent-discover-'));
    try {
      await fs.writeFile(path.join(folder, 'fit.sh'), '#!/bin/bash\n#SBATCH --nodes=2\n#SBATCH --mem=2G\n#SBATCH --time=1:00:00\necho fit\n');
      const { executors } = await discover.call({}, { experimentDir: folder, signal: new AbortController().signal } as unknown as OperationContext);
      assert.deepEqual(executors.map(({ path: file, resources }) => [file, resources]), [['fit.sh', { nodes: 2, memory: 2048, walltime: 3600 }]]);
    } finally {
      await fs.rm(folder, { recursive: true });
    }
  });

  it('what is shown of resources asks for the same when it is given back', () => {
    const asked = { cpus: 4, memoryMiB: 2048, walltimeS: 60, gpus: 1, gpuType: 'a100', nodes: 2, partition: 'p', account: 'a', qos: 'q', constraint: 'c' };
    assert.deepEqual(resourcesOf(resourcesOutput(asked)), asked);
  });
});
