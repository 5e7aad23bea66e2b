/** What was told of a reservation is told once, and the next booking under its name begins anew. */
import assert from 'node:assert/strict';
import { bookReservation } from '../../../src/reservations/bookReservation.ts';
import { claimReservationEvents, noticesFile } from '../../../src/reservations/notices.ts';
import { releaseReservation } from '../../../src/reservations/releaseReservation.ts';
import { existsSync } from 'node:fs';
import { makePlace, type Place } from './place.ts';

describe('notices of reservations (unit)', function () {
  this.timeout(60_000);
  let place: Place;
  before(async () => {
    place = await makePlace();
  });
  after(() => place.dispose());

  it('each event once, over two windows; nothing of what had ended before anybody followed it; released: forgotten', async () => {
    const [one, two] = [place.client(), place.client()];
    const book = (): Promise<unknown> => bookReservation({ name: 'dev', cluster: 'bed', resources: { walltimeS: 600 }, persistent: false, waitS: 0 }, one, place.call);
    await book();
    const { id } = await one.leases.require('dev');
    assert.deepEqual(await claimReservationEvents({ id, isOpen: false, events: ['ended:1'] }, one), [], 'nobody followed it');
    await claimReservationEvents({ id, isOpen: true, events: [] }, two);
    const claims = await Promise.all([one, two].map((deps) => claimReservationEvents({ id, isOpen: true, events: ['idle:a'] }, deps)));
    assert.deepEqual(claims.flat(), ['idle:a']);
    assert.deepEqual(await claimReservationEvents({ id, isOpen: false, events: ['idle:a', 'ended:1'] }, two), ['ended:1']);
    const file = noticesFile(one.home, await one.leases.require('dev'));
    assert.ok(existsSync(file));
    await releaseReservation('dev', one, place.call);
    assert.ok(!existsSync(file));
    assert.deepEqual(await claimReservationEvents({ id, isOpen: true, events: ['idle:b'] }, one), [], 'it is gone');
    await book();
    assert.deepEqual(await claimReservationEvents({ id, isOpen: true, events: ['idle:a'] }, one), ['idle:a']);
  });
});
