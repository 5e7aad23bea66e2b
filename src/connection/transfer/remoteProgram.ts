/**
 * Calls the far side's program (`hpc_manifest.py`).
 *
 * Rule: a call costs no round trip of its own for installing. The program travels with every request (a few kilobytes,
 * compressed) and puts itself into `~/.hpc-agent/runtime/<its hash>/` the first time, so that later calls load it compiled.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { deflateSync } from 'node:zlib';
import * as z from 'zod/mini';
import { HpcError, messageOf, type ErrorCode } from '../../foundation/errors.ts';
import { sha256Hex } from '../../foundation/ids.ts';
import type { Connection, ExecOptions, ExecResult } from '../port.ts';
import { endBlock } from './blocks.ts';

const programName = 'hpc_manifest';
const replyPrefix = 'hpc-transfer-reply ';
/** Up to this many packed bytes a request goes through the kept shell, in one round trip; beyond that through a channel of its own. */
const shortRequestBytes = 49_152;
const callTimeoutMs = 3_600_000;

export interface RemoteProgram {
  /** The value that the operation replied, or the typed error for its refusal. */
  call<T>(operation: string, words: readonly string[], schema: Schema<T>, options: CallOptions): Promise<T>;
  /** A call that replies twice: at once, and again to the payload, where one is given. It costs a channel, but no second start. */
  converse<First>(operation: string, words: readonly string[], schema: Schema<First>, options: ExecOptions): Conversation<First>;
  argv(operation: string, words: readonly string[]): Promise<readonly string[]>;
}

export interface Conversation<First> {
  readonly first: Promise<First>;
  /** Sends the payload; its reply. At most once. */
  send<T>(payload: AsyncIterable<Uint8Array>, schema: Schema<T>): Promise<T>;
  /** Ends it without a payload, if none was sent. Waits until the far side has ended. */
  close(): Promise<void>;
}

interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: unknown };
}

export interface CallOptions extends ExecOptions {
  /** Blocks for the operation to read. */
  readonly payload?: AsyncIterable<Uint8Array>;
}

const failureSchema = z.object({ ok: z.literal(false), kind: z.string(), message: z.string(), details: z.optional(z.record(z.string(), z.unknown())) });

const failures: Readonly<Record<string, { code: ErrorCode; remediation: string; retrySafe?: boolean }>> = {
  target_refused: { code: 'config_invalid', remediation: 'Choose a folder of its own for this workspace, at least one level below your home or scratch folder.' },
  not_ours: { code: 'config_invalid', remediation: 'Choose a new or empty folder, or adopt this one explicitly (additive only) if its content is yours to overwrite.' },
  other_owner: { code: 'config_invalid', remediation: 'Give each workspace a remote folder of its own. If that workspace is gone for good, remove .hpc/owner.json on the far side.' },
  no_space: { code: 'remote_command_failed', remediation: 'The disk or your quota on the far side is full: make room there, then try again. No file there was left half written.', retrySafe: true },
  permission: { code: 'remote_command_failed', remediation: 'Check that you may write to that folder on the far side.' },
  conflict: { code: 'remote_command_failed', remediation: 'Move or remove what is in the way on the far side, then try again.' },
  busy: { code: 'cluster_timeout', remediation: 'Wait for the other transfer to end, then try again.' },
  stale: { code: 'cluster_timeout', remediation: 'Try again.' },
  corrupt: { code: 'remote_command_failed', remediation: 'Try again: nothing was changed.', retrySafe: true },
  incomplete: { code: 'remote_command_failed', remediation: 'Try again: no file was left half written.', retrySafe: true },
  bad_path: { code: 'spec_invalid', remediation: 'Use paths relative to the folder, without `..`.' },
  missing: { code: 'outputs_missing', remediation: 'Check the remote path; nothing may have been written there yet.' },
  too_many: { code: 'spec_invalid', remediation: 'Narrow the patterns, exclude more, or raise the limit.' },
};

export function failureError(value: unknown, label: string): HpcError {
  const parsed = failureSchema.safeParse(value);
  if (!parsed.success) return new HpcError('remote_command_failed', `${label} sent a reply that is not one of ours.`, { remediation: 'Try again; report it with the log if it stays.' });
  const { kind, message, details } = parsed.data;
  const known = failures[kind];
  return new HpcError(known?.code ?? 'remote_command_failed', `On ${label}: ${message}.`, {
    remediation: known?.remediation ?? 'Look at the message of the far side.',
    details: { reason: kind, ...details },
    ...(known?.retrySafe === undefined ? {} : { retrySafe: known.retrySafe }),
  });
}

function bootstrap(source: Buffer): string {
  const hash = sha256Hex(source).slice(0, 20);
  // `main` is looked up inside the try: a file that a power cut emptied is written again.
  return `import sys,os
d=os.path.join(os.path.expanduser("~"),".hpc-agent","runtime","${hash}")
f=os.path.join(d,"${programName}.py")
sys.path.insert(0,d)
try:
 import ${programName}
 main=${programName}.main
except Exception:
 import zlib,base64
 s=zlib.decompress(base64.b64decode("${deflateSync(source, { level: 9 }).toString('base64')}"))
 try:
  os.makedirs(d,0o700,exist_ok=True)
  t=f+".%d"%os.getpid()
  h=open(t,"wb")
  h.write(s)
  h.close()
  os.rename(t,f)
 except Exception:
  pass
 g={"__name__":"${programName}"}
 exec(compile(s,f,"exec"),g)
 main=g["main"]
sys.exit(main(sys.argv[1:]))
`;
}

