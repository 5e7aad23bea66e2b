/** Waiting elements that do not start by themselves. */
import type { QueueRow } from '../scheduler/port.ts';

/** Will wait for ever: the scheduler took it back after an error and holds it until somebody clears or deletes it. */
export function isHeldInError(row: QueueRow): boolean {
  return row.state === 'held' && (/^[hrwtqdsSTR]*E[hqw]*$|SPECIAL_EXIT|REQUEUE_HOLD/.test(row.rawState) || /launch.failed.requeued.held|JobHoldMaxRequeue/i.test(row.reason));
}

/** Waits for what seldom comes by itself: somebody must release it, open its partition or its nodes, or ask for something else. Slurm's words, and that of PBS. */
export function isStuck({ reason }: QueueRow): boolean {
  return /^(?:Partition(?:Down|Inactive|TimeLimit|NodeLimit)|BadConstraints|InvalidAccount|InvalidQOS|(?:Account|QOS)NotAllowed|DependencyNeverSatisfied|JobHeld|job.requeued.in.held|ReservationDeleted|ReqNodeNotAvail|Nodes required for job are DOWN|(?:QOS|Assoc)\w*PerJob|Can Never Run)/.test(reason);
}
