/**
 * Which failed tasks are submitted again, and with what. Reads and asks; changes nothing.
 *
 * Rules:
 * - Only what has ended without a result is submitted again. What is alive, or of which that is not known, is refused by name.
 * - Without a choice of tasks, only the classes that another try can help go again, up to their caps; the rest is listed with the reason.
 *   Who names tasks or a class says that the cause is mended: then the cap of the run alone holds.
 * - Tasks of one class with the same needs are one group: one set of resources, one sentence that says what changes and why.
 */
import { effectiveLimits } from '../../cluster/limits.ts';
import { HpcError } from '../../foundation/errors.ts';
import { groupBy } from '../../foundation/collections.ts';
import { sha256Hex } from '../../foundation/ids.ts';
import type { ResourceRequest } from '../../scheduler/port.ts';
import type { CallOptions, RunDeps } from '../deps.ts';
import { diagnoseRun, type Diagnosis } from '../diagnosis/diagnoseRun.ts';
import { peakMiB, peakOf, type FailedTask } from '../diagnosis/failedTask.ts';
import { policyOf, type FailureClass } from '../diagnosis/failureClass.ts';
import { retriesOf, retryRulesOf } from '../diagnosis/retryAdvice.ts';
import { verdictOf } from '../diagnosis/verdict.ts';
import { resourcesOfTask } from '../placement.ts';
import type { RunView } from '../runView.ts';
import { resourcesOfRun } from '../sidecarResources.ts';
import { siteLimits } from '../siteLimits.ts';
import { changeOf, sizeFor, type SizingLimits } from './sizing.ts';

export interface ResubmitRequest {
  readonly runId: string;
  readonly tasks?: readonly number[];
  readonly failureClass?: FailureClass;
  /** What a person orders, for all of them; absent parts are sized. */
  readonly overrides: ResourceRequest;
  readonly requestId?: string;
  /** Beyond the run's cap on attempts. */
  readonly force: boolean;
  /** Also on the nodes on which they failed. */
  readonly noAvoid?: boolean;
  /** By the run's own auto_retry: only what its rules allow. */
  readonly automatic: boolean;
}

export interface ResubmitGroup {
  readonly failureClass: FailureClass | null;
  readonly tasks: readonly number[];
  readonly before: ResourceRequest;
  readonly resources: ResourceRequest;
  readonly change: string;
  /** Which failure each task had. */
  readonly fingerprints: ReadonlyMap<string, readonly number[]>;
}

export interface BlockedTasks {
  readonly failureClass: FailureClass | null;
  readonly tasks: readonly number[];
  readonly reason: string;
}

export interface ResubmitPlan {
  readonly view: RunView;
  readonly requestId: string;
  readonly groups: readonly ResubmitGroup[];
  readonly blocked: readonly BlockedTasks[];
  readonly notes: readonly string[];
}

/** What there is where the tasks will run. */
interface Place extends SizingLimits {
  /** Nodes of the partition; 0 where the scheduler cannot be told to avoid some. */
  readonly nodes: number | undefined;
}

const mostAvoided = 8;

/** The nodes on which they failed, unless that is so many that they are hardly the cause. */
function nodesToAvoid(members: readonly Candidate[], place: Place): readonly string[] {
  const failed = [...new Set(members.flatMap(({ failed: task }) => task?.node ?? []))].filter((name) => /^[A-Za-z0-9][\w.-]*$/.test(name)).sort();
  return failed.length <= Math.min(mostAvoided, (place.nodes ?? Infinity) / 2) ? failed : [];
}

/** hpc-agent's default: so many attempts after the first. */
const defaultMaxRetries = 3;

function maxRetriesOf(view: RunView): number {
  const value = (view.sidecar as { readonly max_retries?: unknown }).max_retries;
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : defaultMaxRetries;
}

/** The same tasks at the same attempts are the same request: asked twice, it is made once. */
export function requestIdOf(view: RunView, groups: readonly ResubmitGroup[]): string {
  const parts = groups.flatMap(({ tasks, resources }) => tasks.map((task) => [task, view.tasks[task]?.attempt ?? 1, resources]));
  return `auto-${sha256Hex(JSON.stringify(parts.sort(([a], [b]) => Number(a) - Number(b)))).slice(0, 16)}`;
}

