/** Leases to and fro with the published scitex-hpc, installed for this test: it reads ours, we read its, and neither loses what the other wrote. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { bookReservation } from '../../../src/reservations/bookReservation.ts';
import { leaseId, LeaseStore, ownFacts } from '../../../src/reservations/lease.ts';
import { releaseReservation } from '../../../src/reservations/releaseReservation.ts';
import { makePlace, python } from './place.ts';

const version = '0.8.1';

describe('leases to and fro with scitex-hpc (unit)', function () {
  this.timeout(240_000);
  let packages: string;
  before(async () => {
    packages = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-scitex-'));
    execFileSync(python, ['-m', 'venv', packages], { stdio: 'pipe' });
    execFileSync(path.join(packages, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `scitex-hpc==${version}`], { stdio: 'pipe' });
  });
  after(() => fs.rm(packages, { recursive: true, force: true }));

  const theirs = (directory: string, program: string): string =>
    execFileSync(path.join(packages, 'bin', 'python'), ['-c', `import json\nfrom scitex_hpc import Reservation\n${program}`], { encoding: 'utf8', env: { PATH: process.env.PATH, HOME: packages, SCITEX_HPC_LEASE_DIR: directory } }).trim();

  it('it reads what we booked, and changing it keeps what is ours', async () => {
    const place = await makePlace();
    try {
      const directory = path.join(place.directory, 'leases');
      const { observed } = await bookReservation({ name: 'pool', cluster: 'bed', resources: { walltimeS: 3600 }, persistent: true, tmuxServer: 'sac', waitS: 0 }, place.client(), place.call);
      const seen = JSON.parse(theirs(directory, 'r = Reservation.get("pool")\nprint(json.dumps([r.id, r.name, r.host, r.job_id, r.persistent, r.extras["tmux_server"], len(Reservation.list())]))')) as unknown;
      assert.deepEqual(seen, ['fake-pool', 'pool', 'fake', '1', true, 'sac', 1]);
      theirs(directory, 'r = Reservation.get("pool")\nr._node = None\nr.extras["note"] = "theirs"\nr.save()');
      const back = await place.client().leases.require('pool');
      assert.deepEqual(ownFacts(back), ownFacts(observed.lease));
      assert.equal(back.extras.note, 'theirs');
      assert.deepEqual((await releaseReservation('pool', place.client(), place.call)).cancelled, ['1']);
      assert.equal(theirs(directory, 'print(Reservation.get("pool"))'), 'None');
    } finally {
      await place.dispose();
    }
  });

  it('we read what it wrote, under the id that we would give it, and write it back so that it reads it again', async () => {
    const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-leases-'));
    try {
      const names = [['spartan', 'head-spartan'], ['spartan', 'spartan-dev'], ['alice@h.example', 'a b/c'], ['h', 'x_y.z']] as const;
      const ids = JSON.parse(theirs(directory, `print(json.dumps([Reservation.from_jobid(host=h, job_id="7", name=n, persistent=True, refresh_node=False).id for h, n in ${JSON.stringify(names)}]))`)) as string[];
      assert.deepEqual(names.map(([host, name]) => leaseId(host, name)), ids);
      const store = new LeaseStore(directory);
      const { leases, problems } = await store.list();
      assert.deepEqual([leases.map(({ id }) => id), problems], [[...ids].sort(), []]);
      const text = await fs.readFile(store.fileOf('spartan-dev'), 'utf8');
      await store.update('spartan-dev', (lease) => ({ ...lease, job_id: '8', node: 'bm021' }));
      assert.equal((await fs.readFile(store.fileOf('spartan-dev'), 'utf8')).trimEnd(), text.replace('"job_id": "7"', '"job_id": "8"').replace('"node": ""', '"node": "bm021"').trimEnd());
      assert.equal(theirs(directory, 'r = Reservation.get("spartan-dev")\nprint(r.job_id, r.persistent)'), '8 True');
    } finally {
      await fs.rm(directory, { recursive: true, force: true });
    }
  });
});
