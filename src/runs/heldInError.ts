/** A waiting element that will wait for ever: the scheduler took it back after an error and holds it until somebody clears or deletes it. */
import type { QueueRow } from '../scheduler/port.ts';

export function isHeldInError(row: QueueRow): boolean {
  return row.state === 'held' && (/^[hrwtqdsSTR]*E[hqw]*$|SPECIAL_EXIT|REQUEUE_HOLD/.test(row.rawState) || /launch.failed.requeued.held|JobHoldMaxRequeue/i.test(row.reason));
}