function refuseAlive(tasks: readonly number[], view: RunView): void {
  const alive = tasks.filter((task) => ['pending', 'running'].includes(view.tasks[task]?.state ?? ''));
  if (alive[0] !== undefined) throw new HpcError('spec_invalid', `Task ${alive[0]} of run ${view.sidecar.run_id} has not ended: ${view.tasks[alive[0]]?.evidence ?? ''}.`, { remediation: 'Cancel it first, or leave it out.', details: { task_ids: alive.slice(0, 1000) } });
  const unclear = tasks.filter((task) => view.tasks[task]?.state === 'unknown');
  if (unclear[0] !== undefined) throw new HpcError('cluster_timeout', `It is not known whether task ${unclear[0]} of run ${view.sidecar.run_id} has ended: ${view.tasks[unclear[0]]?.evidence ?? ''}.`, { remediation: 'Refresh until it is known: a second copy beside a living one is what must not happen.', details: { task_ids: unclear.slice(0, 1000) }, retrySafe: true });
  const done = tasks.filter((task) => view.tasks[task]?.state === 'complete');
  if (done[0] !== undefined) throw new HpcError('spec_invalid', `Task ${done[0]} of run ${view.sidecar.run_id} is done: its result is there.`, { remediation: 'Leave it out. To compute it anew, submit the sweep with if_prior: new.', details: { task_ids: done.slice(0, 1000) } });
}

export async function planResubmit(request: ResubmitRequest, deps: RunDeps, call: CallOptions): Promise<ResubmitPlan> {
  const diagnosis = await diagnoseRun({ runId: request.runId, refresh: true, lines: 1, ...(request.tasks ? { tasks: request.tasks } : {}) }, deps, call);
  const { view } = diagnosis;
  if (request.tasks) refuseAlive(request.tasks, view);
  const profile = await deps.profile(view.sidecar.cluster ?? '');
  const session = await deps.session(profile.name);
  const site = await siteLimits(session, deps, { signal: call.signal });
  const limits = effectiveLimits(profile, site);
  const limitsFor = (resources: ResourceRequest): Place => {
    const partition = site?.partitions.find(({ name, isDefault }) => (resources.partition === undefined ? isDefault : name === resources.partition));
    const memory = [partition?.memoryMiBPerNode, profile.maxNodeMemMiB].filter((value) => value !== undefined);
    return { memoryMiB: memory.length === 0 ? undefined : Math.min(...memory), walltimeS: limits.maxWalltimeS(resources.partition), nodes: session.dialect.excludesNodes === true ? partition?.nodes : 0 };
  };
  const { groups, blocked } = sortOut(request, diagnosis, limitsFor);
  return { view, groups, blocked, notes: diagnosis.notes, requestId: request.requestId ?? requestIdOf(view, groups) };
}

interface Candidate {
  readonly task: number;
  readonly failureClass: FailureClass | null;
  readonly failed: FailedTask | undefined;
}

function candidatesOf(request: ResubmitRequest, { view, failed }: Diagnosis): readonly Candidate[] {
  const all = failed.filter(({ held }) => held === undefined).map((task): Candidate => ({ task: task.task, failureClass: verdictOf(task).failureClass, failed: task }));
  const known = new Set(all.map(({ task }) => task));
  // Cancelled tasks have no class; they go again only when they are named.
  const named = (request.tasks ?? []).filter((task) => !known.has(task) && view.tasks[task]?.state === 'cancelled').map((task): Candidate => ({ task, failureClass: null, failed: undefined }));
  return [...all, ...named].filter(({ failureClass }) => request.failureClass === undefined || failureClass === request.failureClass).sort((a, b) => a.task - b.task);
}

function byFingerprint(members: readonly Candidate[]): ReadonlyMap<string, readonly number[]> {
  const groups = groupBy(members.filter(({ failed }) => failed !== undefined), ({ failed }) => (failed ? verdictOf(failed).fingerprint : ''));
  return new Map([...groups].map(([fingerprint, group]) => [fingerprint, group.map(({ task }) => task)]));
}

