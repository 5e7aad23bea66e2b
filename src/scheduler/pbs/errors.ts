/**
 * What PBS's error output means.
 *
 * Rule: `cluster_timeout` only where the server gave no answer; `scheduler_throttled` only where a limit refused for now and
 * nothing was submitted; `spec_invalid` where the same request can never be accepted. The scheduler's own words are
 * always in the message.
 */
import { HpcError, type ErrorCode } from '../../foundation/errors.ts';
import type { CommandOutput } from '../port.ts';

interface Meaning {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly remediation: string;
  readonly reason?: string;
}

const correct = 'Correct the resources of this run or the cluster profile, then submit again.';

/** First match wins. */
const meanings: readonly Meaning[] = [
  { pattern: /not configured to maintain job history/i, code: 'remote_command_failed', reason: 'accounting_disabled', remediation: 'This site keeps no history of jobs (job_history_enable): states come from the queue and from the task events.' },
  {
    pattern: /cannot connect to (specified )?(server|cluster)|Couldn't connect to (cluster|server)|Connection (refused|timed out|reset)|No route to host|Unable to (resolve|communicate)|errno=15010|error=15010|Communication failure|Premature end of message|End of File|pbs_iff|munge|trqauthd|Server (is )?shutting down|No default server|Network is unreachable/i,
    code: 'cluster_timeout',
    reason: 'server_unreachable',
    remediation: 'The PBS server does not answer. Nothing is known to be lost: try again in a while, or ask the site whether it is in maintenance.',
  },
  { pattern: /would exceed .*limit|Maximum number of jobs already in queue|exceeds? (the )?(max|maximum) (number of )?(jobs|user)|max_(user_)?queuable/i, code: 'scheduler_throttled', reason: 'submit_limit', remediation: 'You have as many jobs queued as you may. Wait until some end, or submit smaller waves.' },
  { pattern: /Array job exceeds|array size|job array.*(limit|too large)|Requested slot limit/i, code: 'spec_invalid', remediation: 'The array is larger than the site allows (max_array_size). Submit again: the limits of this cluster are then asked anew, and the run is cut to them.' },
  { pattern: /Unknown queue|Queue (is )?not enabled|Queue type not set|No default queue|Access to queue is denied|cannot locate queue|Unauthorized.*queue/i, code: 'spec_invalid', remediation: 'Choose a queue that `qstat -Q` lists as enabled and that you may use.' },
  { pattern: /violates queue|exceeds queue .*limits|resource limits|cannot be satisfied|MSG=cannot (locate feasible|satisfy)/i, code: 'spec_invalid', remediation: 'Ask for less walltime, memory or cores, or choose a queue with higher limits (`qstat -Qf`).' },
  { pattern: /invalid account|account .*(invalid|denied)|Invalid project/i, code: 'spec_invalid', remediation: 'Set `account` in the cluster profile to one that this site accepts for you.' },
  { pattern: /Unknown resource|Illegal attribute or resource value|cannot be used with "select"|illegal -l value|Unknown node|Bad (UID|GID) for job|Undefined attribute/i, code: 'spec_invalid', remediation: correct },
  { pattern: /Invalid Job Dependency|illegal -W value|Dependency request/i, code: 'spec_invalid', remediation: 'A job that this one waits for is not known to PBS any more.' },
  { pattern: /illegal -\w value|invalid option|Job name is too long|non-rerunable Array Job|submit_?filter|submit filter|rejected by all possible destinations|hook/i, code: 'spec_invalid', remediation: correct },
  { pattern: /Unauthorized Request|Permission denied|not authorized/i, code: 'remote_command_failed', reason: 'not_permitted', remediation: 'PBS does not let this user do that: check whose job it is.' },
];

/** The lines of PBS's own programs, else all; usage texts left out. */
export function schedulerWords(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trimEnd()).filter((line) => line.trim() !== '' && !/^(usage:|\s|\[-)/.test(line));
  const telling = lines.filter((line) => /^(qsub|qstat|qdel|qselect|qmgr|pbsnodes|pbs_\w+):/.test(line) || /connect|error|denied|refused/i.test(line));
  return (telling.length > 0 ? telling : lines).map((line) => line.replace(/^q\w+:\s*/, '')).slice(-3).join(' / ').slice(0, 500);
}

/** The typed error for a command that gave no complete answer. `submit` reads limits and requests; queries never blame the request. */
export function pbsFailure(what: string, output: CommandOutput, purpose: 'query' | 'submit' | 'cancel' = 'query'): HpcError {
  const words = schedulerWords(output.stderr);
  const meaning = meanings.find(({ pattern, code }) => pattern.test(output.stderr) && (purpose === 'submit' || code !== 'spec_invalid'));
  const details = { exitCode: output.exitCode, stderrTail: output.stderr.slice(-2000), ...(meaning?.reason ? { reason: meaning.reason } : {}) };
  if (output.exitCode === 124) {
    return new HpcError('cluster_timeout', `${what} did not end in time${words ? `: ${words}` : '.'}`, {
      remediation: purpose === 'submit' ? 'It is not known whether the job was accepted: look for it by its name before submitting again.' : 'The scheduler is slow or does not answer. Try again in a while.',
      details: { ...details, ...(purpose === 'submit' ? { outcome: 'unknown' } : {}) },
      ...(purpose === 'submit' ? { retrySafe: false } : {}),
    });
  }
  // The request went out and only the reply is missing: the server may have accepted the job.
  if (purpose === 'submit' && meaning?.reason === 'server_unreachable' && !/Connection refused|No route to host|Unable to resolve|No default server/i.test(output.stderr)) {
    return new HpcError('cluster_timeout', `${what}: ${words}`, { remediation: 'It is not known whether the job was accepted: look for it by its name before submitting again.', details: { ...details, outcome: 'unknown' }, retrySafe: false });
  }
  if (meaning) return new HpcError(meaning.code, `${what}: ${words}`, { remediation: meaning.remediation, details });
  if (output.exitCode === 127) return new HpcError('remote_command_failed', `${what}: the program was not found${words ? ` (${words})` : ''}.`, { remediation: 'Reconnect, so that the paths of the scheduler are read anew, or load the module that provides it in your login shell.', details });
  const reason = output.exitCode === 0 ? 'the answer is not complete' : output.exitCode === null ? 'ended by a signal' : `exit status ${output.exitCode}`;
  return new HpcError('remote_command_failed', `${what} failed (${reason})${words ? `: ${words}` : '.'}`, { remediation: 'Run the command by hand on the login node to see more.', details });
}
