/**
 * What Grid Engine's error output means.
 *
 * Rule: `cluster_timeout` only where the qmaster gave no answer; `scheduler_throttled` only where a limit refused for now and
 * nothing was submitted; `spec_invalid` where the same request can never be accepted. Grid Engine's own words are always in
 * the message.
 */
import { HpcError, type ErrorCode } from '../../foundation/errors.ts';
import type { CommandOutput } from '../port.ts';

interface Meaning {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly remediation: string;
  readonly reason?: string;
}

/** First match wins. */
const meanings: readonly Meaning[] = [
  { pattern: /SGE_ROOT|cell directory .* doesn't exist|act_qmaster/i, code: 'remote_command_failed', reason: 'environment', remediation: "Let the login shell's start-up files read Grid Engine's settings.sh (they set SGE_ROOT), then reconnect." },
  { pattern: /only \d+ jobs are allowed per (user|cluster)/i, code: 'scheduler_throttled', reason: 'submit_limit', remediation: 'As many jobs are queued as the site allows (max_u_jobs, max_jobs). Wait until some end, then resume.' },
  { pattern: /commlib error|send message to qmaster|got (send|read|select) error|receive timeout|gdi request|reading answer list from qmaster|can't get (connection|response)/i, code: 'cluster_timeout', reason: 'controller_unreachable', remediation: 'The qmaster does not answer. Nothing is known to be lost: try again in a while, or ask the site whether it is in maintenance.' },
  { pattern: /no (submit host|submit or admin host)|neither submit nor admin host/i, code: 'remote_command_failed', reason: 'not_permitted', remediation: 'This host may not submit jobs: connect to a login node of this cluster.' },
  { pattern: /no suitable queues/i, code: 'spec_invalid', remediation: 'No queue can ever run this. Ask for less, or see with `qstat -F` what the queues offer.' },
  { pattern: /more than \d+ tasks/i, code: 'spec_invalid', remediation: 'The array is larger than the site allows (max_aj_tasks). Submit again: the limits of this cluster are then asked anew, and the run is cut to them.' },
  { pattern: /counts the resource gpu/i, code: 'spec_invalid', remediation: 'Ask for as many cores as GPUs, or for one core, or name the resources yourself in the extra arguments.' },
  { pattern: /no parallel environment|parallel environment .* does not exist|no such parallel environment/i, code: 'spec_invalid', remediation: 'Name a parallel environment of this site (`qconf -spl`) in the extra arguments: -pe NAME SLOTS.' },
  { pattern: /unknown resource/i, code: 'spec_invalid', remediation: 'This site has no resource of that name (`qconf -sc` lists them): correct the run or the cluster profile.' },
  { pattern: /unknown queue/i, code: 'spec_invalid', remediation: 'Choose a queue that `qstat -g c` lists.' },
  { pattern: /requested project .* does not exist|project/i, code: 'spec_invalid', remediation: 'Set `account` in the cluster profile to a project that you may use.' },
  { pattern: /do not have the necessary privileges|is not the owner|must be (a )?(manager|operator)/i, code: 'remote_command_failed', reason: 'not_permitted', remediation: 'Grid Engine does not let this user do that: check whose job it is.' },
  { pattern: /job rejected|denied:|Unable to run job|invalid option|unknown option|Unknown option/i, code: 'spec_invalid', remediation: 'Correct the resources of this run or the cluster profile, then submit again.' },
];

/** The lines that say something, at most a few. */
function schedulerWords(output: CommandOutput): string {
  const lines = output.stderr.split('\n').map((line) => line.trim()).filter((line) => line !== '' && line !== 'Exiting.');
  return lines.map((line) => line.replace(/^(Unable to run job: )?(error: )?/, '')).slice(-3).join(' / ').slice(0, 500);
}

/** The typed error for a command that gave no complete answer. `submit` reads limits and requests; queries never blame the request. */
export function sgeFailure(what: string, output: CommandOutput, purpose: 'query' | 'submit' | 'cancel' = 'query', request = ''): HpcError {
  const words = schedulerWords(output);
  const status = output.exitCode === null ? 'ended by a signal' : `exit status ${output.exitCode}`;
  const meaning = meanings.find(({ pattern, code }) => pattern.test(output.stderr) && (purpose === 'submit' || code !== 'spec_invalid'));
  const details = { exitCode: output.exitCode, stderrTail: output.stderr.slice(-2000), ...(meaning?.reason ? { reason: meaning.reason } : {}) };
  const inTheDark = { remediation: 'It is not known whether the job was accepted: look for it by its name before submitting again.', details: { ...details, outcome: 'unknown' }, retrySafe: false };
  if (output.exitCode === 124) {
    if (purpose === 'submit') return new HpcError('cluster_timeout', `${what} did not end in time${words ? `: ${words}` : '.'}`, inTheDark);
    return new HpcError('cluster_timeout', `${what} did not end in time${words ? `: ${words}` : '.'}`, { remediation: 'The scheduler is slow or does not answer. Try again in a while.', details });
  }
  // The request may have gone out, and only the reply be missing.
  if (purpose === 'submit' && meaning?.reason === 'controller_unreachable' && !/Connection refused/i.test(output.stderr)) return new HpcError('cluster_timeout', `${what}: ${words}`, inTheDark);
  if (meaning) return new HpcError(meaning.code, `${what}: ${words}${meaning.code === 'spec_invalid' && request !== '' ? ` (asked for: ${request})` : ''}`, { remediation: meaning.remediation, details });
  if (output.exitCode === 127) return new HpcError('remote_command_failed', `${what}: the program was not found${words ? ` (${words})` : ''}.`, { remediation: 'Reconnect, so that the paths of the scheduler are read anew, or load the module that provides it in your login shell.', details });
  const reason = output.exitCode === 0 ? 'the answer is not complete' : status;
  return new HpcError('remote_command_failed', `${what} failed (${reason})${words ? `: ${words}` : '.'}`, { remediation: 'Run the command by hand on the login node to see more.', details });
}
