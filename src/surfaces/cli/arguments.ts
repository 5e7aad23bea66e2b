/**
 * Reads the command line. The flags of a verb are the keys of its input schema (`task_ids` is `--task-ids`), so there is no
 * second list of them. Pure.
 */
import { HpcError } from '../../foundation/errors.ts';
import { quoteCommand } from '../../foundation/quoting.ts';
import type { JsonSchema } from '../../operations/operation.ts';

export interface GlobalFlags {
  readonly experimentDir: string | undefined;
  readonly spec: string | undefined;
  readonly human: boolean;
  /** Of `reservation-exec` alone: the command's bytes, and no envelope. */
  readonly raw: boolean;
  readonly yes: boolean;
  readonly help: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export interface ParsedArguments {
  readonly flags: GlobalFlags;
  /** The verb's own input, before it is checked by its schema. */
  readonly input: Readonly<Record<string, unknown>>;
}

const logLevels = ['debug', 'info', 'warn', 'error'] as const;

export const flagOf = (key: string): string => `--${key.replaceAll('_', '-')}`;

function usage(message: string, verb: string): HpcError {
  return new HpcError('spec_invalid', message, { remediation: `See \`hpc-agent ${verb} --help\`.` });
}

/** The schemas a value may have, each of one type, in the order of the alternatives. */
export function alternatives(schema: JsonSchema | undefined): readonly JsonSchema[] {
  if (!schema) return [];
  const options = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(options)) return (options as JsonSchema[]).flatMap(alternatives);
  const type: unknown = schema.type;
  return Array.isArray(type) ? (type as string[]).map((one) => ({ ...schema, type: one })) : [schema];
}

