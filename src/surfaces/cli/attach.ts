/** `reservation attach` in a real terminal: raw bytes both ways, its size followed, the terminal left as it was. */
import type { OperationContext } from '../../operations/operation.ts';
import { openReservationTerminal } from '../../operations/reservations/attach.ts';
import { plain } from './terminal.ts';

/** Whether a person's terminal is on both ends of this process. */
export function hasTerminal(): boolean {
  return process.stdin.isTTY && process.stdout.isTTY;
}

/** The exit status of what ran there. */
export async function attachTerminal(name: string, context: OperationContext): Promise<number> {
  const { stdin, stdout } = process;
  const size = (): { columns: number; rows: number } => ({ columns: stdout.columns, rows: stdout.rows });
  const { session, title, endedBecause } = await openReservationTerminal(name, { size: size(), onData: (chunk) => void stdout.write(chunk) }, context);
  const onInput = (chunk: Buffer): void => session.write(chunk);
  const onResize = (): void => session.resize(size());
  stdin.setRawMode(true);
  stdin.on('data', onInput);
  stdin.resume();
  stdout.on('resize', onResize);
  try {
    const code = await session.ended;
    if (code === null) process.stderr.write(`\r\nThe terminal in ${title} is closed. ${plain(endedBecause?.() ?? '')}\r\n`);
    return code ?? 2;
  } finally {
    stdin.off('data', onInput);
    stdout.off('resize', onResize);
    stdin.setRawMode(false);
    stdin.pause();
    session.dispose();
  }
}
