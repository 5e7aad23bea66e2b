/**
 * Serves the catalogue's tools to an agent over standard input and output (Model Context Protocol).
 *
 * Rule: a tool that changes something is run only when a person agreed: through the client's own question (elicitation), with
 * the resolved sentence; or because the person who started the server gave --allow-mutations. Otherwise the answer says so.
 */
import * as path from 'node:path';
import type { jsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/types.js';
import { HpcError } from '../../foundation/errors.ts';
import { createLog, type Log } from '../../foundation/log.ts';
import { loadCatalogue } from '../../operations/catalogue.ts';
import { errorEnvelope, successEnvelope, type Envelope } from '../../operations/envelope.ts';
import type { Operation, OperationContext } from '../../operations/operation.ts';
import type { Services } from '../../operations/services.ts';

export interface McpHost {
  readonly version: string;
  readonly makeServices: (log: Log) => Services;
  readonly signal: AbortSignal;
}

export const toolName = (operation: Operation): string => `hpc_${operation.name.replaceAll('-', '_')}`;

interface ServerOptions {
  readonly experimentDir: string;
  readonly allowMutations: boolean;
}

export function parseServerOptions(words: readonly string[]): ServerOptions {
  let experimentDir = '.';
  let allowMutations = false;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at];
    if (word === '--allow-mutations') allowMutations = true;
    else if (word === '--experiment-dir' && words[at + 1] !== undefined) experimentDir = words[(at += 1)] ?? '.';
    else throw new HpcError('spec_invalid', `mcp has no flag ${JSON.stringify(word)}.`, { remediation: 'It takes --experiment-dir <folder> and --allow-mutations.' });
  }
  return { experimentDir: path.resolve(experimentDir), allowMutations };
}

/** A person's answer is yes or no: the form of our question has no fields that could be wrong. */
const noFields: jsonSchemaValidator = { getValidator: () => (input) => ({ valid: true, data: input as never, errorMessage: undefined }) };

/** Serves until the client closes the connection; the exit status. */
export async function serveMcp(words: readonly string[], host: McpHost): Promise<number> {
  let options: ServerOptions;
  try {
    options = parseServerOptions(words);
  } catch (error) {
    process.stdout.write(`${JSON.stringify(errorEnvelope(error))}\n`);
    return 1;
  }
  const [{ Server }, { StdioServerTransport }, types] = await Promise.all([
    import('@modelcontextprotocol/sdk/server/index.js'),
    import('@modelcontextprotocol/sdk/server/stdio.js'),
    import('@modelcontextprotocol/sdk/types.js'),
  ]);
  const services = host.makeServices(createLog((record) => process.stderr.write(`${JSON.stringify(record)}\n`), 'hpc-agent', 'warn'));
  const tools = (await loadCatalogue()).filter(({ tool }) => tool);
  const server = new Server({ name: 'hpc-agent', version: host.version }, { capabilities: { tools: {} }, jsonSchemaValidator: noFields });

  server.setRequestHandler(types.ListToolsRequestSchema, () => ({
    tools: tools.map((operation) => ({
      name: toolName(operation),
      description: `${operation.summary} ${operation.guidance}`,
      inputSchema: { ...operation.inputSchema(), type: 'object' as const },
      annotations: { title: operation.summary, readOnlyHint: !operation.confirms, destructiveHint: operation.name === 'cancel', idempotentHint: operation.idempotent, openWorldHint: true },
    })),
  }));

  server.setRequestHandler(types.CallToolRequestSchema, async (request, { signal, sendNotification, _meta }) => {
    const operation = tools.find((candidate) => toolName(candidate) === request.params.name);
    const token = _meta?.progressToken;
    let step = 0;
    const context: OperationContext = {
      services,
      experimentDir: options.experimentDir,
      signal: AbortSignal.any([signal, host.signal]),
      progress: ({ message }) => {
        if (token !== undefined) void sendNotification({ method: 'notifications/progress', params: { progressToken: token, progress: (step += 1), message } }).catch(() => undefined);
      },
    };
    const confirm = async (sentence: string): Promise<boolean> => {
      if (options.allowMutations) return true;
      if (server.getClientCapabilities()?.elicitation === undefined) {
        throw new HpcError('spec_invalid', `This needs a person's consent: ${sentence}`, { remediation: 'Ask the person to start the server with --allow-mutations, to use a client that can ask them, or to do it in the editor.' });
      }
      const answer = await server.elicitInput({ message: sentence, requestedSchema: { type: 'object', properties: {} } }, { signal });
      return answer.action === 'accept';
    };
    const envelope = operation ? await call(operation, request.params.arguments ?? {}, context, confirm) : errorEnvelope(new HpcError('spec_invalid', `There is no tool ${JSON.stringify(request.params.name)}.`));
    return { content: [{ type: 'text' as const, text: JSON.stringify(envelope) }], isError: !envelope.ok };
  });

  const closed = new Promise<void>((resolve) => {
    server.onclose = resolve;
    host.signal.addEventListener('abort', () => resolve(), { once: true });
    process.stdin.on('end', resolve);
  });
  await server.connect(new StdioServerTransport());
  await closed;
  services.dispose();
  return 0;
}

async function call(operation: Operation, input: unknown, context: OperationContext, confirm: (sentence: string) => Promise<boolean>): Promise<Envelope> {
  try {
    const sentence = operation.confirms ? await operation.confirmation(input, context) : undefined;
    if (sentence !== undefined && !(await confirm(sentence))) throw new HpcError('spec_invalid', `The person declined: ${sentence}`, { remediation: 'Ask them what they would like instead.' });
    return successEnvelope(await operation.invoke(input, context), operation.idempotent);
  } catch (error) {
    return errorEnvelope(error);
  }
}
