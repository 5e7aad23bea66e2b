/** The way into the job that holds a reservation now: a channel to its command server, or the reason why there is none. */
import * as path from 'node:path';
import type { ClusterSession } from '../cluster/session.ts';
import { HpcError } from '../foundation/errors.ts';
import type { CallOptions, ReservationDeps } from './deps.ts';
import { entranceOf, noWayIn } from './enter.ts';
import { HoldChannel } from './holdChannels.ts';
import { ownFacts, type Lease } from './lease.ts';
import { observeOne } from './observe.ts';

export function channelKey(lease: Lease, session: ClusterSession, purpose = ''): string {
  const own = ownFacts(lease);
  return `${own?.origin === 'booked' ? `${own.cluster} ${own.token}` : `${session.profile.name} job ${lease.job_id}`}${purpose}`;
}

/** One for all commands of a reservation; with `purpose`, one of its own, that its user drops. */
export async function openChannel(lease: Lease, session: ClusterSession, deps: ReservationDeps, signal: AbortSignal, purpose = ''): Promise<HoldChannel> {
  const facts = await session.facts({ signal });
  const own = ownFacts(lease);
  const { python, tools } = facts;
  const env = facts.commandEnvironment;
  if (own?.origin === 'booked') {
    const program = [python, '-S', '-E', path.posix.join(own.state_dir, 'hpc_hold.py'), 'enter', own.state_dir];
    // Where nodes are not to be reached by their ports, the scheduler's own way.
    const other = entranceOf(session.dialect.name, tools)?.words([...program, '--here']) ?? [];
    return deps.channels.get(channelKey(lease, session, purpose), () => new HoldChannel(session.connection, { argv: [...program, ...(other.length > 0 ? ['--', ...other] : [])], env }));
  }
  const entrance = entranceOf(session.dialect.name, tools, { jobId: lease.job_id });
  if (entrance === undefined) throw noWayIn(session.dialect.name, lease.job_id, 'run a command in');
  await facts.runtime.install({ signal });
  return deps.channels.get(channelKey(lease, session, purpose), () => new HoldChannel(session.connection, { argv: [...entrance.words([python, '-S', '-E', path.posix.join(tools.runtimeDirectory, 'hpc_hold.py'), 'serve'])], env }));
}

function logsOf(lease: Lease): string {
  const directory = ownFacts(lease)?.state_dir;
  return directory === undefined || directory === '' ? '' : ` below ${path.posix.join(directory, 'logs')}`;
}

/** Why nothing can run there now, after looking. */
export async function notEntered(lease: Lease, why: string, deps: ReservationDeps, call: CallOptions): Promise<HpcError> {
  const { verdict } = await observeOne(lease, deps, call);
  const details = { reason: 'not_entered', outcome: 'not_sent', state: verdict.kind };
  switch (verdict.kind) {
    case 'alive':
      if (verdict.phase === 'queued') return new HpcError('cluster_timeout', `The reservation ${lease.name} still waits in the queue (job ${verdict.job.jobId}, ${verdict.job.reason || verdict.job.rawState}).`, { remediation: 'Try again when it holds its node: `hpc-agent reservation get` tells.', details });
      return new HpcError('remote_command_failed', `The reservation ${lease.name} is alive (${verdict.evidence[0] ?? ''}) but its node cannot be entered: ${why}. Nothing was run.`, { remediation: `Try again in a moment. If it stays so, ${verdict.evidence.length > 0 && lease.job_id !== '' ? `look at the log of job ${lease.job_id}${logsOf(lease)}; ` : ''}the login node may not be allowed to reach ports of its nodes.`, details });
    case 'dead':
      return new HpcError('spec_invalid', `The reservation ${lease.name} has ended: ${verdict.proof.at(-1) ?? ''}. Nothing was run.`, { remediation: `Release it and book it again${lease.persistent ? '; `hpc-agent reservation verify` tells why it was not renewed' : ''}.`, details });
    case 'unknown':
      return new HpcError('cluster_timeout', `It is not known whether the reservation ${lease.name} is alive: ${verdict.reason}. Nothing was run.`, { remediation: 'Try again when the cluster answers.', details });
  }
}

