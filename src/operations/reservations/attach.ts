import * as z from 'zod/mini';
import type { PtySession } from '../../connection/port.ts';
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
}

/** Opens a terminal in a reservation: for surfaces that have one. */
export async function openReservationTerminal(name: string, terminal: TerminalPort, context: OperationContext): Promise<OpenedTerminal> {
  const { openAttachment, planAttachment } = await import('../../reservations/attachReservation.ts');
  const attachment = await planAttachment(name, {}, reservationDepsOf(context), context);
  return { title: attachment.title, survives: attachment.survives, session: await openAttachment(attachment, { ...terminal, signal: context.signal }) };
}

export const reservationAttach = defineOperation({
  name: 'reservation-attach',
  kind: 'query',
  summary: 'Open a terminal in a reservation; without a terminal, say how one is opened.',
  guidance: 'For people. The session survives the terminal where the node has tmux. Agents use reservation-exec.',
  input: z.strictObject({ name: reservationName }),
  output: z.object({ name: z.string(), title: z.string(), survives: z.boolean(), argv: z.array(z.string()), host: z.string() }),
  idempotent: true,
  tool: false,
  positional: ['name'],
  run: async ({ name }, context) => {
    const { planAttachment } = await import('../../reservations/attachReservation.ts');
    const { lease, title, survives, command, session } = await planAttachment(name, {}, reservationDepsOf(context), context);
    return { name: lease.name, title, survives, argv: [...(command.argv ?? [])], host: session.connection.label };
  },
});
