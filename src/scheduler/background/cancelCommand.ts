/** Cancelling: the request is durable when the command returns; supervisors act on it at once. */
import { HpcError } from '../../foundation/errors.ts';
import { normalizeRanges } from '../indexRanges.ts';
import type { CancelTarget, Query, SchedulerTools } from '../port.ts';
import { runtimeCommand, runtimeLines } from './runtimeCommand.ts';

export function cancelCommands(targets: readonly CancelTarget[], tools: SchedulerTools): readonly Query<void>[] {
  if (targets.length === 0) return [];
  const body = targets.map(({ jobId, indices }) => {
    if (!/^\d+$/.test(jobId)) throw new HpcError('spec_invalid', `${JSON.stringify(jobId)} is not a job id of the background scheduler.`);
    return { jobId, indices: indices === undefined ? null : normalizeRanges(indices).map(({ first, last }) => [first, last]) };
  });
  return [{ command: runtimeCommand('cancel', { targets: body }, tools), parse: (output) => void runtimeLines('cancel', output) }];
}
