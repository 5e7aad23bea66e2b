/** Operations that change whose a job is: adopt, release. */
import * as z from 'zod/mini';
import { defineOperation } from '../operation.ts';
import { clusterName } from '../schemas.ts';
import { newReservationName, reservationName } from './names.ts';
import { reservationDepsOf, reservationShape, shapeOf } from './wire.ts';

export const reservationAdopt = defineOperation({
  name: 'reservation-adopt',
  kind: 'mutate',
  summary: 'Make a reservation of a job of yours that another program submitted.',
  guidance: 'The job must be in your own queue and no array. From then on commands run in it, and release may cancel it.',
  input: z.strictObject({ job_id: z.string().check(z.regex(/^[0-9][A-Za-z0-9._-]{0,80}$/, 'a job id'), z.describe('Job id as the scheduler prints it.')), name: newReservationName, cluster: clusterName }),
  output: z.object({ reservation: reservationShape }),
  idempotent: true,
  tool: false,
  positional: ['job_id'],
  confirm: (input) => Promise.resolve(`Adopt job ${input.job_id} on ${input.cluster} as the reservation ${input.name}: from then on it can be released, which cancels it.`),
  run: async (input, context) => {
    const { adoptReservation } = await import('../../reservations/adoptReservation.ts');
    const observed = await adoptReservation({ jobId: input.job_id, name: input.name, cluster: input.cluster }, reservationDepsOf(context), context);
    return { reservation: shapeOf(observed.lease, observed) };
  },
});

export const reservationRelease = defineOperation({
  name: 'reservation-release',
  kind: 'mutate',
  summary: 'Give a held node back: cancel its job and its successor, and remove the lease.',
  guidance: 'Everything that runs in it ends. Only jobs that were booked or adopted here are cancelled, by id and name. Safe to repeat.',
  input: z.strictObject({ name: reservationName }),
  output: z.object({ name: z.string(), cancelled: z.array(z.string()), notes: z.array(z.string()) }),
  idempotent: true,
  tool: true,
  positional: ['name'],
  confirm: async ({ name }, context) => {
    const { describeRelease } = await import('../../reservations/releaseReservation.ts');
    return describeRelease(name, reservationDepsOf(context), context);
  },
  run: async ({ name }, context) => {
    const { releaseReservation } = await import('../../reservations/releaseReservation.ts');
    const { lease, cancelled, notes } = await releaseReservation(name, reservationDepsOf(context), context);
    return { name: lease.name, cancelled: [...cancelled], notes: [...notes] };
  },
});
