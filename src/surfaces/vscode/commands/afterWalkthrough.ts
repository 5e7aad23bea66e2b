/**
 * Commands that are pressed in the walkthrough. Its links say so (`?["walkthrough"]`).
 *
 * Rule: nothing is asked before the walkthrough has settled. When Enter is let go on a button in a step, the editor unfolds that step once more
 * and gives it the focus a quarter of a second later: a question that is open by then would stand there without the keys.
 */
import { sleep } from '../../../foundation/abort.ts';
import type { CommandHandler } from '../commandIds.ts';

/** Longer than a key is held and the step unfolds. */
const settledMs = 450;

export function afterWalkthrough(handler: CommandHandler, settled: () => Promise<void> = () => sleep(settledMs)): CommandHandler {
  return async (argument, selected) => {
    if (argument !== 'walkthrough') return handler(argument, selected);
    await settled();
    return handler();
  };
}