export async function openRemoteProgram(connection: Connection, runtimeDir: string, environmentOptions: ExecOptions): Promise<RemoteProgram> {
  const source = await fs.readFile(path.join(runtimeDir, `${programName}.py`));
  const text = bootstrap(source);
  const argv = async (operation: string, words: readonly string[]): Promise<readonly string[]> => {
    const { python } = await connection.environment(environmentOptions);
    if (python === undefined) {
      throw new HpcError('remote_command_failed', `${connection.label} has no Python 3.6 or newer that a login shell finds.`, {
        remediation: 'Name one in the cluster profile (for example by its modules), or ask the site: file transfer and the task runner need it.',
        details: { reason: 'no_python' },
      });
    }
    // -I and -S: nothing of the user's Python set-up is read, and the start is twice as fast.
    return [python, '-I', '-S', '-c', text, operation, ...words];
  };
  return {
    argv,
    converse: (operation, words, schema, options) => converse(connection, argv(operation, words), schema, options),
    call: async (operation, words, schema, { payload, ...options }) => {
      const timeoutMs = options.timeoutMs ?? callTimeoutMs;
      let result: ExecResult;
      if (payload === undefined) {
        result = await connection.run({ argv: await argv(operation, words) }, { ...options, timeoutMs });
      } else {
        const { head, rest } = await peek(payload);
        if (rest === undefined) {
          result = await connection.run({ argv: await argv(operation, ['base64', ...words]), stdin: head.toString('base64') }, { ...options, timeoutMs });
        } else {
          result = await connection.exec({ argv: await argv(operation, words) }, { ...options, timeoutMs, input: rest });
        }
      }
      return parseReply(result, schema, connection.label);
    },
  };
}

function converse<First>(connection: Connection, argv: Promise<readonly string[]>, schema: Schema<First>, options: ExecOptions): Conversation<First> {
  let give: (payload: AsyncIterable<Uint8Array> | undefined) => void = () => undefined;
  const given = new Promise<AsyncIterable<Uint8Array> | undefined>((resolve) => (give = resolve));
  async function* input(): AsyncGenerator<Uint8Array> {
    yield* (await given) ?? [endBlock];
  }
  const decoder = new TextDecoder();
  let heard = '';
  let replied: (reply: string) => void = () => undefined;
  const firstReply = new Promise<string>((resolve) => (replied = resolve));
  const ended = argv.then((words) =>
    connection.exec(
      { argv: words },
      {
        timeoutMs: callTimeoutMs,
        ...options,
        input: input(),
        onStdout: (chunk) => {
          heard += decoder.decode(chunk, { stream: true });
          const start = heard.indexOf(replyPrefix);
          const end = start < 0 ? -1 : heard.indexOf('\n', start);
          if (end >= 0) replied(heard.slice(start, end));
        },
      },
    ),
  );
  // Where the program ends without a first reply, its end is the reply.
  const first = Promise.race([firstReply.then((stdout) => ({ stdout, stderr: '', exitCode: 0 })), ended.then((result) => ({ ...result, stdout: heard }))]).then((result) => parseReply(result, schema, connection.label));
  first.catch(() => give(undefined));
  ended.catch(() => undefined);
  return {
    first,
    send: async (payload, secondSchema) => {
      give(payload);
      const result = await ended;
      return parseReply({ ...result, stdout: heard }, secondSchema, connection.label);
    },
    close: async () => {
      give(undefined);
      await ended;
    },
  };
}

/** The whole stream when it is short; else a stream of all of it. */
async function peek(blocks: AsyncIterable<Uint8Array>): Promise<{ head: Buffer; rest: AsyncIterable<Uint8Array> | undefined }> {
  const iterator = blocks[Symbol.asyncIterator]();
  const parts: Uint8Array[] = [];
  let size = 0;
  while (size <= shortRequestBytes) {
    const next = await iterator.next();
    if (next.done === true) return { head: Buffer.concat(parts), rest: undefined };
    parts.push(next.value);
    size += next.value.length;
  }
  const head = Buffer.concat(parts);
  async function* all(): AsyncGenerator<Uint8Array> {
    yield head;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { head, rest: all() };
}

function parseReply<T>(result: ExecResult, schema: Schema<T>, label: string): T {
  const start = result.stdout.lastIndexOf(replyPrefix);
  if (start < 0) {
    const why = result.stderr.trim().split('\n').at(-1) ?? '';
    throw new HpcError('remote_command_failed', `The transfer program on ${label} ended without a reply (exit ${result.exitCode ?? 'by a signal'})${why === '' ? '' : `: ${why}`}.`, {
      remediation: 'Try again: no file was left half written.',
      retrySafe: true,
      details: { reason: 'no_reply', stderr: result.stderr.slice(-2000) },
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(result.stdout.slice(start + replyPrefix.length));
  } catch (error) {
    throw new HpcError('remote_command_failed', `${label} sent a reply that is not JSON: ${messageOf(error)}.`, { remediation: 'Try again; report it with the log if it stays.', cause: error });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw failureError(value, label);
}
