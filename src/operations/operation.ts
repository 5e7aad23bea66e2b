/**
 * The shape of an operation: one thing the product can do, declared once. From the declaration come the CLI verb, the
 * JSON Schemas, the language-model tool, the MCP tool and the reference page. A surface knows operations and nothing below.
 *
 * Rules: input is parsed by the schema before `run` sees it (unknown keys are refused); `run` throws only HpcError or
 * CancelledError; `confirm` has no side effects and speaks in resolved values (cluster, command, task count, node-hours).
 */
import * as z from 'zod/mini';
import { HpcError } from '../foundation/errors.ts';
import type { ReportProgress } from '../foundation/progress.ts';
import type { Services } from './services.ts';

/** `query` reads; `validate` judges input; `scaffold` writes workspace files; `submit`, `mutate` and `workflow` change the cluster or the record of it. */
export type OperationKind = 'query' | 'validate' | 'scaffold' | 'submit' | 'mutate' | 'workflow';

export interface OperationContext {
  readonly services: Services;
  /** The workspace folder: where `.hpc/` is or will be. */
  readonly experimentDir: string;
  readonly signal: AbortSignal;
  readonly progress: ReportProgress;
}

export interface OperationDeclaration<Input, Output> {
  /** Kebab-case; the CLI verb and, with underscores, the MCP tool. */
  readonly name: string;
  readonly kind: OperationKind;
  /** One sentence for people: menus, `--help`. */
  readonly summary: string;
  /** For agents: what it is for, when not to use it, what to do next. */
  readonly guidance: string;
  readonly input: z.ZodMiniType<Input>;
  readonly output: z.ZodMiniType<Output>;
  readonly idempotent: boolean;
  /** Whether agents are offered it as a tool (editor and MCP), beside the command line. */
  readonly tool: boolean;
  /** Positional words of the CLI verb, by input key, in order. */
  readonly positional?: readonly string[];
  /** What will happen, in one sentence; undefined where this very input needs no confirmation. */
  readonly confirm?: (input: Input, context: OperationContext) => Promise<string | undefined>;
  readonly run: (input: Input, context: OperationContext) => Promise<Output>;
}

/** An operation whose types are known only to itself: what a surface holds. */
export interface Operation {
  readonly name: string;
  readonly kind: OperationKind;
  readonly summary: string;
  readonly guidance: string;
  readonly idempotent: boolean;
  readonly tool: boolean;
  readonly positional: readonly string[];
  readonly confirms: boolean;
  /** JSON Schema 2020-12. */
  inputSchema(): JsonSchema;
  outputSchema(): JsonSchema;
  /** The confirmation sentence for this input, or undefined where none is needed. Parses the input. */
  confirmation(input: unknown, context: OperationContext): Promise<string | undefined>;
  /** Parses the input, runs, returns data that fits the output schema. */
  invoke(input: unknown, context: OperationContext): Promise<unknown>;
}

export interface JsonSchema {
  readonly [key: string]: unknown;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** An operation that can also be called with its types by the code that imports it. */
export interface TypedOperation<Input, Output> extends Operation {
  call(input: Input, context: OperationContext): Promise<Output>;
}

/** The mini build of zod says only "Invalid input" where a schema has no words of its own. */
function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.message !== 'Invalid input') return issue.message;
  switch (issue.code) {
    case 'unrecognized_keys':
      return `there is no ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}`;
    case 'invalid_type':
      return `expected ${issue.expected}`;
    case 'invalid_value':
      return `expected one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'too_small':
      return `expected ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${['array', 'set', 'map'].includes(issue.origin) ? ' of them' : ''}`;
    case 'too_big':
      return `expected ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`;
    case 'invalid_union':
      return [...new Set(issue.errors.flatMap((errors) => errors.map(wordsOf)))].join(' or ') || issue.message;
    default:
      return issue.message;
  }
}

/** A zod issue as `path: message`, so that the reader finds the culprit. */
function describeIssues(error: z.core.$ZodError): string {
  return error.issues
    .slice(0, 5)
    .map((issue) => (issue.path.length > 0 ? `${issue.path.map(String).join('.')}: ${wordsOf(issue)}` : wordsOf(issue)))
    .join('; ');
}

export function parseInput<T>(name: string, schema: z.ZodMiniType<T>, input: unknown): T {
  const result = z.safeParse(schema, input);
  if (result.success) return result.data;
  throw new HpcError('spec_invalid', `The input of ${name} is not valid: ${describeIssues(result.error)}.`, {
    remediation: `See \`hpc-agent ${name} --help\` or schemas/${name}.input.json for what it takes.`,
    details: { issues: result.error.issues.slice(0, 20).map((issue) => ({ path: issue.path.map(String), message: wordsOf(issue) })) },
  });
}

/** The inputs that name a run. */
const runKeys = ['run_id', 'canary_run_id', 'resume'] as const;

/** A person or an agent may name a run by more than its id. */
async function meant<Input>(input: Input, { experimentDir }: OperationContext): Promise<Input> {
  if (typeof input !== 'object' || input === null || !runKeys.some((key) => key in input)) return input;
  const { runIdMeantBy } = await import('./runReference.ts');
  const words = input as Readonly<Record<string, unknown>>;
  const ids = await Promise.all(runKeys.flatMap((key) => (typeof words[key] === 'string' ? [runIdMeantBy(words[key], experimentDir).then((id) => [key, id] as const)] : [])));
  return { ...input, ...Object.fromEntries(ids) };
}

export function defineOperation<Input, Output>(declaration: OperationDeclaration<Input, Output>): TypedOperation<Input, Output> {
  const { name, input: inputSchema, output: outputSchema, confirm, run } = declaration;
  return {
    name,
    kind: declaration.kind,
    summary: declaration.summary,
    guidance: declaration.guidance,
    idempotent: declaration.idempotent,
    tool: declaration.tool,
    positional: declaration.positional ?? [],
    confirms: confirm !== undefined,
    inputSchema: () => z.toJSONSchema(inputSchema, { io: 'input' }) as JsonSchema,
    outputSchema: () => z.toJSONSchema(outputSchema, { unrepresentable: 'any' }) as JsonSchema,
    confirmation: async (raw, context) => confirm?.(await meant(parseInput(name, inputSchema, raw), context), context),
    invoke: async (raw, context) => run(await meant(parseInput(name, inputSchema, raw), context), context),
    call: (input, context) => run(input, context),
  };
}
