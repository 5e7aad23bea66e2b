/** For surfaces that tell people what became of their runs and reservations: each event is given out once, whoever asks. */
import type { NoticeClaim } from '../runs/notices.ts';
import type { OperationContext } from './operation.ts';
import { reservationDepsOf } from './reservations/wire.ts';
import { runDepsOf } from './runRequest.ts';

export type { NoticeClaim } from '../runs/notices.ts';

export async function claimRunNotices(claim: Omit<NoticeClaim, 'experimentDir'>, context: OperationContext): Promise<readonly string[]> {
  const { claimNotices } = await import('../runs/notices.ts');
  const { experimentDir, journal, clock } = await runDepsOf(context);
  return claimNotices({ ...claim, experimentDir }, journal, clock.now());
}

export async function claimReservationNotices(claim: { readonly id: string; readonly isOpen: boolean; readonly events: readonly string[] }, context: OperationContext): Promise<readonly string[]> {
  const { claimReservationEvents } = await import('../reservations/notices.ts');
  return claimReservationEvents(claim, reservationDepsOf(context));
}
