/**
 * Decides which suites run when: in the order of the list as far as needs, locks and the number of places allow.
 *
 * Rule: a suite whose needs did not pass is failed, never left out.
 */
import { failed, type Outcome, type Suite } from './suite.ts';

export interface ScheduleOptions {
  readonly places: number;
  readonly run: (suite: Suite) => Promise<Outcome>;
  readonly done: (suite: Suite, outcome: Outcome, ms: number) => void;
  readonly signal: AbortSignal;
}

/** The selected suites with all that they need, in the order of the list. */
export function select(suites: readonly Suite[], words: readonly string[]): readonly Suite[] {
  const matches = (suite: Suite, word: string): boolean => suite.name === word || suite.name.startsWith(`${word}:`);
  const stranger = words.find((word) => !suites.some((suite) => matches(suite, word)));
  if (stranger !== undefined) throw new Error(`There is no suite ${stranger}. There are: ${suites.map(({ name }) => name).join(', ')}.`);
  const wanted = new Set<string>();
  const add = (suite: Suite): void => {
    if (wanted.has(suite.name)) return;
    wanted.add(suite.name);
    for (const need of suite.needs) {
      const found = suites.find(({ name }) => name === need);
      if (!found) throw new Error(`${suite.name} needs ${need}, which is no suite.`);
      add(found);
    }
  };
  for (const suite of suites) if (words.length === 0 || words.some((word) => matches(suite, word))) add(suite);
  return suites.filter(({ name }) => wanted.has(name));
}

export async function schedule(suites: readonly Suite[], options: ScheduleOptions): Promise<void> {
  const waiting = [...suites];
  const running = new Map<Suite, Promise<void>>();
  const results = new Map<string, boolean>();
  const settle = (suite: Suite, outcome: Outcome, ms: number): void => {
    results.set(suite.name, outcome.failed === 0);
    options.done(suite, outcome, ms);
  };
  const start = (suite: Suite): void => {
    const startedMs = performance.now();
    const work = options
      .run(suite)
      .catch((error: unknown) => failed('the suite itself', error instanceof Error ? (error.stack ?? error.message) : String(error)))
      .then((outcome) => {
        running.delete(suite);
        settle(suite, outcome, performance.now() - startedMs);
      });
    running.set(suite, work);
  };
  const isReady = (suite: Suite): boolean => suite.needs.every((need) => results.get(need) === true);
  const takesNone = (suite: Suite, locks: readonly string[]): boolean => !locks.some((lock) => suite.locks.includes(lock));
  const mayStart = (suite: Suite): boolean => running.size < options.places && isReady(suite) && takesNone(suite, [...running.keys()].flatMap(({ locks }) => locks));
  while (waiting.length > 0 || running.size > 0) {
    // Of two chains one thing is always taken: who needs both would come last of all, if those after it did not leave it what is free.
    const kept: string[] = [];
    for (const suite of [...waiting]) {
      const broken = suite.needs.find((need) => results.get(need) === false);
      const verdict = options.signal.aborted ? 'The tests were interrupted.' : broken === undefined ? undefined : `It needs ${broken}, which failed.`;
      if (verdict === undefined && (!mayStart(suite) || !takesNone(suite, kept))) {
        if (suite.locks.length > 1 && isReady(suite)) kept.push(...suite.locks);
        continue;
      }
      waiting.splice(waiting.indexOf(suite), 1);
      if (verdict === undefined) start(suite);
      else settle(suite, failed('not run', verdict), 0);
    }
    if (running.size > 0) await Promise.race(running.values());
    else if (waiting.length > 0 && !waiting.some((suite) => mayStart(suite) || suite.needs.some((need) => results.get(need) === false))) {
      throw new Error(`These suites wait for each other: ${waiting.map(({ name }) => name).join(', ')}.`);
    }
  }
}
