/**
 * Talks to a running ssh master over its control socket (OpenSSH's PROTOCOL.mux, version 4), without a process for each question.
 *
 * Rule: the socket is held open for as long as the link lives. While it is, a master does not end for want of clients; when the master ends, the
 * socket says so at once; when this process ends, however it does, the master's own ControlPersist clock starts.
 */
import * as net from 'node:net';

export interface MuxControl {
  /** Resolves when the master has gone. */
  readonly closed: Promise<void>;
  /** The master's process id, or undefined where it does not answer in time. */
  alive(limitMs: number): Promise<number | undefined>;
  /** Asks it to end now, and everything that goes over it. */
  terminate(): void;
  /** Lets go of it. */
  release(): void;
}

const type = { hello: 0x0000_0001, terminate: 0x1000_0005, aliveCheck: 0x1000_0004, alive: 0x8000_0005 } as const;
const version = 4;
const longestPacket = 64 * 1024;

function packet(...words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 + 4 * words.length);
  [4 * words.length, ...words].forEach((word, index) => bytes.writeUInt32BE(word, 4 * index));
  return bytes;
}

/** `absent`: no master listens there (a socket that a dead one left is as good as none). `silent`: one does, but does not answer within the limit. */
export async function openMuxControl(path: string, limitMs: number): Promise<(MuxControl & { readonly pid: number }) | 'absent' | 'silent'> {
  const socket = net.connect(path);
  const connected = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  });
  if (!connected) return 'absent';
  const waiting = new Map<number, (pid: number) => void>();
  let lastId = 0;
  let pending: Buffer = Buffer.alloc(0);
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('data', (data: Buffer) => {
    pending = Buffer.concat([pending, data]);
    for (;;) {
      if (pending.length < 4) return;
      const length = pending.readUInt32BE(0);
      if (length > longestPacket) {
        socket.destroy();
        return;
      }
      if (pending.length < 4 + length) return;
      const body = pending.subarray(4, 4 + length);
      pending = pending.subarray(4 + length);
      if (body.length >= 12 && body.readUInt32BE(0) === type.alive) waiting.get(body.readUInt32BE(4))?.(body.readUInt32BE(8));
    }
  });
  socket.write(packet(type.hello, version));
  const alive = async (aliveLimitMs: number): Promise<number | undefined> => {
    const id = ++lastId;
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise<number>((resolve) => waiting.set(id, resolve));
    const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), aliveLimitMs)));
    if (!socket.destroyed) socket.write(packet(type.aliveCheck, id));
    try {
      return await Promise.race([answer, late, closed.then(() => undefined)]);
    } finally {
      clearTimeout(timer);
      waiting.delete(id);
    }
  };
  const pid = await alive(limitMs);
  if (pid === undefined) {
    socket.destroy();
    return 'silent';
  }
  // What commands wait for keeps this process alive, not this.
  socket.unref();
  return {
    pid,
    closed,
    alive,
    terminate: () => {
      if (!socket.destroyed) socket.end(packet(type.terminate, ++lastId));
    },
    release: () => socket.destroy(),
  };
}
