/**
 * The tasks of a failure group that have not ended: those that are tried again because of it, and those that the scheduler holds with it.
 *
 * Rule: a group is named as `failures` names it, by its class or its fingerprint. Who goes again for what stands in the attempt's record; what is
 * held is asked of the cluster.
 */
import { HpcError } from '../foundation/errors.ts';
import type { CallOptions, RunDeps } from './deps.ts';
import { diagnoseRun } from './diagnosis/diagnoseRun.ts';
import { TaskList } from './placement.ts';
import type { RunView } from './runView.ts';
import type { Attempt } from './sidecar.ts';

type Group = Attempt['groups'][number];

/** Why the task's latest attempt was made. */
function groupOf({ submission }: RunView, task: number): Group | undefined {
  return (submission.attempts ?? []).toReversed().flatMap(({ groups }) => groups).find(({ tasks }) => new TaskList(tasks).positionOf(task) >= 0);
}

function isOf({ failure_class, fingerprints }: Group, task: number, name: string): boolean {
  const tasks = fingerprints !== undefined && Object.hasOwn(fingerprints, name) ? fingerprints[name] : undefined;
  return failure_class === name || (tasks !== undefined && new TaskList(tasks).positionOf(task) >= 0);
}

/** Ascending. Throws `spec_invalid` where the run has no such group. */
export async function tasksOfFailure(runId: string, name: string, deps: RunDeps, call: CallOptions): Promise<readonly number[]> {
  const { view, groups } = await diagnoseRun({ runId, refresh: true, lines: 1 }, deps, call);
  const failed = groups.filter(({ failureClass, fingerprint }) => failureClass === name || fingerprint === name);
  const wanted = new Set(failed.flatMap(({ tasks }) => tasks));
  let known = failed.length > 0;
  view.tasks.forEach((_, task) => {
    const group = groupOf(view, task);
    if (group === undefined || !isOf(group, task, name)) return;
    known = true;
    wanted.add(task);
  });
  if (!known) {
    const names = [...new Set([...groups.map(({ failureClass }) => failureClass), ...(view.submission.attempts ?? []).flatMap((attempt) => attempt.groups.flatMap(({ failure_class }) => failure_class ?? []))])];
    throw new HpcError('spec_invalid', `No task of run ${runId} failed by ${name}.`, { remediation: names.length === 0 ? 'No task of it has failed.' : `Its failures are ${names.join(', ')}; see failures for their fingerprints.` });
  }
  return [...wanted].sort((a, b) => a - b);
}
