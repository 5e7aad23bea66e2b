/**
 * What Slurm's error output means.
 *
 * Rule: `cluster_timeout` only where the controller or the database gave no answer; `scheduler_throttled` only where a limit
 * refused for now and nothing was submitted; `spec_invalid` where the same request can never be accepted. The
 * scheduler's own words are always in the message.
 */
import { HpcError, type ErrorCode } from '../../foundation/errors.ts';
import type { CommandOutput } from '../port.ts';

interface Meaning {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly remediation: string;
  readonly reason?: string;
}

const editResources = 'Correct the resources of this run or the cluster profile, then submit again.';

/** First match wins. */
const meanings: readonly Meaning[] = [
  { pattern: /accounting storage is disabled|accounting_storage\/none|not running a supported accounting_storage plugin/i, code: 'remote_command_failed', reason: 'accounting_disabled', remediation: 'This site keeps no accounting: states come from the queue and from the task events.' },
  { pattern: /Sending PersistInit msg|Problem talking to the database|slurm_persist_conn_open|slurmdbd|Unable to contact slurmdbd/i, code: 'cluster_timeout', reason: 'accounting_unreachable', remediation: 'The accounting database does not answer; submitting and running go on. Try again later.' },
  { pattern: /Unable to contact slurm controller|Unable to establish controller machine|Socket timed out|Connection timed out|Zero Bytes were transmitted|backup controller in standby|Unable to establish configuration source|Unable to resolve .*(hostname|address)|Connection refused|Transport endpoint is not connected|Unexpected message received/i, code: 'cluster_timeout', reason: 'controller_unreachable', remediation: 'The Slurm controller does not answer. Nothing is known to be lost: try again in a while, or ask the site whether it is in maintenance.' },
  { pattern: /temporarily unable to accept job|job queue full|Resource temporarily unavailable/i, code: 'scheduler_throttled', reason: 'controller_full', remediation: 'The controller holds as many jobs as it may (MaxJobCount). Wait until jobs end, or submit a smaller wave.' },
  { pattern: /MaxSubmitJob|GrpSubmitJob|SubmitJobsLimit|MaxSubmit\w*Limit|\(job submit limit, user's size/i, code: 'scheduler_throttled', reason: 'submit_limit', remediation: 'Your account has as many jobs queued as it may. Wait until some end, or submit smaller waves.' },
  { pattern: /rate limit|RPC limit exceeded/i, code: 'scheduler_throttled', reason: 'rate_limit', remediation: 'The controller asks for fewer requests. Wait a moment.' },
  { pattern: /Invalid account or account\/partition|Invalid account|not a valid account/i, code: 'spec_invalid', remediation: 'Set `account` in the cluster profile to one that `sacctmgr show assoc where user=$USER` lists, and check that the partition admits it.' },
  { pattern: /invalid partition specified|Invalid partition name|not permitted to use this partition|No partition specified|Required partition not available/i, code: 'spec_invalid', remediation: 'Choose a partition that `sinfo` lists and that your group may use.' },
  { pattern: /time limit is invalid|Invalid --time|exceeds? (the )?partition time limit|MaxWall\w*Limit|PartitionTimeLimit/i, code: 'spec_invalid', remediation: 'Ask for less walltime, or for a partition with a longer limit.' },
  { pattern: /Invalid qos/i, code: 'spec_invalid', remediation: 'Choose a QOS that your account may use (`sacctmgr show assoc where user=$USER format=account,qos`).' },
  { pattern: /Invalid job array|array/i, code: 'spec_invalid', remediation: 'The array is larger than the site allows: MaxArraySize caps the index. Submit again: the limits of this cluster are then asked anew, and the run is cut to them.' },
  { pattern: /Job dependency problem/i, code: 'spec_invalid', remediation: 'A job that this one waits for is not known to Slurm any more.' },
  { pattern: /Memory specification|node configuration is not available|More processors requested|Node count specification|CPU count|Invalid feature|generic resource|gres|Invalid --|unrecognized option|violates accounting\/QOS policy/i, code: 'spec_invalid', remediation: editResources },
  { pattern: /Access\/permission denied|Permission denied|Invalid user/i, code: 'remote_command_failed', reason: 'not_permitted', remediation: 'Slurm does not let this user do that: check whose job it is.' },
];

/** The lines that say something, without program names, at most a few. */
function schedulerWords(output: CommandOutput): string {
  const lines = output.stderr.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  const telling = lines.filter((line) => /error|fatal|invalid|unable|slurm/i.test(line));
  return (telling.length > 0 ? telling : lines).map((line) => line.replace(/^\S*?(s\w+): (error|fatal): /, '')).slice(-3).join(' / ').slice(0, 500);
}

/** The typed error for a command that gave no complete answer. `submitting` reads limits and requests; queries never blame the request. */
export function slurmFailure(what: string, output: CommandOutput, purpose: 'query' | 'submit' | 'cancel' = 'query'): HpcError {
  const words = schedulerWords(output);
  const status = output.exitCode === null ? 'ended by a signal' : `exit status ${output.exitCode}`;
  const meaning = meanings.find(({ pattern, code }) => pattern.test(output.stderr) && (purpose === 'submit' || code !== 'spec_invalid'));
  const details = { exitCode: output.exitCode, stderrTail: output.stderr.slice(-2000), ...(meaning?.reason ? { reason: meaning.reason } : {}) };
  if (output.exitCode === 124) {
    return new HpcError(meaning?.code === 'scheduler_throttled' ? 'scheduler_throttled' : 'cluster_timeout', `${what} did not end in time${words ? `: ${words}` : '.'}`, {
      remediation: purpose === 'submit' ? 'It is not known whether the job was accepted: look for it by its name before submitting again.' : 'The scheduler is slow or does not answer. Try again in a while.',
      details: { ...details, ...(purpose === 'submit' ? { outcome: 'unknown' } : {}) },
      ...(purpose === 'submit' ? { retrySafe: false } : {}),
    });
  }
  // The request went out and only the reply is missing: a controller that hung may accept the job when it wakes up.
  if (purpose === 'submit' && meaning?.reason === 'controller_unreachable' && !/connect failure|Connection refused|Unable to (contact|resolve|establish)/i.test(output.stderr)) {
    return new HpcError('cluster_timeout', `${what}: ${words}`, {
      remediation: 'It is not known whether the job was accepted: look for it by its name before submitting again.',
      details: { ...details, outcome: 'unknown' },
      retrySafe: false,
    });
  }
  if (meaning) return new HpcError(meaning.code, `${what}: ${words}`, { remediation: meaning.remediation, details });
  if (output.exitCode === 127) return new HpcError('remote_command_failed', `${what}: the program was not found${words ? ` (${words})` : ''}.`, { remediation: 'Reconnect, so that the paths of the scheduler are read anew, or load the module that provides it in your login shell.', details });
  const reason = output.exitCode === 0 ? 'the answer is not complete' : status;
  return new HpcError('remote_command_failed', `${what} failed (${reason})${words ? `: ${words}` : '.'}`, { remediation: 'Run the command by hand on the login node to see more.', details });
}
