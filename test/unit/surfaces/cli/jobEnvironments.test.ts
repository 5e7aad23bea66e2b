/** The software of single jobs: a real virtual environment; stand-ins for conda, modules and apptainer that say how they were called. On this computer. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { makeDesk, type Desk } from './product.ts';

describe('The environment of a single job', function () {
  this.timeout(120_000);
  let desk: Desk;
  const inHome = (name: string, text: string, mode = 0o644): string => {
    const file = path.join(desk.userHome, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text, { mode });
    return file;
  };
  before(() => {
    desk = makeDesk();
    const modules = 'module() { [ "$1" = load ] && [ "$2" != nosuch ] || return 1; export LOADED="${LOADED-}[$2]"; }\n';
    inHome('modules/init/sh', modules);
    const conda = inHome('conda.sh', 'conda() { [ "$1" = activate ] && [ "$2" != nosuch ] || return 1; export CONDA_DEFAULT_ENV=$2; }\n');
    // `exec`, its options, the image, and what runs in it.
    inHome('bin/apptainer', '#!/bin/sh\n[ "$1" = exec ] || exit 9\nshift\nwhile [ "$1" != tools.sif ]; do seen="$seen $1"; shift; [ $# -gt 0 ] || exit 8; done\nshift\nexport IN_CONTAINER="$seen"\nexec "$@"\n', 0o755);
    inHome('.bash_profile', `export PATH="$HOME/bin:$PATH" MODULESHOME="$HOME/modules"\n`);
    fs.writeFileSync(path.join(desk.home, 'clusters.yaml'), JSON.stringify({ here: { scheduler: 'background', connection: 'local', conda_source: conda } }));
  });
  after(() => desk.remove());

  const ran = async (command: string, ...more: string[]): Promise<{ exit_code: number; stdout_tail: string; stderr_tail: string }> => (await desk.run(['job-run', '--cluster', 'here', '--yes', '--wait', '--command', command, ...more], { env: { LMOD_PKG: undefined } })).data();

  it('modules and conda: loaded in order before the command; one that is not there stops the job in words', async () => {
    const both = await ran('echo "$LOADED $CONDA_DEFAULT_ENV"', '--modules', 'gcc/12', '--modules', 'openmpi', '--conda-env', 'fit');
    assert.equal(both.stdout_tail, '[gcc/12][openmpi] fit\n', both.stderr_tail);
    const noModule = await ran('echo never', '--modules', 'nosuch');
    assert.deepEqual([noModule.exit_code, noModule.stdout_tail], [78, '']);
    assert.match(noModule.stderr_tail, /the module nosuch cannot be loaded/);
    const noConda = await ran('echo never', '--conda-env', 'nosuch');
    assert.match(noConda.stderr_tail, /conda environment nosuch cannot be activated/);
  });

  it('a virtual environment: its python', async () => {
    const venv = path.join(desk.userHome, 'a venv');
    await promisify(execFile)('python3', ['-m', 'venv', '--without-pip', venv]);
    assert.equal((await ran('python -c "import sys; print(sys.prefix)"', '--venv', venv)).stdout_tail, `${venv}\n`);
    assert.match((await ran('true', '--venv', '/no/such')).stderr_tail, /there is no virtual environment/);
  });

  it('a container: the command runs inside, in the working folder', async () => {
    const inside = await ran('echo "$IN_CONTAINER"; pwd', '--container', JSON.stringify({ runtime: 'apptainer', image: 'tools.sif' }));
    assert.equal(inside.exit_code, 0, inside.stderr_tail);
    assert.ok(inside.stdout_tail.includes(desk.workspace), inside.stdout_tail);
    const pyxis = (await desk.run(['job-run', '--cluster', 'here', '--yes', '--command', 'true', '--container', JSON.stringify({ runtime: 'pyxis', image: 'tools.sif' })])).envelope();
    assert.equal(!pyxis.ok && pyxis.error_code, 'spec_invalid');
  });
});
