/** What people were told of a reservation: once per event and booking, over all windows and restarts. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { claimEvents } from '../foundation/toldOnce.ts';
import type { ReservationDeps } from './deps.ts';
import { ownFacts, type Lease } from './lease.ts';

/** One file per booking: the next one under the same name begins anew. */
export function noticesFile(home: string, lease: Lease): string {
  const which = ownFacts(lease)?.token.slice(0, 10) ?? '';
  return path.join(home, 'reservations', 'notices', `${lease.id}.${which === '' ? lease.job_id : which}.json`);
}

/** Those of the events that nobody was told of yet; from now on they count as told. */
export async function claimReservationEvents(claim: { readonly id: string; readonly isOpen: boolean; readonly events: readonly string[] }, deps: ReservationDeps): Promise<readonly string[]> {
  const lease = await deps.leases.find(claim.id);
  // Released meanwhile: by somebody who knows.
  if (!lease) return [];
  return claimEvents({ file: noticesFile(deps.home, lease), isOpen: claim.isOpen, events: claim.events }, deps.clock.now());
}

/** After a release. */
export async function forgetNotices(lease: Lease, deps: ReservationDeps): Promise<void> {
  await fs.rm(noticesFile(deps.home, lease), { force: true });
}
