/**
 * Names of jobs.
 *
 * Rule: only letters, digits, dot, underscore and dash, beginning with a letter. Everything else is read differently somewhere
 * (squeue splits `--name` at commas, accounting changes quotes), and a name is how a lost job is found again.
 */
import { HpcError } from '../foundation/errors.ts';

const jobName = /^[A-Za-z][A-Za-z0-9._-]{0,99}$/;

export function assertJobName(name: string): void {
  if (jobName.test(name)) return;
  throw new HpcError('spec_invalid', `${JSON.stringify(name.slice(0, 120))} cannot be a job name.`, {
    remediation: 'Use letters, digits, dots, underscores and dashes, begin with a letter, at most 100 characters.',
  });
}
