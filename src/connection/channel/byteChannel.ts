/** What a kept shell and a one-off command need of a transport: bytes both ways, and the end. */

export interface ChannelEnd {
  readonly exitCode: number | null;
  /** The signal's name (`SIGKILL`) where one ended the process. */
  readonly signal?: string;
  /** The connection under the channel is gone: why. */
  readonly lost?: string;
}

export interface ChannelHandlers {
  readonly onStdout: (chunk: Buffer) => void;
  readonly onStderr: (chunk: Buffer) => void;
  /** Once, after the last byte. */
  readonly onEnd: (end: ChannelEnd) => void;
}

export interface ByteChannel {
  /** Resolves when the bytes are taken and more may follow. Never rejects: a lost channel says so by `onEnd`. */
  write(data: Uint8Array): Promise<void>;
  /** End of file on the far standard input. */
  end(): void;
  /** Ends the far process, as well as this transport can. */
  terminate(): void;
  /** End of file, and the channel's end as soon as the far process has ended. sshd frees a session only then. */
  finish(): void;
  close(): void;
}

/** Thrown by a transport when the far side allows no further session on this connection (sshd's MaxSessions). */
export class SessionLimitError extends Error {
  override readonly name = 'SessionLimitError';
}

/** Opens a channel whose far end is `line`, read by the login shell. */
export type OpenChannel = (line: string, handlers: ChannelHandlers) => Promise<ByteChannel>;
