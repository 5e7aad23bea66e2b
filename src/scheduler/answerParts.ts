/**
 * One question of several commands: each prints between two marks with its exit status, so that what one could not say
 * does no harm to what the others said. The last mark is printed only when the program came to its end.
 */
import type { CommandOutput } from './port.ts';

export const partsEnd = 'HPCQ-END';

/** `part NAME PROGRAM WORDS…`; an absent program, an empty word, gives 127. */
export const partFunction = `part() { name=$1; shift; printf '\\n%s\\n' "HPCL-BEGIN $name"; if [ -n "$1" ]; then "$@" 2>&1; else (exit 127); fi; printf '\\n%s\\n' "HPCL-END $name $?"; }`;

export interface AnswerPart {
  readonly text: string;
  readonly exitCode: number;
}

export interface AnswerParts {
  readonly isWhole: boolean;
  get(name: string): AnswerPart | undefined;
  /** What a part printed, if it succeeded. */
  text(name: string): string | undefined;
}

export function answerParts(output: CommandOutput): AnswerParts {
  const stdout = output.stdout.replaceAll('\r\n', '\n');
  const found = new Map<string, AnswerPart>();
  for (const match of stdout.matchAll(/^HPCL-BEGIN (\w+)\n([\s\S]*?)^HPCL-END \1 (\d+)$/gm)) found.set(match[1] ?? '', { text: match[2] ?? '', exitCode: Number(match[3]) });
  return {
    isWhole: output.exitCode === 0 && stdout.trimEnd().endsWith(partsEnd),
    get: (name) => found.get(name),
    text: (name) => (found.get(name)?.exitCode === 0 ? found.get(name)?.text : undefined),
  };
}

/** The output as if the part had been the whole question, for the typed error. */
export function failedPart(output: CommandOutput, part: AnswerPart | undefined): CommandOutput {
  return { ...output, stderr: `${output.stderr}\n${part?.text.slice(-2000) ?? ''}`, exitCode: output.exitCode === 0 ? (part?.exitCode ?? 0) : output.exitCode };
}
