/** What sandbox.ts and the forwarder say to each other: one JSON line each way on a unix socket. */
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

export interface DoorFaults {
  /** Added to every round trip; half of it each way. */
  readonly roundTripMs: number;
  /** Limit each way and per connection; 0: none. */
  readonly bytesPerSecond: number;
  /** Connections stay open and are accepted, but no byte passes. */
  readonly stalled: boolean;
  /** Nobody listens: new connections are refused. Open ones go on. */
  readonly refused: boolean;
}

export const calmNetwork: DoorFaults = { roundTripMs: 0, bytesPerSecond: 0, stalled: false, refused: false };

export interface ForwarderRequest {
  readonly door?: string;
  readonly set?: Partial<DoorFaults>;
  /** Ends the door's open connections with a TCP reset. */
  readonly reset?: boolean;
  readonly quit?: boolean;
}

export interface DoorState {
  readonly port: number;
  readonly open: number;
  /** Connections since the forwarder started. */
  readonly accepted: number;
  readonly faults: DoorFaults;
}

export interface ForwarderReply {
  readonly pid: number;
  /** Which network the relay is in: the inode number of the pinned namespace. */
  readonly network: number;
  readonly doors: Readonly<Record<string, DoorState>>;
}

/** Undefined when no forwarder answers at this socket. */
export async function askForwarder(socketPath: string, request: ForwarderRequest): Promise<ForwarderReply | undefined> {
  const socket = connect(socketPath);
  socket.setTimeout(5000, () => socket.destroy());
  socket.write(`${JSON.stringify(request)}\n`);
  const answer = await text(socket).catch(() => '');
  if (answer === '') return undefined;
  const reply = JSON.parse(answer) as ForwarderReply | { readonly error: string };
  if ('error' in reply) throw new Error(`forwarder: ${reply.error}`);
  return reply;
}
