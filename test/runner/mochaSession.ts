/**
 * One process for several suites of mocha files, one after the other: what is dear to load and to start (the tests' own code, a browser) is
 * loaded and started once. Each suite has its own results, its own limit and its own end.
 *
 * Rule: a suite that crashes the process, or has to be stopped, takes only itself with it: the next one gets a new process. What would not let
 * the process end after the last suite, and what it leaves running, is a failure of that last one.
 */
import * as path from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { mochaProgram, type MochaMessage } from './mochaMessages.ts';
import { runProgram, type ProgramEnd } from './programs.ts';
import { failed, type Failure, type Outcome, type SuiteContext } from './suite.ts';

const graceAfterEndMs = 20_000;

interface Running {
  readonly child: ChildProcess;
  readonly stop: () => void;
  readonly ended: Promise<ProgramEnd>;
  /** Takes the output since it was last asked. */
  output(): string;
  /** Processor time of which a suite was told. */
  told: number;
}

export class MochaSession {
  private expected = 0;
  private done = 0;
  private running: Running | undefined;

  constructor(
    private readonly name: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /** Once for each suite that will run: after the last of them the process is ended. */
  expect(): void {
    this.expected += 1;
  }

  async run(files: readonly string[], context: SuiteContext): Promise<Outcome> {
    this.done += 1;
    if (files.length === 0) return failed('test files', 'There are none.');
    const running = (this.running ??= this.start(context));
    const failures: Failure[] = [];
    const outcome = await this.results(running, files, context, failures);
    if (this.done >= this.expected && this.running !== undefined) failures.push(...(await this.close(context)));
    return { passed: outcome.passes, failed: failures.length, skipped: 0, failures };
  }

  private async results(running: Running, files: readonly string[], { signal, spent }: SuiteContext, failures: Failure[]): Promise<{ readonly passes: number }> {
    let passes = 0;
    let current = 'loading the files';
    running.output();
    const onAbort = (): void => running.stop();
    const ended = new Promise<true>((resolve) => {
      const listener = (message: MochaMessage): void => {
        if (message.kind === 'pass') {
          passes += 1;
          current = `after: ${message.title}`;
        } else if (message.kind === 'pending') failures.push({ title: message.title, text: 'Skipped tests are not allowed.' });
        else if (message.kind === 'fail') failures.push({ title: message.title, text: message.text });
        else if (message.kind === 'crash') failures.push({ title: 'loading or running the files', text: message.text });
        else if (message.kind === 'end') {
          running.child.off('message', listener);
          spent?.(message.spentSeconds - running.told);
          running.told = message.spentSeconds;
          resolve(true);
        }
      };
      running.child.on('message', listener);
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else running.child.send({ files });
    const over = await Promise.race([ended, running.ended]);
    signal.removeEventListener('abort', onAbort);
    if (over === true && !signal.aborted) {
      if (passes + failures.length === 0) failures.push({ title: 'tests', text: 'The files hold no test.' });
      return { passes };
    }
    this.running = undefined;
    const end = await running.ended;
    const output = `\nThe end of its output:\n${running.output().slice(-4000)}`;
    failures.push({
      title: 'the suite ends',
      text: signal.aborted ? `Stopped ${signal.reason instanceof Error ? signal.reason.message : 'by an interrupt'}; ${current}.${output}` : `The process ended (${end.signal ?? end.code}) before its last test; ${current}.${output}`,
    });
    return { passes };
  }

  private start(context: SuiteContext): Running {
    let output = '';
    let child: ChildProcess | undefined;
    let stop: (() => void) | undefined;
    let total = 0;
    const ended = runProgram(process.execPath, ['--import', 'tsx', mochaProgram], {
      env: this.env,
      // It outlives the suite with which it begins; each suite stops it by its own signal.
      signal: new AbortController().signal,
      logFile: path.join(path.dirname(context.logFile), `${this.name}.log`),
      ipc: true,
      onOutput: (chunk) => (output = (output + chunk.toString()).slice(-20_000)),
      spent: (seconds) => (total = seconds),
      onStart: (started, end) => {
        child = started;
        stop = end;
      },
    }).then((end) => {
      context.spent?.(Math.max(0, total - running.told));
      return end;
    });
    if (!child || !stop) throw new Error('The process of the suites was not started.');
    const running: Running = {
      child,
      stop,
      ended,
      output: () => {
        const since = output;
        output = '';
        return since;
      },
      told: 0,
    };
    return running;
  }

  private async close(context: SuiteContext): Promise<readonly Failure[]> {
    const { running } = this;
    this.running = undefined;
    if (!running) return [];
    const failures: Failure[] = [];
    running.child.send({ files: [] });
    const timer = setTimeout(() => {
      failures.push({ title: 'the process ends', text: `After its last test something (a server, a timer, a connection) kept it alive.\nThe end of its output:\n${running.output().slice(-4000)}` });
      running.stop();
    }, graceAfterEndMs);
    context.signal.addEventListener('abort', running.stop, { once: true });
    const end = await running.ended;
    clearTimeout(timer);
    context.signal.removeEventListener('abort', running.stop);
    if (failures.length === 0 && end.code !== 0) failures.push({ title: 'the process ends well', text: `It ended with ${end.signal ?? end.code}.\n${end.tail.slice(-4000)}` });
    if (end.leftovers) failures.push({ title: 'nothing is left running', text: 'Processes that the tests started outlived them.' });
    return failures;
  }
}
