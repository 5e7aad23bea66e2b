/**
 * A terminal in a reservation: a session of the tmux server that the holding job started, so that it survives the terminal; else a shell that
 * ends with it. A job that is not ours is entered by its scheduler, where that has a way.
 */
import type { ClusterSession } from '../cluster/session.ts';
import type { RemoteCommand } from '../connection/port.ts';
import { HpcError } from '../foundation/errors.ts';
import type { SchedulerName } from '../scheduler/port.ts';
import type { CallOptions, ReservationDeps } from './deps.ts';
import { entranceOf, noWayIn } from './enter.ts';
import { ownFacts, type Lease } from './lease.ts';
import { clusterOf, observeOne, type Observed } from './observe.ts';
import { openRelayTerminal, type AttachedTerminal, type TerminalView, type TerminalWish } from './relayTerminal.ts';
import type { HoldingJob } from './remoteHold.ts';

export interface Attachment {
  readonly lease: Lease;
  readonly session: ClusterSession;
  /** Whose terminal it is: of the holding job itself, or of a program that the scheduler starts in a job. */
  readonly way: { readonly kind: 'relay'; readonly wish: TerminalWish } | { readonly kind: 'entrance'; readonly command: RemoteCommand };
  /** Empty where it is not known. */
  readonly node: string;
  /** What is opened, for people. */
  readonly title: string;
  /** Whether what runs there goes on when the terminal is closed. */
  readonly survives: boolean;
}

export interface AttachRequest {
  /** Instead of a shell. */
  readonly command?: (scheduler: SchedulerName) => readonly string[];
}

/** The job that holds, as far as its own record tells. The queue may be silent while its node can be reached. */
function holdingOf({ verdict, folder }: Observed): HoldingJob | undefined {
  if (verdict.kind === 'alive') return verdict.holding;
  return verdict.kind === 'unknown' ? folder?.jobs.find(({ job_id, state }) => job_id === folder.current?.job_id && state !== 'ended') : undefined;
}

function refuseUnheld({ lease, verdict }: Observed, holding: HoldingJob | undefined): void {
  const no = (code: 'cluster_timeout' | 'spec_invalid', why: string, remediation: string): HpcError => new HpcError(code, `No terminal can be opened in ${lease.name}: ${why}.`, { remediation });
  switch (verdict.kind) {
    case 'dead':
      throw no('spec_invalid', `it has ended, ${verdict.proof.at(-1) ?? 'by all that is known'}`, 'Release it and book it again.');
    case 'unknown':
      if (holding === undefined) throw no('cluster_timeout', verdict.reason, 'Try again when the cluster answers.');
      return;
    case 'alive':
      if (verdict.phase === 'queued') throw no('cluster_timeout', `it waits in the queue (job ${verdict.job.jobId}, ${verdict.job.reason || verdict.job.rawState})`, 'Try again when it holds its node: `hpc-agent reservation get` tells.');
      if (verdict.phase === 'ending') throw no('cluster_timeout', 'it is ending', 'Book another one; if it renews itself, try again when the next job holds.');
      if (ownFacts(lease)?.origin === 'booked' && holding === undefined) throw no('cluster_timeout', 'its job runs, but nothing has come from it yet', 'Try again in a moment.');
  }
}

export async function planAttachment(nameOrId: string, request: AttachRequest, deps: ReservationDeps, call: CallOptions): Promise<Attachment> {
  const observed = await observeOne(await deps.leases.require(nameOrId), deps, call);
  const { lease, verdict } = observed;
  const holding = holdingOf(observed);
  refuseUnheld(observed, holding);
  const session = await deps.session(await clusterOf(lease, deps));
  const facts = await session.facts({ signal: call.signal });
  const job = verdict.kind === 'alive' ? verdict.job : undefined;
  const jobId = job?.jobId ?? holding?.job_id ?? lease.job_id;
  const node = holding?.node ?? job?.node ?? '';
  const command = request.command?.(session.dialect.name);
  const common = { lease, session, node, title: `${lease.name} (${jobId}${node === '' ? '' : ` on ${node}`})` };
  if (ownFacts(lease)?.origin === 'booked') {
    const cwd = facts.environment.home;
    const wish = { software: await deps.software.for(lease, cwd, session, facts), cwd, ...(command === undefined ? {} : { command }) };
    return { ...common, way: { kind: 'relay', wish }, survives: command === undefined && (holding?.tmux ?? null) !== null };
  }
  const entrance = entranceOf(session.dialect.name, facts.tools, { jobId, ...(holding === undefined ? {} : { node: holding.node }) });
  if (!entrance) throw noWayIn(session.dialect.name, jobId, 'open a terminal in');
  // Of a lease that scitex-hpc wrote: its tmux server by the name that the lease keeps.
  const { tmux_server: kept } = lease.extras;
  const server = typeof kept === 'string' && kept !== '' ? kept : undefined;
  const program = command ?? (server === undefined ? ['/bin/sh', '-c', 'exec "${SHELL:-/bin/sh}" -l'] : ['tmux', '-L', server, 'new-session', '-A', '-s', 'main']);
  return { ...common, way: { kind: 'entrance', command: { argv: [...entrance.terminal(program)], env: { ...facts.commandEnvironment, TERM: 'xterm-256color' } } }, survives: command === undefined && server !== undefined };
}

export async function openAttachment({ lease, session, way, survives }: Attachment, view: TerminalView, deps: ReservationDeps, call: CallOptions): Promise<AttachedTerminal> {
  if (way.kind === 'relay') return openRelayTerminal(lease, way.wish, view, session, deps, call);
  const { write, resize, dispose, ended } = bound(await session.connection.shell({ size: { ...view.size }, onData: view.onData, command: way.command, signal: call.signal }));
  return { write, resize, dispose, ended, survives, endedBecause: () => ({ why: 'the connection was lost, or what ran there was killed', survives }) };
}

function bound(session: Pick<AttachedTerminal, 'write' | 'resize' | 'dispose' | 'ended'>): typeof session {
  return { write: (data) => session.write(data), resize: (size) => session.resize(size), dispose: () => session.dispose(), ended: session.ended };
}
