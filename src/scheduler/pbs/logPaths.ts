/** Log paths of PBS jobs: our own starter opens them, so they hold anything but a line break; a job's number stands in them without brackets. */
import { HpcError } from '../../foundation/errors.ts';
import { logPattern, resolveLogPattern } from '../logPattern.ts';

export function pbsLogPath(directory: string, key: string, stream: 'out' | 'err', array: boolean): string {
  if (/[\n\0]/.test(`${directory}${key}`)) {
    throw new HpcError('spec_invalid', `Logs cannot be written below ${JSON.stringify(directory)}: the path holds a line break.`, { remediation: 'Choose another remote path for this workspace.' });
  }
  return logPattern(directory, key, stream, array);
}

export function resolvePbsLogPath(pattern: string, jobId: string, index: number | undefined): string {
  return resolveLogPattern(pattern, jobId.replace('[]', ''), index);
}
