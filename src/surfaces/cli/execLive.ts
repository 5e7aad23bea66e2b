/**
 * `reservation exec` for people and pipes: what the command prints comes as it prints it, and its exit status is ours.
 *
 * Rule: standard output holds the command's bytes and nothing else. What we have to say goes to standard error; where we
 * failed, and not the command, the status is 255, as with ssh.
 */
import { CancelledError } from '../../foundation/abort.ts';
import { errorEnvelope } from '../../operations/envelope.ts';
import type { OperationContext } from '../../operations/operation.ts';
import { statusOf, streamReservationCommand } from '../../operations/reservations/exec.ts';
import { renderHuman } from './human.ts';
import { plain } from './terminal.ts';

const ownFailure = 255;
const interrupted = 130;

/** `says`: also how it ended, where that was not well. */
export async function execLive(input: unknown, says: boolean, context: OperationContext): Promise<number> {
  const { stdout, stderr } = process;
  try {
    const { exitCode, signal, note, node } = await streamReservationCommand(input, { onStdout: (chunk) => void stdout.write(chunk), onStderr: (chunk) => void stderr.write(chunk) }, context);
    const status = statusOf({ exit_code: exitCode, signal, note });
    if (status !== 0 && says) stderr.write(`[${plain(node)}: ${exitCode === null ? `ended by signal ${signal ?? '?'}` : `exit status ${exitCode}`}${note === null ? '' : `, ${plain(note)}`}]\n`);
    return status;
  } catch (error) {
    if (CancelledError.is(error)) {
      stderr.write('Cancelled: the command there was ended.\n');
      return interrupted;
    }
    stderr.write(`${renderHuman('reservation-exec', errorEnvelope(error))}\n`);
    return ownFailure;
  }
}
