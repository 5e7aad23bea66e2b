/** A listener on this machine's loopback, whose connections go on by `connect`. Rule: loopback only, so that nobody else on the network is let in. */
import { createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CancelledError } from '../foundation/abort.ts';
import { HpcError, messageOf } from '../foundation/errors.ts';
import type { Log } from '../foundation/log.ts';
import type { ForwardedPort } from './port.ts';

export function listenAndForward(options: { connect: () => Promise<Duplex>; localPort: number | undefined; signal: AbortSignal | undefined; log: Log }): Promise<ForwardedPort> {
  if (options.signal?.aborted) return Promise.reject(new CancelledError());
  const sockets = new Set<Duplex>();
  const join = (socket: Socket, far: Duplex): void => {
    sockets.add(far);
    const drop = (): void => {
      socket.destroy();
      far.destroy();
    };
    // An end is passed on by the pipes, after what came before it; only a failure cuts both at once.
    for (const side of [socket, far]) side.on('error', drop).on('close', () => sockets.delete(side));
    far.on('close', () => socket.end());
    socket.on('close', () => far.destroy());
    socket.pipe(far).pipe(socket);
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    options.connect().then(
      (far) => (socket.destroyed ? far.destroy() : join(socket, far)),
      (error: unknown) => {
        options.log.warn('a forwarded connection could not be made', { reason: messageOf(error) });
        socket.destroy();
        sockets.delete(socket);
      },
    );
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(new HpcError('config_invalid', `Port ${options.localPort ?? 0} on this machine cannot be listened on: ${error.message}.`, { remediation: 'Name another local port, or none to take a free one.', cause: error }));
    });
    server.listen(options.localPort ?? 0, '127.0.0.1', () => {
      const address = server.address();
      resolve({
        localPort: typeof address === 'object' && address !== null ? address.port : 0,
        dispose: () => {
          server.close();
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}
