/** `--help`, made from the catalogue. */
import type { JsonSchema, Operation } from '../../operations/operation.ts';
import { alternatives, flagOf } from './arguments.ts';

function typeOf(schema: JsonSchema): string {
  const options = alternatives(schema);
  if (options.length > 1) return [...new Set(options.map(typeOf))].join('|');
  if (Array.isArray(schema.enum)) return (schema.enum as unknown[]).join('|');
  if (schema.type === 'array') return `${typeOf((schema.items as JsonSchema | undefined) ?? {})},…`;
  return schema.type ?? 'value';
}

/** How an object is given piece by piece. */
function partsOf(key: string, property: JsonSchema): string {
  if (property.type !== 'object') return '';
  if (property.properties) return `In parts: ${Object.keys(property.properties).map((part) => `${flagOf(key)}.${part.replaceAll('_', '-')}`).join(' ')}`;
  const values = property.additionalProperties as JsonSchema | undefined;
  const isNested = alternatives(values).some(({ type }) => type === 'object');
  return isNested || typeof values !== 'object' ? 'As JSON.' : `In parts: ${flagOf(key)}.NAME <${typeOf(values)}>, or as JSON.`;
}

export function verbHelp(operation: Operation): string {
  const schema = operation.inputSchema();
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([key, property]): [string, string] => [
    `  ${flagOf(key)} ${property.type === 'boolean' ? '' : `<${typeOf(property)}>`}`.trimEnd(),
    [required.has(key) ? 'required.' : '', typeof property.description === 'string' ? property.description : '', partsOf(key, property)].filter((text) => text !== '').join(' '),
  ]);
  const width = Math.min(46, Math.max(0, ...rows.map(([left]) => left.length)));
  return [
    `hpc-agent ${operation.name}${operation.positional.map((name) => (required.has(name) ? ` <${name}>` : ` [${name}]`)).join('')} [flags]`,
    '',
    operation.summary,
    operation.guidance,
    '',
    ...rows.map(([left, right]) => `${left.padEnd(width)}  ${right}`.trimEnd()),
    '',
    ...(operation.positional.includes('command') ? ['The command may also stand at the end, after --: a shell command as one word, or a program and its arguments.', ''] : []),
    ...(operation.name === 'reservation-exec' ? execFlags : []),
    ...globalFlags(operation.confirms),
  ].join('\n');
}

const execFlags = [
  'How its output comes:',
  '  (without a flag)           one line of JSON at its end, with the end of each stream; the exit status is the command’s',
  '  --human                    as it is printed, on the same streams; then how it ended, where that was not well',
  '  --raw                      as it is printed, and nothing else on standard output',
  '  The exit status is the command’s, 128 + n after signal n, 124 after --timeout, 130 when interrupted (which ends the command',
  '  there); where HPC Agent itself failed, 255 with --human or --raw, else 1, 2 or 3 with an envelope that says "ok":false.',
  '',
];

function globalFlags(confirms: boolean): string[] {
  return [
    'For every verb:',
    '  --experiment-dir <folder>  the workspace (default: here)',
    '  --spec <file|->            the whole input as JSON; flags win over it',
    '  --human                    progress, tables and sentences instead of one line of JSON',
    ...(confirms ? ['  --yes                      do it without being asked'] : []),
    '  --log-level <level>        debug, info, warn (default), error; JSON lines on standard error',
  ];
}

export function generalHelp(catalogue: readonly Operation[], version: string): string {
  const width = Math.max(...catalogue.map(({ name }) => name.length));
  return [
    `hpc-agent ${version}: parameter sweeps as job arrays on clusters, or on this machine.`,
    '',
    'hpc-agent <verb> [flags]; standard output is one line of JSON, the exit status 0 (ok), 1 (user), 2 (cluster or network), 3 (internal).',
    '',
    ...catalogue.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    `  ${'mcp'.padEnd(width)}  Serve the tools to an agent over standard input and output (Model Context Protocol).`,
    '',
    ...globalFlags(true),
  ].join('\n');
}
