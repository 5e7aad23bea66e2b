import assert from 'node:assert/strict';
import { discoverShell } from '../../../src/executors/discoverShell.ts';
import { fromScripts, type AskingScript } from '../../../src/runs/scriptResources.ts';

function script(path: string, text: string): AskingScript {
  const { resources } = discoverShell(path, text);
  assert.ok(resources);
  return { path, resources };
}

describe('what job scripts ask for (unit)', () => {
  const fit = script('fit.sh', '#!/bin/bash\n#SBATCH --time=02:00:00 --mem=8G\n#SBATCH -c 4 -p gpu --gres=gpu:a100:1\n#SBATCH --array=1-5\n#SBATCH --output=x.log --mail-type=END\n');

  it('becomes the run’s, where the scheduler is of the same kind; the array and what is unknown are named', () => {
    const { resources, findings } = fromScripts([fit], 'slurm');
    assert.deepEqual(resources, { cpus: 4, memoryMiB: 8192, walltimeS: 7200, gpus: 1, gpuType: 'a100', partition: 'gpu' });
    assert.deepEqual(findings.map(({ severity, code, message }) => [severity, code, message]), [
      ['info', 'script_resources', 'Asked for by fit.sh itself, where nothing else is said: cores 4, memory 8192 MiB, time limit 02:00:00, GPUs 1, GPU type a100, partition gpu.'],
      ['warning', 'script_directives', 'Not taken over from what the script asks for: array 1-5 (fit.sh): the sweep says which tasks there are; --mail-type=END (fit.sh).'],
    ]);
  });

  it('elsewhere amounts hold, and names of the site do not', () => {
    const { resources, findings } = fromScripts([fit], 'sge');
    assert.deepEqual(resources, { cpus: 4, memoryMiB: 8192, walltimeS: 7200, gpus: 1, gpuType: 'a100' });
    assert.match(findings[1]?.message ?? '', /partition gpu \(fit\.sh\)/);
  });

  it('of several scripts the largest amount holds, and a name in which all agree', () => {
    const small = script('small.sh', '#SBATCH --time=10 --mem=9G\n#SBATCH -p cpu -A lab\n');
    const { resources, findings } = fromScripts([fit, small], 'slurm');
    assert.deepEqual(resources, { cpus: 4, memoryMiB: 9216, walltimeS: 7200, gpus: 1, gpuType: 'a100', account: 'lab' });
    assert.match(findings[1]?.message ?? '', /partition gpu \(fit\.sh\); partition cpu \(small\.sh\)/);
  });

  it('says nothing where no script asks', () => {
    assert.deepEqual(fromScripts([], 'slurm'), { resources: {}, findings: [] });
    assert.deepEqual(fromScripts([script('quiet.sh', '#SBATCH --job-name=x\n#SBATCH -o y\n')], 'slurm'), { resources: {}, findings: [] });
  });
});