/** Text from the command line as the schema wants it; what does not fit is left as text for the schema to refuse. */
export function valueOf(text: string, schema: JsonSchema | undefined): unknown {
  const types = alternatives(schema).map(({ type }) => type);
  if ((types.includes('object') || types.includes('array')) && /^\s*[[{]/.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
  // Where text is welcome beside a list, its commas mean what the text's own reader says: `logspace(1e-4,1,5)`.
  if (types.includes('array') && !types.includes('string')) {
    const items = alternatives(schema).find(({ type }) => type === 'array')?.items as JsonSchema | undefined;
    return text.split(',').flatMap((part): readonly unknown[] => rangeOf(part.trim(), items) ?? [valueOf(part.trim(), items)]);
  }
  // Where text and numbers are both welcome, what looks like a number is one; `"5"` with its quotes stays text.
  if (types.includes('string') && types.length > 1) return scalarOf(text, types);
  if (types.includes('string')) return text;
  if ((types.includes('number') || types.includes('integer')) && text.trim() !== '' && Number.isFinite(Number(text))) return Number(text);
  if (types.includes('boolean') && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

function scalarOf(text: string, types: readonly (string | undefined)[]): unknown {
  if (types.includes('number') && /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) return Number(text);
  if (types.includes('boolean') && (text === 'true' || text === 'false')) return text === 'true';
  if (types.includes('null') && text === 'null') return null;
  if (/^".*"$/s.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
  return text;
}

/** `3-7` in a list of whole numbers. */
function rangeOf(text: string, items: JsonSchema | undefined): readonly number[] | undefined {
  const match = /^(\d+)-(\d+)$/.exec(text);
  if (!match || !['number', 'integer'].includes(items?.type ?? '')) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2])];
  return last < first || last - first > 1_000_000 ? undefined : Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
}

/** Puts a value at `resources.cpus`; throws where the way there is no object. */
function assign(input: Record<string, unknown>, path: readonly string[], value: unknown, verb: string): void {
  const [key = '', ...rest] = path;
  if (key === '__proto__') throw usage('__proto__ cannot be the name of a parameter.', verb);
  if (rest.length === 0) {
    const before = input[key];
    input[key] = Array.isArray(before) && Array.isArray(value) ? [...(before as unknown[]), ...(value as unknown[])] : value;
    return;
  }
  const inner = (input[key] ??= {});
  if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) throw usage(`${flagOf(key)} is given both as a whole and in parts.`, verb);
  assign(inner as Record<string, unknown>, rest, value, verb);
}

function schemaAt(schema: JsonSchema, path: readonly string[]): JsonSchema | undefined {
  let current: JsonSchema | undefined = schema;
  for (const key of path) {
    const objects: readonly JsonSchema[] = alternatives(current).filter(({ type }) => type === 'object');
    current = objects.map((object) => (object.properties && Object.hasOwn(object.properties, key) ? object.properties[key] : undefined) ?? (typeof object.additionalProperties === 'object' ? (object.additionalProperties as JsonSchema) : undefined)).find((found) => found !== undefined);
  }
  return current;
}

/** The keys that a flag's words mean: our own have underscores for dashes; names of the user's (parameters) stay as they are. */
function keysOf(words: readonly string[], schema: JsonSchema): readonly string[] {
  const keys: string[] = [];
  for (const word of words) {
    const key = word.replaceAll('-', '_');
    keys.push(alternatives(schemaAt(schema, keys)).some(({ properties }) => properties && Object.hasOwn(properties, key)) ? key : word);
  }
  return keys;
}

/** The flag of that name which is a part of another: `--walltime` where there is `--resources.walltime`. */
function meantFlag(flag: string, schema: JsonSchema): string {
  const key = flag.slice(2).replaceAll('-', '_');
  const owner = Object.keys(schema.properties ?? {}).find((name) => alternatives(schema.properties?.[name]).some(({ properties }) => properties && Object.hasOwn(properties, key)));
  return owner === undefined ? '' : `; there is --${owner.replaceAll('_', '-')}.${flag.slice(2)}`;
}

export function parseArguments(verb: string, words: readonly string[], schema: JsonSchema, positional: readonly string[]): ParsedArguments {
  const input: Record<string, unknown> = {};
  let flags: GlobalFlags = { experimentDir: undefined, spec: undefined, human: false, raw: false, yes: false, help: false, logLevel: 'warn' };
  const names = [...positional];
  let flagsEnded = false;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--' && !flagsEnded) {
      flagsEnded = true;
      continue;
    }
    if (word === '-h' && !flagsEnded) {
      flags = { ...flags, help: true };
      continue;
    }
    if (flagsEnded || !word.startsWith('--')) {
      // What a flag has said already has no place: the 60 of `--command x --wait 60` must not become the command.
      while (names[0] !== undefined && input[names[0]] !== undefined) names.shift();
      const name = names.shift();
      // As after `srun` or `ssh`: the words of a program are one command, each as it was given.
      if (flagsEnded && name === 'command' && at + 1 < words.length) {
        assign(input, [name], quoteCommand(words.slice(at)), verb);
        break;
      }
      if (name === undefined) {
        const missing = (schema.required ?? []).filter((key) => input[key] === undefined && !words.includes(flagOf(key)));
        throw usage(`${JSON.stringify(word)} is one word too many for ${verb}: it takes ${positional.length === 0 ? 'flags only' : `${positional.map((key) => `<${key}>`).join(' ')} and flags`}${missing.length === 0 ? '' : `, and lacks ${missing.map(flagOf).join(', ')}`}.`, verb);
      }
      assign(input, [name], valueOf(word, schemaAt(schema, [name])), verb);
      continue;
    }
    const equals = word.indexOf('=');
    const flag = equals < 0 ? word : word.slice(0, equals);
    const inline = equals < 0 ? undefined : word.slice(equals + 1);
    const next = (): string => {
      if (inline !== undefined) return inline;
      const value = words[(at += 1)];
      if (value === undefined) throw usage(`${flag} needs a value.`, verb);
      return value;
    };
    if (flag === '--raw' && verb === 'reservation-exec') {
      flags = { ...flags, raw: true };
      continue;
    }
    switch (flag) {
      case '--help':
        flags = { ...flags, help: true };
        continue;
      case '--human':
        flags = { ...flags, human: true };
        continue;
      case '--json':
        flags = { ...flags, human: false };
        continue;
      case '--yes':
        flags = { ...flags, yes: true };
        continue;
      case '--experiment-dir':
        flags = { ...flags, experimentDir: next() };
        continue;
      case '--spec':
        flags = { ...flags, spec: next() };
        continue;
      case '--log-level': {
        const level = next();
        const known = logLevels.find((candidate) => candidate === level);
        if (!known) throw usage(`--log-level is ${JSON.stringify(level)}; it can be ${logLevels.join(', ')}.`, verb);
        flags = { ...flags, logLevel: known };
        continue;
      }
    }
    const negated = flag.startsWith('--no-') && schemaAt(schema, [flag.slice(5).replaceAll('-', '_')])?.type === 'boolean';
    const path = keysOf((negated ? flag.slice(5) : flag.slice(2)).split('.'), schema);
    const at_ = schemaAt(schema, path);
    if (!at_) throw usage(`${verb} has no flag ${flag}${meantFlag(flag, schema)}.`, verb);
    const isSwitch = alternatives(at_).every(({ type }) => type === 'boolean');
    if (!isSwitch) {
      assign(input, path, valueOf(next(), at_), verb);
      continue;
    }
    // `--overwrite`, `--no-overwrite`, `--overwrite=true`, and `--overwrite true` as for flags that also take something else.
    const said = inline ?? (words[at + 1] === 'true' || words[at + 1] === 'false' ? next() : 'true');
    if (said !== 'true' && said !== 'false') throw usage(`${flag} is ${JSON.stringify(said)}; it can be true or false.`, verb);
    assign(input, path, (said === 'true') !== negated, verb);
  }
  return { flags, input };
}
