/** The command line's entry: wires the host (terminal, environment, clock) to the surfaces, and loads them only when needed. */
import { readFileSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Log } from './foundation/log.ts';
import type { Services } from './operations/services.ts';

/** Both `src/cli.ts` and `dist/cli.js` lie one folder below the product's root. */
const assetsDirectory = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

function version(): string {
  return (JSON.parse(readFileSync(path.join(assetsDirectory, 'package.json'), 'utf8')) as { version: string }).version;
}

/** Who closed the pipe wants no more (`hpc-agent list-runs | head`): no reason to fail, and nobody to tell. */
function outliveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

async function main(words: readonly string[]): Promise<number> {
  if (words[0] === '--version' || words[0] === '-V') {
    process.stdout.write(`${version()}\n`);
    return 0;
  }
  const abort = new AbortController();
  // The first interrupt cancels and lets the operation answer; the second ends at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => (abort.signal.aborted ? process.exit(130) : abort.abort()));
  const [{ createServices }, { terminalPrompts }, { systemClock }] = await Promise.all([import('./operations/createServices.ts'), import('./surfaces/cli/prompts.ts'), import('./foundation/clock.ts')]);
  const makeServices = (log: Log): Services =>
    createServices({
      version: version(),
      assetsDirectory,
      userHome: os.homedir(),
      home: process.env.HPC_AGENT_HOME ? path.resolve(process.env.HPC_AGENT_HOME) : path.join(os.homedir(), '.hpc-agent'),
      env: process.env,
      prompts: terminalPrompts(),
      log,
      clock: systemClock,
      // Who types a command in a folder has decided to work there.
      trusted: () => true,
    });
  if (words[0] === 'mcp') {
    const { serveMcp } = await import('./surfaces/mcp/serveMcp.ts');
    return serveMcp(words.slice(1), { version: version(), makeServices, signal: abort.signal });
  }
  const { runCli } = await import('./surfaces/cli/runCli.ts');
  return runCli(words, { version: version(), makeServices, signal: abort.signal });
}

outliveClosedPipes();
// Not process.exit(): what was written to a pipe would be cut off.
process.exitCode = await main(process.argv.slice(2));
