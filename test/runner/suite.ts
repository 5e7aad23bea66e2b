/** The words of the test driver. A suite is anything that can pass or fail: a set-up step, a check, or files of tests. */

export interface Failure {
  readonly title: string;
  readonly text: string;
}

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly Failure[];
  /** A few words for the suite's line: a version, a size. */
  readonly note?: string;
}

export interface SuiteContext {
  /** Aborts on an interrupt and at the suite's time limit. */
  readonly signal: AbortSignal;
  /** Where the suite's whole output goes. */
  readonly logFile: string;
  /** Told of the processor time of each program that ended, with its children. */
  readonly spent?: (seconds: number) => void;
}

export interface Suite {
  /** `kind:detail`; selections on the command line name a whole suite or its first words. */
  readonly name: string;
  readonly limitMinutes: number;
  /** Suites that must have passed before; when one did not, this one fails without being run. */
  readonly needs: readonly string[];
  /** Things of which there is one: two suites that name the same never run together. */
  readonly locks: readonly string[];
  /** Called before the first suite runs, when this one is to run: whoever is there for several suites learns which is the last. */
  expect?(): void;
  run(context: SuiteContext): Promise<Outcome>;
}

export const passed = (note?: string): Outcome => ({ passed: 1, failed: 0, skipped: 0, failures: [], ...(note === undefined ? {} : { note }) });
export const failed = (title: string, text: string): Outcome => ({ passed: 0, failed: 1, skipped: 0, failures: [{ title, text }] });
