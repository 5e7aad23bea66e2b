/** One attempt to sign in: who answers, how long it may take while nobody is being asked, and what ended it. */
import { CancelledError } from '../../foundation/abort.ts';
import type { Log } from '../../foundation/log.ts';
import { ConnectFailure } from '../failure.ts';
import { createPatience } from '../patience.ts';
import type { PromptPort } from '../port.ts';
import { createAnswers, type Answers } from './answers.ts';

export interface SignInOptions {
  readonly who: string;
  readonly place: string;
  readonly stops: number;
  readonly limitMs: number;
  readonly prompts: PromptPort;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly remembered: Map<string, string>;
  readonly rememberPasswords: boolean;
  readonly asked: () => void;
}

export interface SignIn {
  readonly answers: Answers;
  /** Rejects when the attempt is to end early: cancelled, out of time, or refused by an answer. */
  readonly stopped: Promise<never>;
  dispose(): void;
}

export function beginSignIn(options: SignInOptions): SignIn {
  let stop: (error: Error) => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => (stop = reject));
  stopped.catch(() => undefined);
  const patience = createPatience(options.limitMs, () => stop(new ConnectFailure('transport', `${options.place} did not complete the connection within ${options.limitMs / 1000} s.`, 'The host may be overloaded: try later.')));
  const onAbort = (): void => stop(new CancelledError());
  if (options.signal.aborted) onAbort();
  options.signal.addEventListener('abort', onAbort, { once: true });
  const answers = createAnswers({ ...options, giveUp: stop, whileAsking: (answer) => patience.whileAsking(answer) });
  return {
    answers,
    stopped,
    dispose: () => {
      patience.dispose();
      options.signal.removeEventListener('abort', onAbort);
    },
  };
}
