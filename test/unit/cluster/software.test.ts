/** What of a profile becomes the software of jobs, and of commands beside them. */
import assert from 'node:assert/strict';
import * as path from 'node:path';
import type { ClusterProfile } from '../../../src/cluster/profile.ts';
import { softwareOf, softwareScript } from '../../../src/cluster/software.ts';
import type { RemoteEnvironment } from '../../../src/connection/port.ts';
import { spawnText } from '../../contract/scheduler/place.ts';

const environment = { user: 'ada', home: '/home/ada', variables: { SCRATCH: '/scratch/ada' } } as unknown as RemoteEnvironment;
const profile = (more: Partial<ClusterProfile>): ClusterProfile => ({ name: 'bed', modules: ['gcc/12'], condaEnvs: [], env: {}, ...more }) as ClusterProfile;
const options = { templatesDirectory: path.resolve(import.meta.dirname, '../../../templates') };
const place = { scheduler: 'slurm', cpus: 3, folder: '/work' } as const;

describe('the software of a profile (unit)', () => {
  it('is what the profile says, its paths filled in; one of conda, venv and uv takes the place of another', () => {
    const conda = profile({ condaSource: '$SCRATCH/conda.sh', condaEnvs: ['lab', 'other'], venv: '~/venv' });
    assert.deepEqual(softwareOf(conda, environment), { modules: ['gcc/12'], condaSource: '/scratch/ada/conda.sh', condaEnv: 'lab', venv: '/home/ada/venv' });
    assert.deepEqual(softwareOf(conda, environment, { venv: '~/mine', modules: [] }), { modules: [], condaSource: '/scratch/ada/conda.sh', venv: '/home/ada/mine' });
    assert.deepEqual(softwareOf(profile({}), environment, { uv: true }).runtime, 'uv');
    assert.deepEqual(softwareOf(profile({}), environment, { container: { runtime: 'apptainer', image: 'a.sif' }, gpu: true }).container?.nv, true);
  });

  it('beside a job: the same text for a shell, the container as words before the program, uv by folder', async () => {
    const { text, wrap, perFolder } = await softwareScript(profile({ modules: [], env: { A: "it's\n2" } }), environment, place, options);
    const seen = await spawnText('sh', ['-c', `${text}\nprintf '%s|%s' "$A" "$OMP_NUM_THREADS"`], { env: { PATH: process.env.PATH } });
    assert.deepEqual([seen.stdout, wrap, perFolder], ["it's\n2|3", [], false]);
    const uv = await softwareScript(profile({ modules: [], runtime: 'uv' }), environment, place, options);
    // Without a project there is nothing to set up, and nothing that fails.
    const bare = await spawnText('sh', ['-c', `hpc_fail() { echo "failed: $1"; exit 1; }\ncd /\n${uv.text}\necho through`], { env: { PATH: '/nonesuch:/usr/bin:/bin' } });
    assert.deepEqual([uv.perFolder, bare.stdout], [true, 'through\n']);
    const container = { runtime: 'apptainer', image: 'a.sif', mounts: [], nv: false, rocm: false, cleanEnvironment: true, writableTmpfs: false, fakeroot: false, env: {}, extraArguments: [] } as const;
    const inside = await softwareScript(profile({ modules: [], container }), environment, place, options);
    assert.deepEqual(inside.wrap, ['apptainer', 'exec', '--cleanenv', '--bind', '/work', '--pwd', '/work', 'a.sif']);
    assert.match(inside.text, /APPTAINERENV_/);
  });
});
