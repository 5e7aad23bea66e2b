import * as z from 'zod/mini';
import type { PtySession } from '../../connection/port.ts';
import type { TerminalEnd } from '../../reservations/relayTerminal.ts';
import { defineOperation, type OperationContext } from '../operation.ts';
import { reservationName } from './names.ts';
import { reservationDepsOf } from './wire.ts';

export interface TerminalPort {
  readonly size: { columns: number; rows: number };
  readonly onData: (chunk: Uint8Array) => void;
}

export interface OpenedTerminal {
  readonly title: string;
  /** Whether what runs there goes on when the terminal is closed. */
  readonly survives: boolean;
  readonly session: PtySession;
  /** Why it ended without an exit status, and what to do: a sentence for people. */
  readonly endedBecause?: () => string | undefined;
}

/** Whether the next terminal finds what ran in this one. */
export function sentenceOf(end: TerminalEnd | undefined): string | undefined {
  if (end === undefined) return undefined;
  return `${end.why.charAt(0).toUpperCase()}${end.why.slice(1)}. ${end.survives ? 'What runs there goes on: attach again to see it.' : 'What ran in it ended, too.'}`;
}

/** Opens a terminal in a reservation: for surfaces that have one. */
export async function openReservationTerminal(name: string, terminal: TerminalPort, context: OperationContext): Promise<OpenedTerminal> {
  const { openAttachment, planAttachment } = await import('../../reservations/attachReservation.ts');
  const deps = reservationDepsOf(context);
  const attachment = await planAttachment(name, {}, deps, context);
  const session = await openAttachment(attachment, terminal, deps, context);
  return { title: attachment.title, survives: session.survives, session, endedBecause: () => sentenceOf(session.endedBecause()) };
}

export const reservationAttach = defineOperation({
  name: 'reservation-attach',
  kind: 'query',
  summary: 'Open a terminal in a reservation; without a terminal, say how one is opened.',
  guidance: 'For people. The session survives the terminal where the node has tmux. Agents use reservation-exec.',
  input: z.strictObject({ name: reservationName }),
  output: z.object({ name: z.string(), title: z.string(), survives: z.boolean(), /** What opens it, in a terminal on `host`. */
    argv: z.array(z.string()), host: z.string() }),
  idempotent: true,
  tool: false,
  positional: ['name'],
  run: async ({ name }, context) => {
    const { planAttachment } = await import('../../reservations/attachReservation.ts');
    const { lease, title, survives, way, session } = await planAttachment(name, {}, reservationDepsOf(context), context);
    // A terminal that the holding job carries is opened by this product alone.
    return { name: lease.name, title, survives, argv: way.kind === 'entrance' ? [...(way.command.argv ?? [])] : ['hpc-agent', 'reservation', 'attach', lease.id], host: way.kind === 'entrance' ? session.connection.label : 'this computer' };
  },
});
