/**
 * The few `sh` channels that are kept open, so that a short program costs one round trip.
 *
 * Rules:
 * - A channel is given up, not used again, when its program overran or was aborted, when its frame broke, or when the program may have
 *   left something running that could write into later frames.
 * - A command that needs a channel of its own takes over that of an idle shell, if there is one: nothing is quicker than a channel that is open.
 * - A command that waits for a session of its own gets that of an idle shell, or of the next shell that is done, but for the last shell while
 *   programs wait for it. Where the server allows only one session, the two kinds take turns.
 */
import { CancelledError } from '../../foundation/abort.ts';
import type { RemoteCommand } from '../port.ts';
import type { ByteChannel, ChannelHandlers, OpenChannel } from './byteChannel.ts';
import { mayLeaveSomethingRunning } from './frame.ts';
import type { FrameOutcome } from './framedRun.ts';
import { KeptShell } from './keptShell.ts';
import { createSessionSlots, type SessionSlots } from './sessionSlots.ts';

export interface KeptShellsOptions {
  readonly open: OpenChannel;
  /** The same, for a shell that nobody waits for yet. */
  readonly openAhead: OpenChannel;
  readonly maxShells?: number;
  /** Ends the process group of an aborted program by other means than its channel. */
  readonly endGroup?: (groupId: number) => void;
  /** All sessions are held by programs that were given up and do not end. */
  readonly onStuck: () => void;
}

export interface KeptShells {
  readonly slots: SessionSlots;
  /** Runs the command; `onSent` is called when its text goes out. An abort ends the far program as well as it can be done, and rejects with CancelledError. */
  run(command: RemoteCommand, signal: AbortSignal, onSent: () => void): Promise<FrameOutcome>;
  /**
   * The channel of an idle shell, or of one that is just being opened for nobody, to be used up by one last program (`lastFramedProgram`). Whoever
   * gets it releases its session. Undefined where a channel must be opened.
   */
  lend(handlers: ChannelHandlers, signal: AbortSignal): Promise<ByteChannel | undefined>;
  dispose(): void;
}

interface Waiter {
  readonly resolve: (shell: KeptShell) => void;
  readonly reject: (error: Error) => void;
}

export function createKeptShells(options: KeptShellsOptions): KeptShells {
  const idle: KeptShell[] = [];
  const waiters: Waiter[] = [];
  const openings: AbortController[] = [];
  /** Open and being opened, without those that were given up. */
  let count = 0;
  let disposed = false;

  const slots = createSessionSlots({
    makeRoom: () => {
      const shell = idle.shift();
      if (shell) giveUp(shell, false);
    },
    onStuck: options.onStuck,
  });
  const giveUp = (shell: KeptShell, terminate: boolean): void => {
    if (shell.ended || shell.givenUp) return;
    count -= 1;
    slots.linger();
    shell.giveUp(terminate);
  };
  const limit = (): number => Math.min(options.maxShells ?? 6, slots.capacity);

  const onEnded = (shell: KeptShell): void => {
    const index = idle.indexOf(shell);
    if (index >= 0) idle.splice(index, 1);
    if (shell.givenUp) slots.releaseLingering();
    else {
      count -= 1;
      slots.release();
    }
    pump();
  };

  const openOne = (opener = options.open): void => {
    const controller = new AbortController();
    const shell = new KeptShell(onEnded);
    count += 1;
    openings.push(controller);
    slots.open('kept', () => shell.open(opener), controller.signal).then(
      () => {
        openings.splice(openings.indexOf(controller), 1);
        free(shell, true);
      },
      (error: unknown) => {
        openings.splice(openings.indexOf(controller), 1);
        count -= 1;
        if (!controller.signal.aborted) waiters.shift()?.reject(error as Error);
        pump();
      },
    );
  };

  /** Serves who waits, opens what is missing, and takes back openings that nobody needs any more. */
  const pump = (): void => {
    if (disposed) return;
    while (waiters.length > 0) {
      const shell = idle.pop();
      if (!shell) break;
      waiters.shift()?.resolve(shell);
    }
    while (openings.length < waiters.length && count < limit()) openOne();
    for (const surplus of openings.slice(Math.max(waiters.length, 0))) {
      if (count > limit()) surplus.abort();
    }
  };

  const free = (shell: KeptShell, fresh = false): void => {
    if (shell.ended || shell.givenUp) return;
    // Where the two take turns, a shell that was opened for somebody serves him first.
    const mustShare = !fresh && slots.ownWaiting > 0 && (slots.capacity === 1 || count > 1);
    const waiter = disposed || mustShare ? undefined : waiters.shift();
    if (waiter) waiter.resolve(shell);
    else if (disposed || slots.ownWaiting > 0 || count > limit()) giveUp(shell, false);
    else idle.push(shell);
    pump();
  };

  /** The next command should find a warm one. */
  const openAhead = (): void => {
    if (!disposed && idle.length === 0 && openings.length === 0 && slots.ownWaiting === 0 && count < limit()) openOne(options.openAhead);
  };

  const acquire = (signal: AbortSignal): Promise<KeptShell> => {
    if (disposed || signal.aborted) return Promise.reject(new CancelledError());
    const ready = idle.pop();
    if (ready) return Promise.resolve(ready);
    return new Promise<KeptShell>((resolve, reject) => {
      const forget = (): void => signal.removeEventListener('abort', onAbort);
      const waiter: Waiter = {
        resolve: (shell) => (forget(), resolve(shell)),
        reject: (error) => (forget(), reject(error)),
      };
      const onAbort = (): void => {
        const index = waiters.indexOf(waiter);
        if (index >= 0) waiters.splice(index, 1);
        reject(new CancelledError());
      };
      signal.addEventListener('abort', onAbort, { once: true });
      waiters.push(waiter);
      pump();
    });
  };

  return {
    slots,
    async run(command, signal, onSent) {
      const shell = await acquire(signal);
      if (signal.aborted) {
        free(shell);
        throw new CancelledError();
      }
      const retire = mayLeaveSomethingRunning(command);
      let run;
      try {
        run = shell.start(command);
      } catch (error) {
        free(shell);
        throw error;
      }
      onSent();
      const outcome = await Promise.race([run.outcome, aborted(signal)]);
      if (outcome === undefined) {
        // It may be given up before it has said who it is.
        void run.processId.then(options.endGroup);
        giveUp(shell, true);
        pump();
        throw new CancelledError();
      }
      if (outcome.kind === 'complete' && !retire) free(shell);
      else {
        giveUp(shell, false);
        pump();
        if (outcome.kind === 'complete') openAhead();
      }
      return outcome;
    },
    async lend(handlers, signal) {
      if (slots.ownWaiting > 0 || (idle.length === 0 && openings.length <= waiters.length)) return undefined;
      const shell = await acquire(signal).catch((error: unknown) => {
        // It could not be opened after all.
        if (CancelledError.is(error)) throw error;
        return undefined;
      });
      const channel = shell?.handOver(handlers);
      if (!channel) return undefined;
      count -= 1;
      // Where sessions are scarce, the last one is left to whoever needs it.
      if (slots.free > 1) openAhead();
      return channel;
    },
    dispose() {
      disposed = true;
      for (const opening of openings) opening.abort();
      for (const shell of idle.splice(0)) giveUp(shell, false);
      for (const waiter of waiters.splice(0)) waiter.reject(new CancelledError());
    },
  };
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
