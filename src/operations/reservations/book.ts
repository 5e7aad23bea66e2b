import * as z from 'zod/mini';
import { formatDuration } from '../../foundation/clock.ts';
import { durationExpectation, parseDurationS } from '../../cluster/units.ts';
import { HpcError } from '../../foundation/errors.ts';
import type { BookingRequest } from '../../reservations/bookReservation.ts';
import { defineOperation } from '../operation.ts';
import { resourcesOf } from '../runRequest.ts';
import { clusterName, resources } from '../schemas.ts';
import { newReservationName } from './names.ts';
import { reservationDepsOf, reservationShape, shapeOf } from './wire.ts';

const duration = (description: string) => z.optional(z.union([z.string(), z.number()]).check(z.describe(description)));

const bookInput = z.strictObject({
  name: newReservationName,
  cluster: clusterName,
  ...resources.shape,
  nodes: z.optional(z.number().check(z.int(), z.positive(), z.describe('Whole nodes or parts of so many nodes; default 1.'))),
  persistent: z.optional(z.boolean().check(z.describe('Renewed before its walltime ends, again and again, until it is released.'))),
  renew_before: duration('How long before the end the successor is submitted; default a quarter of the walltime, a day at most.'),
  release_after_idle: duration('Releases itself after so long without use, also when this computer is off.'),
  tmux_server: z.optional(z.string().check(z.regex(/^[A-Za-z0-9._-]{0,40}$/, 'letters, digits, dots, dashes and underscores'), z.describe('Name of the tmux server in it; empty: none. Default: one of its own.'))),
  wait: duration('How long to wait for its node; 0: not at all. Default 5 minutes.'),
});

function seconds(name: string, value: string | number | undefined): number | undefined {
  if (value === undefined) return undefined;
  const parsed = parseDurationS(value);
  if (parsed === undefined) throw new HpcError('spec_invalid', `${name} is ${JSON.stringify(value)}.`, { remediation: `Write ${durationExpectation}.` });
  return parsed;
}

function requestOf(input: z.output<typeof bookInput>): BookingRequest {
  const { name, cluster, nodes, persistent, renew_before, release_after_idle, tmux_server, wait, ...asked } = input;
  const renewBeforeS = seconds('renew_before', renew_before);
  const releaseAfterIdleS = seconds('release_after_idle', release_after_idle);
  return {
    name,
    cluster,
    resources: { ...resourcesOf(asked), ...(nodes === undefined ? {} : { nodes }) },
    persistent: persistent ?? false,
    waitS: seconds('wait', wait) ?? 300,
    ...(renewBeforeS === undefined ? {} : { renewBeforeS }),
    ...(releaseAfterIdleS === undefined ? {} : { releaseAfterIdleS }),
    ...(tmux_server === undefined ? {} : { tmuxServer: tmux_server }),
  };
}

export const reservationBook = defineOperation({
  name: 'reservation-book',
  kind: 'submit',
  summary: 'Hold a node under a name, so that many commands run in it without queueing.',
  guidance: 'For work in small steps: try, look, change. Costs node-hours from the moment it starts until it is released, used or not: set release_after_idle, and release it when done. For many independent tasks submit a sweep instead. Then run commands with reservation-exec.',
  input: bookInput,
  output: z.object({ reservation: reservationShape, resumed: z.boolean() }),
  idempotent: true,
  tool: true,
  positional: ['name'],
  confirm: async (input, context) => {
    const { planBooking } = await import('../../reservations/bookReservation.ts');
    const plan = await planBooking(requestOf(input), reservationDepsOf(context), context);
    const { facts } = plan;
    const asked = facts.resources as { cpus?: number; memoryMiB?: number; gpus?: number; walltimeS?: number };
    const cpus = asked.cpus ?? 1;
    const parts = [`${facts.nodes} node${facts.nodes === 1 ? '' : 's'}`, `${cpus} cpu${cpus === 1 ? '' : 's'}`, ...(asked.memoryMiB === undefined ? [] : [`${asked.memoryMiB} MiB`]), ...(asked.gpus === undefined || asked.gpus === 0 ? [] : [`${asked.gpus} GPU${asked.gpus === 1 ? '' : 's'}`])];
    const time = asked.walltimeS === undefined ? 'for as long as the site allows' : `for ${formatDuration(asked.walltimeS * 1000)}`;
    const cost = plan.nodeHours === null ? 'a cost that is not bounded' : `${plan.nodeHours >= 10 ? plan.nodeHours.toFixed(0) : plan.nodeHours.toPrecision(2)} node-hours`;
    const end = plan.lease.persistent ? `; it renews itself until it is released: ${cost} each time` : `; at most ${cost}`;
    const idle = facts.release_after_idle_s === null ? '' : `; released after ${formatDuration(facts.release_after_idle_s * 1000)} without use`;
    return `${plan.interrupted ? 'Finish the booking of' : 'Book'} ${plan.lease.name} on ${facts.cluster}: ${parts.join(', ')} ${time}${end}${idle}.`;
  },
  run: async (input, context) => {
    const { bookReservation } = await import('../../reservations/bookReservation.ts');
    const outcome = await bookReservation(requestOf(input), reservationDepsOf(context), context);
    return { reservation: shapeOf(outcome.observed.lease, outcome.observed), resumed: outcome.resumed };
  },
});
