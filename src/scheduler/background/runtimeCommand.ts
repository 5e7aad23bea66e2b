/**
 * Talking to `hpc_background.py`.
 *
 * Rule: an answer is the lines with our mark, closed by the end line; an error is one line of JSON on standard error with the
 * product's own code. Anything else is "could not ask".
 */
import * as z from 'zod/mini';
import { HpcError, type ErrorCode } from '../../foundation/errors.ts';
import { taskVariablePatterns } from '../taskEnvironment.ts';
import type { CommandOutput, SchedulerCommand, SchedulerTools } from '../port.ts';

export type RuntimeVerb = 'submit' | 'list' | 'accounting' | 'find' | 'cancel' | 'limits' | 'resources';

export function runtimeCommand(verb: RuntimeVerb, request: unknown, tools: SchedulerTools): SchedulerCommand {
  if (tools.python === undefined) {
    throw new HpcError('config_invalid', 'The background scheduler needs a Python 3.6 or newer on that host, and none was found.', { remediation: 'Install python3 there, or make it visible to the login shell; then reconnect.' });
  }
  return {
    // -E and -S: neither PYTHON* variables nor site packages can change or slow down the supervisor.
    argv: [tools.python, '-E', '-S', `${tools.runtimeDirectory.replace(/\/+$/, '')}/hpc_background.py`, verb],
    ...(request === undefined ? {} : { stdin: JSON.stringify(request) }),
    unset: taskVariablePatterns,
    timeoutS: 60,
  };
}

const problem = z.object({ code: z.enum(['spec_invalid', 'config_invalid', 'remote_command_failed', 'scheduler_throttled']), message: z.string(), reason: z.optional(z.string()) });

const remedies: Partial<Record<ErrorCode, string>> = {
  spec_invalid: 'Correct the request, then try again.',
  config_invalid: 'Set HPC_AGENT_BACKGROUND_DIR in the login environment of that host, then reconnect.',
  scheduler_throttled: 'The host has no processes or memory left for another job. Wait until some end.',
};

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function runtimeFailure(verb: RuntimeVerb, output: CommandOutput): HpcError {
  const line = output.stderr.split('\n').findLast((text) => text.startsWith('HPCBG-ERROR '));
  const told = problem.safeParse(parseJson(line?.slice('HPCBG-ERROR '.length) ?? ''));
  const details = { exitCode: output.exitCode, stderrTail: output.stderr.slice(-2000), ...(verb === 'submit' && !told.success ? { outcome: 'unknown' } : {}) };
  if (told.success) {
    const { code, message, reason } = told.data;
    const remediation = reason === 'disk_full' ? 'Make room on that disk, then try again. Nothing was submitted.' : remedies[code];
    return new HpcError(code, `background ${verb}: ${message}`, { ...(remediation === undefined ? {} : { remediation }), details: { ...details, ...(reason ? { reason } : {}) } });
  }
  if (output.exitCode === 124) return new HpcError('cluster_timeout', `background ${verb} did not end in time.`, { remediation: 'The host is overloaded or its disk does not answer. Try again in a while.', details, ...(verb === 'submit' ? { retrySafe: false } : {}) });
  const tail = output.stderr.trim().split('\n').at(-1) ?? '';
  return new HpcError('remote_command_failed', `background ${verb} gave no complete answer (exit status ${output.exitCode ?? 'none'})${tail ? `: ${tail.slice(0, 300)}` : '.'}`, {
    remediation: 'Run preflight: it installs the runtime files anew and checks the Python of that host.',
    details,
  });
}

const endLine = z.object({ end: z.literal(true), rows: z.number() });

/** The marked lines as values, unparsed ones as text; throws where there is no complete answer. */
export function runtimeLines(verb: RuntimeVerb, output: CommandOutput): { values: unknown[]; malformed: string[] } {
  const values: unknown[] = [];
  const malformed: string[] = [];
  let complete = false;
  for (const line of output.stdout.split('\n')) {
    if (!line.startsWith('HPCBG ')) continue;
    const value = parseJson(line.slice('HPCBG '.length));
    if (endLine.safeParse(value).success) complete = true;
    else if (value === undefined) malformed.push(line);
    else values.push(value);
  }
  if (output.exitCode !== 0 || !complete) throw runtimeFailure(verb, output);
  return { values, malformed };
}

/** Each value by the schema; what does not fit is listed, or thrown where `strict`. */
export function runtimeRecords<Schema extends z.ZodMiniType>(verb: RuntimeVerb, schema: Schema, output: CommandOutput, strict: boolean): { records: z.infer<Schema>[]; malformed: string[] } {
  const { values, malformed } = runtimeLines(verb, output);
  const records: z.infer<Schema>[] = [];
  for (const value of values) {
    const parsed = schema.safeParse(value);
    if (parsed.success) records.push(parsed.data);
    else malformed.push(JSON.stringify(value));
  }
  if (strict && malformed.length > 0) throw new HpcError('remote_command_failed', `background ${verb} printed lines that cannot be read: ${malformed[0] ?? ''}`, { details: { malformed: malformed.slice(0, 20) } });
  return { records, malformed };
}

export const elementState = z.enum(['pending', 'running', 'completed', 'failed', 'cancelled', 'timeout', 'node_fail']);
export const rangePair = z.tuple([z.number(), z.number()]);
