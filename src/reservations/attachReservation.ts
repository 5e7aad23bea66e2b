/**
 * A terminal in a reservation: a session of the tmux server that the holding job started, so that it survives the terminal; else a login shell
 * that ends with it.
 */
import type { ClusterSession } from '../cluster/session.ts';
import type { PtySession, RemoteCommand } from '../connection/port.ts';
import { HpcError } from '../foundation/errors.ts';
import type { CallOptions, ReservationDeps } from './deps.ts';
import { entranceOf, noWayIn } from './enter.ts';
import { ownFacts, type Lease } from './lease.ts';
import { clusterOf, observeOne, type Observed } from './observe.ts';

export interface Attachment {
  readonly lease: Lease;
  readonly observed: Observed;
  readonly session: ClusterSession;
  readonly command: RemoteCommand;
  /** What is opened, for people. */
  readonly title: string;
  /** Whether what runs there goes on when the terminal is closed. */
  readonly survives: boolean;
}

export async function planAttachment(nameOrId: string, how: { readonly command?: readonly string[] }, deps: ReservationDeps, call: CallOptions): Promise<Attachment> {
  const observed = await observeOne(await deps.leases.require(nameOrId), deps, call);
  const { lease, verdict } = observed;
  if (verdict.kind !== 'alive' || (verdict.phase !== 'held' && verdict.phase !== 'starting')) {
    const why = verdict.kind === 'alive' ? (verdict.phase === 'ending' ? 'it is ending' : `it waits in the queue (${verdict.job.reason || verdict.job.rawState})`) : verdict.kind === 'dead' ? (verdict.proof.at(-1) ?? 'it has ended') : verdict.reason;
    throw new HpcError(verdict.kind === 'dead' ? 'spec_invalid' : 'cluster_timeout', `No terminal can be opened in ${lease.name}: ${why}.`, { remediation: verdict.kind === 'dead' ? 'Release it and book it again.' : 'Try again when it holds its node.' });
  }
  // Without what the holding job wrote, its tmux server is not known: a shell that dies with its window would look the same.
  if (ownFacts(lease)?.origin === 'booked' && verdict.holding === undefined) throw new HpcError('cluster_timeout', `No terminal can be opened in ${lease.name} yet: its job runs, but nothing is known from it.`, { remediation: 'Try again in a moment.' });
  const session = await deps.session(await clusterOf(lease, deps));
  const facts = await session.facts({ signal: call.signal });
  const node = verdict.holding?.node;
  const entrance = entranceOf(session.dialect.name, facts.tools, { jobId: verdict.job.jobId, ...(node === undefined ? {} : { node }) });
  if (!entrance) throw noWayIn(session.dialect.name, 'open a terminal in a reservation');
  const known = verdict.holding?.tmux;
  // Of a lease that scitex-hpc wrote: its server by the name that the lease keeps.
  const foreign = ownFacts(lease)?.origin === 'booked' ? undefined : lease.extras.tmux_server;
  const server = known?.server ?? (typeof foreign === 'string' && foreign !== '' ? foreign : undefined);
  const shell = ['/bin/sh', '-c', 'exec "${SHELL:-/bin/sh}" -l'];
  const program = how.command ?? (server === undefined ? shell : [known?.program ?? 'tmux', '-L', server, 'new-session', '-A', '-s', 'main']);
  return {
    lease,
    observed,
    session,
    command: { argv: [...entrance.terminal(program)], env: { ...facts.commandEnvironment, TERM: 'xterm-256color' } },
    title: `${lease.name} (${verdict.job.jobId}${verdict.job.node === '' ? '' : ` on ${verdict.job.node}`})`,
    survives: how.command === undefined && server !== undefined,
  };
}

export function openAttachment(attachment: Attachment, terminal: { readonly size: { columns: number; rows: number }; readonly onData: (chunk: Uint8Array) => void; readonly signal: AbortSignal }): Promise<PtySession> {
  return attachment.session.connection.shell({ ...terminal, command: attachment.command });
}
