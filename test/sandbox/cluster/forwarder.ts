/**
 * Ports on 127.0.0.1 that lead to the sshd of the login node and of the bastion, with a bad network on demand.
 *
 * Hard rule: the machines' network has no route to the host. A listener lives in the host's network, its relay in the
 * sandbox's; between them is a unix socket, which belongs to no network. The relay ends with its parent's pipe.
 *
 * `node --import tsx forwarder.ts serve <network> <directory> <door>=<port>=<address>...`
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, statSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { DoorFaults, ForwarderReply, ForwarderRequest } from './forwarderProtocol.ts';
import { calmNetwork } from './forwarderProtocol.ts';

/** Bytes held back per direction before the sender is told to wait: about what a long fat pipe holds. */
const maxHeldBytes = 1024 * 1024;

interface Door {
  readonly name: string;
  readonly server: Server;
  readonly pairs: Set<readonly [Socket, Socket]>;
  port: number;
  accepted: number;
  faults: DoorFaults;
  /** Called when the faults change, so that whoever waits looks again. */
  readonly waiting: Set<() => void>;
}

function pause(door: Door, milliseconds: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      door.waiting.delete(wake);
      resolve();
    };
    const timer = milliseconds === undefined ? undefined : setTimeout(wake, milliseconds);
    door.waiting.add(wake);
  });
}

/** Carries one direction; the other has its own call, so each waits half of the round trip. */
function carry(from: Socket, to: Socket, door: Door): void {
  const held: { bytes: Buffer; dueMs: number }[] = [];
  let heldBytes = 0;
  let ended = false;
  let busy = false;

  const drain = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    for (let next = held[0]; next !== undefined && !to.destroyed; next = held[0]) {
      const waitMs = next.dueMs - performance.now();
      if (door.faults.stalled) await pause(door, undefined);
      else if (waitMs > 0) await pause(door, waitMs);
      else {
        const rate = door.faults.bytesPerSecond;
        const piece = rate > 0 ? next.bytes.subarray(0, Math.max(1, Math.ceil(rate / 50))) : next.bytes;
        next.bytes = next.bytes.subarray(piece.length);
        if (next.bytes.length === 0) held.shift();
        heldBytes -= piece.length;
        if (heldBytes < maxHeldBytes) from.resume();
        if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')]).catch(() => undefined);
        if (rate > 0) await pause(door, (piece.length / rate) * 1000);
      }
    }
    busy = false;
    if (ended && held.length === 0) to.end();
  };

  from.on('data', (bytes: Buffer) => {
    held.push({ bytes, dueMs: performance.now() + door.faults.roundTripMs / 2 });
    heldBytes += bytes.length;
    if (heldBytes >= maxHeldBytes) from.pause();
    void drain();
  });
  from.on('end', () => {
    ended = true;
    void drain();
  });
}

function connectPair(client: Socket, upstream: Socket, door: Door): void {
  const pair = [client, upstream] as const;
  door.pairs.add(pair);
  for (const socket of pair) {
    socket.on('error', () => undefined);
    socket.on('close', () => {
      door.pairs.delete(pair);
      client.destroy();
      upstream.destroy();
      for (const wake of [...door.waiting]) wake();
    });
  }
  carry(client, upstream, door);
  carry(upstream, client, door);
}

async function listen(door: Door): Promise<void> {
  if (door.server.listening) return;
  const attempt = async (port: number): Promise<void> => {
    door.server.listen(port, '127.0.0.1');
    await once(door.server, 'listening');
  };
  await attempt(door.port).catch(() => attempt(0));
  door.port = (door.server.address() as AddressInfo).port;
}

async function obey(network: number, doors: ReadonlyMap<string, Door>, request: ForwarderRequest): Promise<ForwarderReply> {
  const door = doors.get(request.door ?? '');
  if (request.door !== undefined && door === undefined) throw new Error(`no such door: ${request.door}`);
  if (request.set !== undefined && door !== undefined) {
    door.faults = { ...door.faults, ...request.set };
    if (door.faults.refused) door.server.close();
    else await listen(door);
    for (const wake of [...door.waiting]) wake();
  }
  if (request.reset === true) for (const [client, upstream] of door?.pairs ?? []) { client.resetAndDestroy(); upstream.destroy(); }
  if (request.quit === true) setTimeout(() => process.exit(0), 10);
  return {
    pid: process.pid,
    network,
    doors: Object.fromEntries([...doors].map(([name, d]) => [name, { port: d.port, open: d.pairs.size, accepted: d.accepted, faults: d.faults }])),
  };
}

async function serve(network: string, directory: string, specs: readonly string[]): Promise<void> {
  const triples = specs.map((spec) => spec.split('=') as [string, string, string]);
  const path = (name: string): string => join(directory, `${name}.sock`);
  const inode = statSync(network).ino;
  for (const [name] of triples) rmSync(path(name), { force: true });
  const relay = spawn(
    'nsenter',
    [`--net=${network}`, '--', process.execPath, '--import', 'tsx', fileURLToPath(import.meta.url), 'relay', ...triples.map(([name, , to]) => `${path(name)}=${to}`)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  relay.on('exit', () => process.exit(1));
  await once(relay.stdout, 'data');

  const doors = new Map<string, Door>();
  for (const [name, port] of triples) {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      door.accepted += 1;
      connectPair(client, connect({ path: path(name), allowHalfOpen: true }), door);
    });
    const door: Door = { name, server, pairs: new Set(), port: Number(port), accepted: 0, faults: calmNetwork, waiting: new Set() };
    doors.set(name, door);
    await listen(door);
  }

  const control = join(directory, 'forwarder.sock');
  rmSync(control, { force: true });
  createServer((socket) => {
    socket.on('error', () => undefined);
    createInterface({ input: socket }).on('line', (line) => {
      obey(inode, doors, JSON.parse(line) as ForwarderRequest)
        .catch((error: unknown) => ({ error: String(error) }))
        .then((reply) => socket.end(`${JSON.stringify(reply)}\n`), () => undefined);
    });
  }).listen(control);
}

/** In the sandbox's network: each unix socket leads to port 22 of one address. */
async function relay(specs: readonly string[]): Promise<void> {
  for (const spec of specs) {
    const [path, host] = spec.split('=') as [string, string];
    const server = createServer({ allowHalfOpen: true }, (client) => {
      const upstream = connect({ host, port: 22, allowHalfOpen: true, noDelay: true });
      for (const [a, b] of [[client, upstream], [upstream, client]] as const) {
        a.on('error', () => b.destroy());
        a.on('close', () => b.destroy());
        a.pipe(b);
      }
    }).listen(path);
    await once(server, 'listening');
  }
  process.stdin.on('close', () => process.exit(0)).resume();
  process.stdout.write('ready\n');
}

const [role, ...rest] = process.argv.slice(2);
process.on('SIGHUP', () => undefined);
if (role === 'serve') await serve(rest[0] ?? '', rest[1] ?? '', rest.slice(2));
else if (role === 'relay') await relay(rest);
