/** Starts the sandbox's forwarder, or finds the one that runs: the ports on 127.0.0.1 that lead to its machines. */
import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { askForwarder, type ForwarderReply } from './cluster/forwarderProtocol.ts';

export const forwarderSocket = (stateDirectory: string): string => join(stateDirectory, 'run', 'forwarder.sock');

/** `addresses`: of each door's machine. Keeps its ports over restarts as long as nobody else has taken them. */
export async function startForwarder(stateDirectory: string, addresses: Readonly<Record<string, string>>): Promise<ForwarderReply> {
  const socket = forwarderSocket(stateDirectory);
  const runDirectory = dirname(socket);
  const network = join(stateDirectory, 'net');
  const running = await askForwarder(socket, {});
  if (running !== undefined) {
    if (running.network === (await stat(network)).ino) return running;
    await askForwarder(socket, { quit: true });
    await rm(socket, { force: true });
  }
  await mkdir(runDirectory, { recursive: true });
  const portsFile = join(runDirectory, 'ports.json');
  const ports = await readFile(portsFile, 'utf8').then((json) => JSON.parse(json) as Partial<Record<string, number>>, () => undefined);
  const log = await open(join(stateDirectory, 'log', 'forwarder'), 'w');
  // The lock makes a second forwarder of the same sandbox end at once, whoever starts it.
  const child = spawn(
    'flock',
    ['--no-fork', '--wait', '5', join(runDirectory, 'forwarder.lock'), process.execPath, '--import', 'tsx',
      fileURLToPath(new URL('cluster/forwarder.ts', import.meta.url)), 'serve', network, runDirectory,
      ...Object.entries(addresses).map(([door, address]) => `${door}=${ports?.[door] ?? 0}=${address}`)],
    { cwd: dirname(fileURLToPath(import.meta.url)), detached: true, stdio: ['ignore', log.fd, log.fd] },
  );
  child.unref();
  await log.close();
  const deadline = Date.now() + 20_000;
  for (;;) {
    const reply = await askForwarder(socket, {});
    if (reply !== undefined) {
      await writeFile(portsFile, JSON.stringify(Object.fromEntries(Object.entries(reply.doors).map(([door, { port }]) => [door, port]))));
      return reply;
    }
    if (Date.now() > deadline) throw new Error(`the sandbox's forwarder does not start, see ${stateDirectory}/log/forwarder`);
    await sleep(30);
  }
}