function sortOut(request: ResubmitRequest, diagnosis: Diagnosis, limitsFor: (resources: ResourceRequest) => Place): Pick<ResubmitPlan, 'groups' | 'blocked'> {
  const { view } = diagnosis;
  const { rules } = retryRulesOf(view.sidecar);
  const chosen = !request.automatic && (request.tasks !== undefined || request.failureClass !== undefined);
  const cap = maxRetriesOf(view);
  const blocked = new Map<string, { failureClass: FailureClass | null; tasks: number[]; reason: string }>();
  const block = ({ task, failureClass }: Candidate, reason: string): void => {
    const key = `${failureClass ?? ''} ${reason}`;
    const entry = blocked.get(key);
    if (entry) entry.tasks.push(task);
    else blocked.set(key, { failureClass, tasks: [task], reason });
  };
  const open = new Map<string, { failureClass: FailureClass | null; before: ResourceRequest; members: Candidate[] }>();
  for (const candidate of candidatesOf(request, diagnosis)) {
    const { failureClass, task } = candidate;
    const retries = retriesOf(view, task);
    const rule = failureClass === null ? undefined : rules.get(failureClass);
    // Preemption is nobody's failure: only its own rule counts its tries.
    if (!request.force && failureClass !== 'preempted' && retries >= cap) block(candidate, `it was submitted again ${retries} times, the most for this run (max_retries ${cap})`);
    else if (!chosen && failureClass !== null && rule === undefined) block(candidate, policyOf(failureClass).advice);
    else if (!chosen && rule !== undefined && retries >= rule.maxRetries) block(candidate, `it was submitted again ${retries} times, the most for this class (${rule.maxRetries})`);
    else {
      const before = resourcesOfTask(view.sidecar, task);
      const key = JSON.stringify([failureClass, before]);
      const entry = open.get(key);
      if (entry) entry.members.push(candidate);
      else open.set(key, { failureClass, before, members: [candidate] });
    }
  }
  const groups: ResubmitGroup[] = [];
  for (const { failureClass, before, members } of open.values()) {
    const policy = failureClass === null ? undefined : policyOf(failureClass);
    const rule = failureClass === null ? undefined : rules.get(failureClass);
    const ordered: ResourceRequest = { ...before, ...request.overrides };
    // What a person names is not sized over.
    const multiplies = policy?.multiplies === 'memory' && request.overrides.memoryMiB === undefined ? 'memory' : policy?.multiplies === 'walltime' && request.overrides.walltimeS === undefined ? 'walltime' : 'none';
    const factor = (multiplies === 'memory' ? rule?.memoryFactor : multiplies === 'walltime' ? rule?.walltimeFactor : undefined) ?? policy?.factor ?? 1;
    const peaks = members.flatMap(({ failed }) => (failed ? (peakMiB(peakOf(failed)) ?? []) : []));
    const sized = sizeFor(ordered, { multiplies, factor, peakMiB: peaks.length === 0 ? null : Math.max(...peaks), refused: members.some(({ failed }) => failed !== undefined && verdictOf(failed).refusedMemory), limits: limitsFor(ordered) });
    if (sized.kind === 'impossible') {
      for (const member of members) block(member, sized.reason);
      continue;
    }
    const avoid = policy?.avoidNode === true && request.noAvoid !== true ? nodesToAvoid(members, limitsFor(ordered)) : [];
    // What the run itself was told to leave out stays out.
    const kept = request.noAvoid === true ? resourcesOfRun(view.sidecar).excludeNodes : before.excludeNodes;
    const freed = request.noAvoid === true ? (before.excludeNodes ?? []).filter((node) => kept?.includes(node) !== true) : [];
    const change = [changeOf(before, ordered), sized.change, avoid.length > 0 ? `not on ${avoid.join(', ')}` : '', freed.length > 0 ? `also on ${freed.join(', ')}` : ''].filter((part) => part !== '').join('; ');
    const { excludeNodes: _before, ...asked } = sized.resources;
    const excluded = [...new Set([...(kept ?? []), ...avoid])];
    const resources = excluded.length === 0 ? asked : { ...asked, excludeNodes: excluded };
    groups.push({ failureClass, tasks: members.map(({ task }) => task), before, resources, fingerprints: byFingerprint(members), change: change === '' ? 'as before' : change });
  }
  return { groups, blocked: [...blocked.values()] };
}
