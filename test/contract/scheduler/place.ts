/** Where the suite's commands run: this machine, or a login node. The dialect gives data; a place turns it into a process. */
import { spawn } from 'node:child_process';
import { quoteCommand, quoteWord } from '../../../src/foundation/quoting.ts';
import type { CommandOutput, SchedulerCommand, SchedulerDialect, SchedulerTools, SubmitRequest } from '../../../src/scheduler/port.ts';

/**
 * `comments`: accounting keeps none. `cancelled`: accounting shows what was cancelled as killed, and not at all what had not begun.
 * `afterok`: no job can wait for another's success; the request is refused.
 */
export type Lack = 'comments' | 'cancelled' | 'afterok';

export interface SchedulerPlace {
  readonly dialect: SchedulerDialect;
  readonly tools: SchedulerTools;
  /** What this scheduler cannot do at all; the suite then holds it to what it says instead. */
  readonly lacks?: readonly Lack[];
  /** A request that this scheduler refuses, with a word of its refusal, where it takes more memory than there is and waits for ever. */
  readonly refused?: { readonly request: Partial<SubmitRequest>; readonly words: RegExp };
  /** A fresh folder there, for scripts and logs. */
  readonly directory: string;
  /** Variables that the far shell holds; each test may add some. */
  run(command: SchedulerCommand, shellVariables?: Readonly<Record<string, string>>): Promise<CommandOutput>;
  /** A POSIX script as the same user. */
  script(text: string, stdin?: string): Promise<CommandOutput>;
  dispose(): Promise<void>;
}

export function spawnText(program: string, args: readonly string[], options: { stdin?: string; env?: NodeJS.ProcessEnv } = {}): Promise<CommandOutput> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: options.env ?? process.env, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ stdout, stderr, exitCode }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.stdin ?? '');
  });
}

/** The command as POSIX text: variables of the shell first, then removed and set as the command says. */
export function commandText(command: SchedulerCommand, shellVariables: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries(shellVariables).map(([name, value]) => `export ${name}=${quoteWord(value)}`);
  const patterns = command.unset.map((pattern) => (pattern.endsWith('*') ? `${pattern.slice(0, -1)}*` : pattern)).join('|');
  if (patterns !== '') lines.push(`for n in $(env | sed -n 's/^\\([A-Za-z_][A-Za-z0-9_]*\\)=.*/\\1/p'); do case "$n" in ${patterns}) unset "$n";; esac; done`);
  for (const [name, value] of Object.entries(command.env ?? {})) lines.push(`export ${name}=${quoteWord(value)}`);
  lines.push(`exec timeout -k 2 ${command.timeoutS} ${quoteCommand(command.argv)}`);
  return lines.join('\n');
}
