/** What discovery says about a script that can be run as a task. */
import type { ScriptResources } from '../scheduler/port.ts';

/** `path`: a file name; `unknown`: made by a function, so any text. */
export type FlagType = 'str' | 'int' | 'float' | 'bool' | 'path' | 'unknown';

export interface ExecutorFlag {
  /** The parameter's name: argparse's dest, click's and typer's argument. */
  readonly name: string;
  /** The long option to pass it with; undefined for a positional one, and for a switch that can only be turned off. */
  readonly option: string | undefined;
  /** Turns a switch off: `--no-shuffle`. */
  readonly negativeOption?: string;
  /** All spellings. */
  readonly aliases: readonly string[];
  /** Takes no value on the command line. */
  readonly isSwitch: boolean;
  readonly type: FlagType;
  /** Undefined when there is none or the source does not show it (`computedDefault`). */
  readonly default?: unknown;
  readonly computedDefault?: boolean;
  readonly required: boolean;
  readonly choices?: unknown[];
  /** `+`, `*`, `?` or a number: takes several values. */
  readonly nargs?: string;
  /** Given once per value: `--x 1 --x 2`. */
  readonly repeats?: boolean;
  /** The script's own, before its subcommand: `prog --verbose train --lr 1`. */
  readonly beforeSubcommand?: boolean;
  readonly help: string;
  readonly line: number;
}

export interface Executor {
  /** What names it: its file and, after a space, its subcommand. */
  readonly path: string;
  /** Relative to the workspace, with forward slashes. */
  readonly file: string;
  /** Each subcommand of a script is an executor of its own. */
  readonly subcommand?: string;
  readonly kind: 'argparse' | 'click' | 'typer' | 'compute' | 'script' | 'shell';
  /** Importable module of a Python file. */
  readonly module?: string;
  readonly summary: string;
  readonly flags: readonly ExecutorFlag[];
  readonly hasMainGuard: boolean;
  readonly hasComputeFunction: boolean;
  readonly imports: readonly string[];
  readonly resources?: ScriptResources;
  /** What the source did not show: flags added elsewhere, computed option names. */
  readonly notes: readonly string[];
}
