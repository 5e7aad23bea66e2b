/** Terminals on clusters, and ports of held nodes: for surfaces that have a screen. No operations: what they give is alive, not data. */
import type { ForwardedPort } from '../connection/port.ts';
import { HpcError } from '../foundation/errors.ts';
import type { OperationContext } from './operation.ts';
import { sentenceOf, type OpenedTerminal, type TerminalPort } from './reservations/attach.ts';
import { reservationDepsOf } from './reservations/wire.ts';

/** The user's login shell on the cluster's login node. It ends with the terminal. */
export async function openClusterTerminal(cluster: string, terminal: TerminalPort, context: OperationContext): Promise<OpenedTerminal> {
  const session = await context.services.session(await context.services.store(context.experimentDir).get(cluster));
  return { title: `${cluster} (${session.connection.label})`, survives: false, session: await session.connection.shell({ ...terminal, signal: context.signal }) };
}

export interface ReservedPort extends ForwardedPort {
  /** The node as the login node calls it. */
  readonly host: string;
  readonly reservation: string;
}

/** Listens on this machine's loopback and forwards to a port of the node that the reservation holds. */
export async function openReservationPort(reservation: string, port: number, context: OperationContext): Promise<ReservedPort> {
  const { planAttachment } = await import('../reservations/attachReservation.ts');
  const { lease, node, session } = await planAttachment(reservation, {}, reservationDepsOf(context), context);
  // Without a scheduler the node is the host that we are on.
  const host = session.dialect.name === 'background' ? '127.0.0.1' : node;
  if (host === '') throw new HpcError('cluster_timeout', `It is not known which node ${lease.name} holds.`, { remediation: 'Refresh the reservation, and try again.' });
  const forwarded = await session.connection.forward({ host, port }, { signal: context.signal });
  return { localPort: forwarded.localPort, host, reservation: lease.name, dispose: () => forwarded.dispose() };
}

/** A terminal in the reservation that runs a notebook server; it prints the address, and ends with the terminal. */
export async function openNotebookTerminal(reservation: string, terminal: TerminalPort, context: OperationContext): Promise<OpenedTerminal> {
  const { openAttachment, planAttachment } = await import('../reservations/attachReservation.ts');
  // On a node of its own the login node must reach it; the token keeps others out.
  const command = (scheduler: string): readonly string[] => ['/bin/sh', '-c', notebookScript, 'hpc-agent-notebook', scheduler === 'background' ? '127.0.0.1' : '0.0.0.0', notebookScript];
  const deps = reservationDepsOf(context);
  const attachment = await planAttachment(reservation, { command }, deps, context);
  const session = await openAttachment(attachment, terminal, deps, context);
  return { title: `Notebook in ${attachment.lease.name}`, survives: false, session, endedBecause: () => sentenceOf(session.endedBecause()) };
}

/**
 * `$1`: the address to listen on; `$2`: this text, for the second try. Jupyter of the reservation's own software first, else that of the person's
 * start-up files. A free port is looked for on the node, for ports are taken by others there.
 */
const notebookScript = [
  'address=$1',
  'for program in jupyter-lab jupyter-notebook; do command -v "$program" >/dev/null 2>&1 && found=$program && break; done',
  'if [ -z "$found" ] && [ -n "$2" ] && command -v bash >/dev/null 2>&1; then exec bash -lc "$2" "$0" "$1" ""; fi',
  'if [ -z "$found" ]; then echo "There is no Jupyter on $(hostname): install it there, for example with  python3 -m pip install --user jupyterlab"; exit 127; fi',
  'port=$(python3 -c \'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])\') || port=8888',
  'exec "$found" --no-browser --ip="$address" --port="$port"',
].join('\n');
