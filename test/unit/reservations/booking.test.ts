/** Booking and release, cut off at every step: no job without a lease, none twice, none left. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { HpcError } from '../../../src/foundation/errors.ts';
import { bookReservation, defaultRenewBeforeS, type BookingRequest } from '../../../src/reservations/bookReservation.ts';
import { ownFacts } from '../../../src/reservations/lease.ts';
import { refreshReservation } from '../../../src/reservations/refreshReservation.ts';
import { releaseReservation } from '../../../src/reservations/releaseReservation.ts';
import { Killed, makePlace, type Place } from './place.ts';

const request: BookingRequest = { name: 'pool', cluster: 'bed', resources: { walltimeS: 3600 }, persistent: true, waitS: 0 };

describe('booking, cut off anywhere (unit)', function () {
  this.timeout(300_000);
  let place: Place;
  beforeEach(async () => {
    place = await makePlace();
  });
  afterEach(() => place.dispose());

  /**
   * Throws at the nth step and ever after, as a killed process does nothing more. Between the end of a step and the beginning of the next one nothing is
   * written anywhere, so who is killed there leaves the same behind. Where the same is done after each kill, only beginnings count.
   */
  const killer = (nth: number, counts: 'beginnings' | 'ends too' = 'beginnings'): { onStep: (what: string) => void } => {
    let seen = 0;
    return {
      onStep: (what) => {
        if (counts === 'ends too' || what.startsWith('before ')) seen += 1;
        if (seen >= nth) throw new Killed();
      },
    };
  };

  const leasesThere = async (): Promise<number> => (await fs.readdir(path.join(place.directory, 'leases'))).filter((name) => name.endsWith('.json') && !name.startsWith('.')).length;

  it('books once; the same wishes again are refused, other wishes too; it is in the lease', async () => {
    const { observed } = await bookReservation(request, place.client(), place.call);
    assert.equal(observed.verdict.kind, 'alive');
    assert.equal(observed.lease.job_id, '1');
    assert.equal(ownFacts(observed.lease)?.renew_before_s, defaultRenewBeforeS(3600));
    await assert.rejects(bookReservation(request, place.client(), place.call), (error) => HpcError.is(error, 'spec_invalid') && error.message.includes('already'));
    assert.equal((await place.taken()).length, 1);
  });

  for (const then of ['book again', 'release'] as const) {
    it(`killed at each step, then ${then}: one job at most, and it has its lease`, async () => {
      let kills = 0;
      for (let nth = 1; ; nth += 1) {
        await place.dispose();
        place = await makePlace();
        const { onStep } = killer(nth, then === 'release' ? 'ends too' : 'beginnings');
        const end = await bookReservation(request, place.client(onStep), place.call).then(() => 'whole', () => 'killed');
        const [taken, leases] = [await place.taken(), await leasesThere()];
        assert.ok(taken.length <= leases, `step ${nth}: ${taken.length} jobs, ${leases} leases`);
        if (then === 'book again' && end === 'killed') {
          await bookReservation(request, place.client(), place.call).catch((error: unknown) => {
            if (!(HpcError.is(error, 'spec_invalid') && error.message.includes('already'))) throw error;
          });
          const lease = await place.client().leases.require('pool');
          assert.deepEqual([(await place.taken()).length, lease.job_id], [1, '1'], `step ${nth}`);
        } else if (leases === 1) {
          // Every other time, at the ends, somebody looks first: so what each step left is released with and without.
          if (nth % 2 === 0) {
            const { observed } = await refreshReservation('pool', place.client(), place.call);
            assert.equal(observed.lease.job_id, taken.length === 1 ? '1' : '');
            assert.equal(observed.verdict.kind, taken.length === 1 ? 'alive' : 'dead', `step ${nth}: ${JSON.stringify(observed.verdict)}`);
          }
          await releaseReservation('pool', place.client(), place.call);
          assert.deepEqual([await place.listed(), await leasesThere()], [[], 0], `step ${nth}`);
        }
        assert.ok((await place.taken()).length <= 1, `step ${nth}: submitted twice`);
        if (end === 'whole') break;
        kills += 1;
      }
      assert.ok(kills >= 4, `only ${kills} steps`);
    });
  }

  it('a release that is killed at each step is finished by the next one', async () => {
    let kills = 0;
    for (let nth = 1; ; nth += 1) {
      await place.dispose();
      place = await makePlace();
      await bookReservation(request, place.client(), place.call);
      const end = await releaseReservation('pool', place.client(killer(nth).onStep), place.call).then(() => 'whole', () => 'killed');
      if ((await leasesThere()) === 1) await releaseReservation('pool', place.client(), place.call);
      assert.deepEqual([await place.listed(), await leasesThere()], [[], 0], `step ${nth}`);
      if (end === 'whole') break;
      kills += 1;
    }
    assert.ok(kills >= 4, `only ${kills} steps`);
  });

  it('a queue that does not answer keeps the lease and cancels nothing', async () => {
    await bookReservation(request, place.client(), place.call);
    await fs.writeFile(path.join(place.directory, 'down'), '');
    await assert.rejects(releaseReservation('pool', place.client(), place.call), (error) => HpcError.is(error, 'cluster_timeout'));
    const { observed } = await refreshReservation('pool', place.client(), place.call);
    assert.equal(observed.verdict.kind, 'unknown');
    assert.deepEqual([await leasesThere(), (await place.listed()).length], [1, 1]);
    await fs.rm(path.join(place.directory, 'down'));
    assert.deepEqual((await releaseReservation('pool', place.client(), place.call)).cancelled, ['1']);
  });

  it('a lease that another program wrote is not released before it is adopted', async () => {
    await fs.writeFile(path.join(place.directory, 'leases', 'fake-theirs.json'), JSON.stringify({ id: 'fake-theirs', name: 'theirs', host: 'fake', job_id: '5', node: '', submitted_at: '', walltime_end: '', persistent: false, extras: {} }));
    await assert.rejects(releaseReservation('theirs', place.client(), place.call), (error) => HpcError.is(error, 'spec_invalid') && /[Aa]dopt/.test(error.remediation ?? ''));
  });
});
