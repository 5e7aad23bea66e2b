/** The command line: finds the verb in the catalogue, reads its input, runs it, prints one envelope. Nothing is decided here. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { HpcError, messageOf } from '../../foundation/errors.ts';
import { createLog, type Log, type LogLevel } from '../../foundation/log.ts';
import { loadCatalogue, loadOperation, operationNames } from '../../operations/catalogue.ts';
import { errorEnvelope, exitCodeOf, successEnvelope, type Envelope } from '../../operations/envelope.ts';
import type { Operation } from '../../operations/operation.ts';
import type { statusOf } from '../../operations/reservations/exec.ts';
import type { Services } from '../../operations/services.ts';
import { parseArguments, type GlobalFlags } from './arguments.ts';
import { confirmOnTerminal } from './prompts.ts';
import { createProgressLine } from './terminal.ts';

export interface CliHost {
  readonly version: string;
  readonly makeServices: (log: Log) => Services;
  readonly signal: AbortSignal;
}

/** `clusters list` is `clusters-list`. Returns the verb's operation and the words after it. */
export async function findVerb(words: readonly string[]): Promise<{ operation: Operation; rest: readonly string[] } | undefined> {
  const [first = '', second = ''] = words;
  const joined = await loadOperation(`${first}-${second}`);
  if (joined) return { operation: joined, rest: words.slice(2) };
  const operation = await loadOperation(first);
  return operation && { operation, rest: words.slice(1) };
}

export function stderrLog(level: LogLevel): Log {
  return createLog((record) => process.stderr.write(`${JSON.stringify(record)}\n`), 'hpc-agent', level);
}

async function readSpec(spec: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = spec === '-' ? await readStdin() : await fs.readFile(spec, 'utf8');
  } catch (error) {
    throw new HpcError('spec_invalid', `Cannot read the spec ${spec}: ${messageOf(error)}.`);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new HpcError('spec_invalid', `The spec ${spec} is not JSON: ${messageOf(cause)}.`, { cause });
  }
  throw new HpcError('spec_invalid', `The spec ${spec} must be a JSON object.`);
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** The exit status. */
export async function runCli(words: readonly string[], host: CliHost): Promise<number> {
  const found = await findVerb(words);
  if (!found) {
    const verb = words[0];
    if (verb === undefined || verb === '--help' || verb === '-h' || verb === 'help') {
      const { generalHelp } = await import('./help.ts');
      process.stdout.write(`${generalHelp(await loadCatalogue(), host.version)}\n`);
      return 0;
    }
    return print(errorEnvelope(new HpcError('spec_invalid', `There is no verb ${JSON.stringify(verb)}.`, { remediation: `The verbs are: ${operationNames.join(', ')}, mcp.` })), verb, words.includes('--human'));
  }
  const { operation, rest } = found;
  let flags: GlobalFlags | undefined;
  let services: Services | undefined;
  const progress = createProgressLine(process.stderr);
  try {
    const parsed = parseArguments(operation.name, rest, operation.inputSchema(), operation.positional);
    ({ flags } = parsed);
    if (flags.help) {
      const { verbHelp } = await import('./help.ts');
      process.stdout.write(`${verbHelp(operation)}\n`);
      return 0;
    }
    const input = { ...(flags.spec === undefined ? {} : await readSpec(flags.spec)), ...parsed.input };
    services = host.makeServices(stderrLog(flags.logLevel));
    const { human } = flags;
    const context = {
      services,
      experimentDir: path.resolve(flags.experimentDir ?? '.'),
      signal: host.signal,
      progress: human ? progress.report : () => undefined,
    };
    // Who types the command of a held node into a terminal has said what is to be done there.
    const isLive = operation.name === 'reservation-exec' && (human || flags.raw);
    if (operation.confirms && !flags.yes && !isLive) {
      const sentence = await operation.confirmation(input, context);
      progress.end();
      if (sentence !== undefined && (await confirmOnTerminal(sentence, host.signal)) !== true) {
        throw new HpcError('spec_invalid', `Not done, because it was not confirmed: ${sentence}`, { remediation: 'Add --yes to do it without being asked.' });
      }
    }
    if (operation.name === 'reservation-attach' && flags.spec === undefined) {
      const { attachTerminal, hasTerminal } = await import('./attach.ts');
      if (hasTerminal() && typeof input.name === 'string') return await attachTerminal(input.name, context);
    }
    if (isLive) {
      const { execLive } = await import('./execLive.ts');
      return await execLive(input, human, context);
    }
    const data = await operation.invoke(input, context);
    progress.end();
    const code = await print(successEnvelope(data, operation.idempotent), operation.name, human);
    // The command's own status, also beside an envelope.
    if (operation.name === 'reservation-exec') return (await import('../../operations/reservations/exec.ts')).statusOf(data as Parameters<typeof statusOf>[0]);
    // hpc-agent's rule: a failed preflight is an ok answer with a failing exit status.
    return operation.name === 'preflight' && (data as { all_ok: boolean }).all_ok === false ? 2 : code;
  } catch (error) {
    progress.end();
    return print(errorEnvelope(error), operation.name, flags?.human ?? rest.includes('--human'));
  } finally {
    services?.dispose();
  }
}

async function print(envelope: Envelope, verb: string, human: boolean): Promise<number> {
  const text = human ? (await import('./human.ts')).renderHuman(verb, envelope) : JSON.stringify(envelope);
  process.stdout.write(`${text}\n`);
  return exitCodeOf(envelope);
}
