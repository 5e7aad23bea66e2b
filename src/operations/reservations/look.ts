/** Operations that look at reservations: list, get, verify, refresh. */
import * as z from 'zod/mini';
import { defineOperation, type OperationContext } from '../operation.ts';
import { reservationName } from './names.ts';
import { reservationDepsOf, reservationShape, shapeOf, type ReservationShape } from './wire.ts';

const liveness = 'ALIVE, DEAD with proof, or UNKNOWN with the reason: unknown is never to be read as gone.';

export const reservationList = defineOperation({
  name: 'reservation-list',
  kind: 'query',
  summary: 'List the reservations, with what is known of each and how old that is.',
  guidance: `With refresh the clusters are asked, one round trip each; without, nothing connects. ${liveness} attention names idle ones with their cost.`,
  input: z.strictObject({ refresh: z.optional(z.boolean().check(z.describe('Ask the clusters.'))) }),
  output: z.object({ reservations: z.array(reservationShape), problems: z.array(z.object({ file: z.string(), message: z.string() })) }),
  idempotent: true,
  tool: true,
  run: async (input, context) => {
    const { listReservations } = await import('../../reservations/refreshReservation.ts');
    const { seen, problems } = await listReservations({ refresh: input.refresh ?? false }, reservationDepsOf(context), context);
    return { reservations: seen.map(({ lease, observed }) => shapeOf(lease, observed)), problems: problems.map((problem) => ({ ...problem })) };
  },
});

/** The same for a clock: no operation, since it decides by itself whom it asks. */
export async function lookAtReservations(olderThanMs: number, context: OperationContext): Promise<{ readonly reservations: readonly ReservationShape[]; readonly problems: readonly { readonly file: string; readonly message: string }[] }> {
  const { lookQuietly } = await import('../../reservations/refreshReservation.ts');
  const { seen, problems } = await lookQuietly(olderThanMs, reservationDepsOf(context), context);
  return { reservations: seen.map(({ lease, observed }) => shapeOf(lease, observed)), problems };
}

export const reservationGet = defineOperation({
  name: 'reservation-get',
  kind: 'query',
  summary: 'Look at one reservation now: state with evidence, node, time left, hops.',
  guidance: liveness,
  input: z.strictObject({ name: reservationName }),
  output: z.object({ reservation: reservationShape }),
  idempotent: true,
  tool: false,
  positional: ['name'],
  run: async ({ name }, context) => {
    const { observeOne } = await import('../../reservations/observe.ts');
    const deps = reservationDepsOf(context);
    const observed = await observeOne(await deps.leases.require(name), deps, context);
    return { reservation: shapeOf(observed.lease, observed) };
  },
});

export const reservationVerify = defineOperation({
  name: 'reservation-verify',
  kind: 'query',
  summary: 'Compare the lease of a reservation with the queue, accounting and the record of its own jobs.',
  guidance: `Names every contradiction between the four. ${liveness}`,
  input: z.strictObject({ name: reservationName }),
  output: z.object({ reservation: reservationShape, agrees: z.boolean(), findings: z.array(z.string()) }),
  idempotent: true,
  tool: false,
  positional: ['name'],
  run: async ({ name }, context) => {
    const { verifyReservation } = await import('../../reservations/verifyReservation.ts');
    const { observed, findings } = await verifyReservation(name, reservationDepsOf(context), context);
    return { reservation: shapeOf(observed.lease, observed), agrees: findings.length === 0, findings: [...findings] };
  },
});

export const reservationRefresh = defineOperation({
  name: 'reservation-refresh',
  kind: 'mutate',
  summary: 'Look at a reservation, settle what was left open, and count this as use, so that it is kept.',
  guidance: 'Extends the idle time, looks for jobs whose submission was cut off, and submits a successor that the job itself could not. Holds nothing new otherwise.',
  input: z.strictObject({ name: reservationName }),
  output: z.object({ reservation: reservationShape, did: z.array(z.string()) }),
  idempotent: true,
  tool: false,
  positional: ['name'],
  run: async ({ name }, context) => {
    const { refreshReservation } = await import('../../reservations/refreshReservation.ts');
    const { observed, did } = await refreshReservation(name, reservationDepsOf(context), context);
    return { reservation: shapeOf(observed.lease, observed), did: [...did] };
  },
});
