/** Slurm's log paths. Rule: a backslash anywhere in the path switches all placeholders off, so such a path is refused. */
import { HpcError } from '../../foundation/errors.ts';
import { logPattern } from '../logPattern.ts';

export function slurmLogPath(directory: string, key: string, stream: 'out' | 'err', array: boolean): string {
  if (/[\\\n\0]/.test(`${directory}${key}`)) {
    throw new HpcError('spec_invalid', `Slurm cannot write logs below ${JSON.stringify(directory)}: the path holds a backslash or a line break.`, { remediation: 'Choose another remote path for this workspace.' });
  }
  return logPattern(directory, key, stream, array);
}
