import * as z from 'zod/mini';
import { durationExpectation, parseDurationS } from '../../cluster/units.ts';
import { HpcError } from '../../foundation/errors.ts';
import type { CommandOutcome, CommandRequest } from '../../reservations/execInReservation.ts';
import { defineOperation, parseInput, type OperationContext } from '../operation.ts';
import { reservationName } from './names.ts';
import { reservationDepsOf } from './wire.ts';

/** Of each stream, bytes in the answer: the end of a longer one. */
const longestByDefault = 50_000;
const longest = 1_000_000;

/** The end of a stream, whatever its length, in bounded memory. */
export class StreamEnd {
  private readonly chunks: Uint8Array[] = [];
  private kept = 0;
  private isCut = false;
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  push(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.kept += chunk.length;
    for (let first = this.chunks[0]; first !== undefined && this.kept - first.length >= this.limit; first = this.chunks[0]) {
      this.chunks.shift();
      this.kept -= first.length;
      this.isCut = true;
    }
  }

  take(): { readonly text: string; readonly cut: boolean } {
    const whole = Buffer.concat(this.chunks);
    let from = Math.max(0, whole.length - this.limit);
    const cut = this.isCut || from > 0;
    // Not in the middle of a character.
    while (cut && from < whole.length && ((whole[from] ?? 0) & 0xc0) === 0x80) from += 1;
    return { text: whole.subarray(from).toString('utf8'), cut };
  }
}

const execInput = z.strictObject({
  name: reservationName,
  command: z.optional(z.string().check(z.minLength(1), z.describe('Line for sh.'))),
  argv: z.optional(z.array(z.string()).check(z.minLength(1), z.describe('Instead of command: program and arguments as they are.'))),
  login: z.optional(z.boolean().check(z.describe('Run the line in a login bash: its start-up files instead of the software of the cluster’s profile.'))),
  bare: z.optional(z.boolean().check(z.describe('Without the modules, conda, venv, container and variables of the cluster’s profile.'))),
  cwd: z.optional(z.string().check(z.regex(/^\//, 'an absolute folder'), z.describe('Absolute folder there; default: home.'))),
  env: z.optional(z.record(z.string(), z.string())),
  stdin: z.optional(z.string()),
  timeout: z.optional(z.union([z.string(), z.number()]).check(z.describe('The command is ended after so long.'))),
  again: z.optional(z.string().check(z.regex(/^[A-Za-z0-9_-]{8,64}$/, 'an exec_id'), z.describe('Ask after this exec_id instead of running something.'))),
  max_output: z.optional(z.number().check(z.int(), z.gte(1), z.lte(longest), z.describe(`Bytes of each stream in the answer, its end; default ${longestByDefault}, at most ${longest}.`))),
});

function requestOf(input: z.output<typeof execInput>): CommandRequest {
  const chosen = [input.command, input.argv, input.again].filter((value) => value !== undefined).length;
  if (chosen !== 1) throw new HpcError('spec_invalid', 'Give one of `command`, `argv` and `again`.', { remediation: 'For example: hpc-agent reservation exec dev-pool "hostname"' });
  const timeoutS = input.timeout === undefined ? undefined : parseDurationS(input.timeout);
  if (input.timeout !== undefined && (timeoutS === undefined || timeoutS === 0)) throw new HpcError('spec_invalid', `timeout is ${JSON.stringify(input.timeout)}.`, { remediation: `Write ${durationExpectation}.` });
  return {
    command: input.argv ? { argv: input.argv } : { script: input.command ?? '', ...(input.login ? { login: true } : {}) },
    ...(input.bare ? { bare: true } : {}),
    ...(input.cwd === undefined ? {} : { cwd: input.cwd }),
    ...(input.env === undefined ? {} : { env: input.env }),
    ...(input.stdin === undefined ? {} : { stdin: input.stdin }),
    ...(timeoutS === undefined ? {} : { timeoutS }),
    ...(input.again === undefined ? {} : { again: input.again }),
  };
}

/** The same with its output as it comes: for surfaces that have a screen. */
export async function streamReservationCommand(raw: unknown, streams: { readonly onStdout: (chunk: Uint8Array) => void; readonly onStderr: (chunk: Uint8Array) => void }, context: OperationContext): Promise<CommandOutcome> {
  const input = parseInput('reservation-exec', execInput, raw);
  const { execInReservation } = await import('../../reservations/execInReservation.ts');
  return execInReservation(input.name, { ...requestOf(input), ...streams }, reservationDepsOf(context), context);
}

/** As a shell says it: 128 and the signal's number, 124 after a time limit (as `timeout` does). */
export function statusOf({ exit_code, signal, note }: { readonly exit_code: number | null; readonly signal: number | null; readonly note: string | null }): number {
  return exit_code ?? (note === 'timeout' ? 124 : 128 + (signal ?? 0));
}

export const reservationExec = defineOperation({
  name: 'reservation-exec',
  kind: 'mutate',
  summary: 'Run a command in a reservation at once, without the queue.',
  guidance: 'The command is a line for sh in the home folder there, or cwd, with the software that a job there would have (modules, conda, venv, uv of the profile). Only the end of long output is in the answer: send it to a file there to keep it. A non-zero exit_code is an answer, not an error. When the connection breaks it is never started again: the error then carries exec_id, to ask with `again` what became of it.',
  input: execInput,
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
    const [out, err] = [new StreamEnd(input.max_output ?? longestByDefault), new StreamEnd(input.max_output ?? longestByDefault)];
    const outcome = await execInReservation(input.name, { ...requestOf(input), onStdout: (chunk) => out.push(chunk), onStderr: (chunk) => err.push(chunk) }, reservationDepsOf(context), context);
    const [stdout, stderr] = [out.take(), err.take()];
    return { exec_id: outcome.id, exit_code: outcome.exitCode, signal: outcome.signal, stdout: stdout.text, stderr: stderr.text, cut: stdout.cut || stderr.cut, note: outcome.note, elapsed_s: outcome.elapsedS, job_id: outcome.jobId, node: outcome.node };
  },
});
