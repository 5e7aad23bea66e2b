import * as z from 'zod/mini';
import { durationExpectation, parseDurationS } from '../../cluster/units.ts';
import { HpcError } from '../../foundation/errors.ts';
import { defineOperation } from '../operation.ts';
import { reservationName } from './names.ts';
import { reservationDepsOf } from './wire.ts';

/** Of each stream, in the answer: the end of a longer one. */
const longest = 1_000_000;

function ended(text: string): { text: string; cut: boolean } {
  return text.length <= longest ? { text, cut: false } : { text: text.slice(-longest), cut: true };
}

export const reservationExec = defineOperation({
  name: 'reservation-exec',
  kind: 'mutate',
  summary: 'Run a command in a reservation at once, without the queue.',
  guidance: 'The command is a line for sh in the home folder there, or cwd. A non-zero exit_code is an answer, not an error. When the connection breaks it is never started again: the error then carries exec_id, to ask with `again` what became of it.',
  input: z.strictObject({
    name: reservationName,
    command: z.optional(z.string().check(z.minLength(1), z.describe('Line for sh.'))),
    argv: z.optional(z.array(z.string()).check(z.minLength(1), z.describe('Instead of command: program and arguments as they are.'))),
    login: z.optional(z.boolean().check(z.describe('Run the line in a login bash (modules, conda).'))),
    cwd: z.optional(z.string().check(z.regex(/^\//, 'an absolute folder'), z.describe('Absolute folder there; default: home.'))),
    env: z.optional(z.record(z.string(), z.string())),
    stdin: z.optional(z.string()),
    timeout: z.optional(z.union([z.string(), z.number()]).check(z.describe('The command is ended after so long.'))),
    again: z.optional(z.string().check(z.regex(/^[A-Za-z0-9_-]{8,64}$/, 'an exec_id'), z.describe('Ask after this exec_id instead of running something.'))),
  }),
  output: z.object({
    exec_id: z.string(),
    exit_code: z.nullable(z.number()),
    signal: z.nullable(z.number()),
    stdout: z.string(),
    stderr: z.string(),
    /** Only the end of a stream is in this answer. */
    cut: z.boolean(),
    /** Why it was ended (`timeout`), or what is missing. */
    note: z.nullable(z.string()),
    elapsed_s: z.number(),
    job_id: z.string(),
    node: z.string(),
  }),
  idempotent: false,
  tool: true,
  positional: ['name', 'command'],
  confirm: async (input, context) => {
    if (input.again !== undefined) return undefined;
    const lease = await reservationDepsOf(context).leases.require(input.name);
    const limit = input.timeout === undefined ? '' : `, at most ${input.timeout}${typeof input.timeout === 'number' ? ' s' : ''}`;
    return `Run in the reservation ${lease.name} (${lease.host}, job ${lease.job_id || 'not known'}${lease.node === '' ? '' : ` on ${lease.node}`})${limit}: ${input.command ?? (input.argv ?? []).join(' ')}`;
  },
  run: async (input, context) => {
    const { execInReservation } = await import('../../reservations/execInReservation.ts');
    const chosen = [input.command, input.argv, input.again].filter((value) => value !== undefined).length;
    if (chosen !== 1) throw new HpcError('spec_invalid', 'Give one of `command`, `argv` and `again`.', { remediation: 'For example: hpc-agent reservation exec dev-pool "hostname"' });
    const timeoutS = input.timeout === undefined ? undefined : parseDurationS(input.timeout);
    if (input.timeout !== undefined && (timeoutS === undefined || timeoutS === 0)) throw new HpcError('spec_invalid', `timeout is ${JSON.stringify(input.timeout)}.`, { remediation: `Write ${durationExpectation}.` });
    const outcome = await execInReservation(
      input.name,
      {
        command: input.argv ? { argv: input.argv } : { script: input.command ?? '', ...(input.login ? { login: true } : {}) },
        ...(input.cwd === undefined ? {} : { cwd: input.cwd }),
        ...(input.env === undefined ? {} : { env: input.env }),
        ...(input.stdin === undefined ? {} : { stdin: input.stdin }),
        ...(timeoutS === undefined ? {} : { timeoutS }),
        ...(input.again === undefined ? {} : { again: input.again }),
      },
      reservationDepsOf(context),
      context,
    );
    const [stdout, stderr] = [ended(outcome.stdout), ended(outcome.stderr)];
    return { exec_id: outcome.id, exit_code: outcome.exitCode, signal: outcome.signal, stdout: stdout.text, stderr: stderr.text, cut: stdout.cut || stderr.cut, note: outcome.note, elapsed_s: outcome.elapsedS, job_id: outcome.jobId, node: outcome.node };
  },
});
