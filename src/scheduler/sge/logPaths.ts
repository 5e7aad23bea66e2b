/**
 * Log paths with Grid Engine's own placeholders, `$JOB_ID` and `$TASK_ID`.
 *
 * Rules: `-o` takes a list of `host:path`, so a comma ends a path and a colon begins one; there is no way to quote. A leading colon
 * settles the host, and a path below the job's folder is given relative to it, so that the names above it do not matter. What
 * then still holds a comma, or one of the placeholders by accident, is refused.
 */
import { HpcError } from '../../foundation/errors.ts';

const placeholder = /\$(HOME|USER|JOB_ID|JOB_NAME|HOSTNAME|TASK_ID)/;

export function sgeLogPath(directory: string, key: string, stream: 'out' | 'err', array: boolean): string {
  const below = `${directory.replace(/\/+$/, '')}/${key}`;
  if (placeholder.test(below) || /[\n\0]/.test(below)) {
    throw new HpcError('spec_invalid', `Grid Engine cannot write logs below ${JSON.stringify(directory)}: the path holds a line break or a word that it would replace.`, { remediation: 'Choose another remote path for this workspace.' });
  }
  return `${below}${array ? '.$JOB_ID.$TASK_ID' : '.$JOB_ID'}.${stream}`;
}

export function resolveSgeLogPath(pattern: string, jobId: string, index: number | undefined): string {
  const withJob = pattern.replaceAll('$JOB_ID', jobId);
  return index === undefined ? withJob : withJob.replaceAll('$TASK_ID', String(index));
}

/** The word for `-o` and `-e`. */
export function logArgument(pattern: string, workdir: string): string {
  const root = `${workdir.replace(/\/+$/, '')}/`;
  const path = pattern.startsWith(root) && pattern.length > root.length ? pattern.slice(root.length) : pattern;
  if (path.includes(',')) {
    throw new HpcError('spec_invalid', `Grid Engine cannot write logs to ${JSON.stringify(path)}: a comma ends a path there.`, { remediation: 'Choose a remote path without commas for this workspace.' });
  }
  return `:${path}`;
}
