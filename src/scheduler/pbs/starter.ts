/**
 * The few lines that PBS runs: they go to the working folder, open the logs, and become the job's script.
 *
 * Rules:
 * - PBS starts every job in the home folder, writes its output only at the end, and reads log paths as `host:path` with commas, colons and
 *   other alphabets lost. So the starter does all of that itself, and PBS's own output goes to /dev/null.
 * - Logs are appended to: a job that is run again goes on in the same file.
 * - OpenPBS runs an `afterok` job although elements of the array failed. The starter looks at the array first, and does nothing
 *   unless it is known that all of it succeeded.
 */
import { quoteWord } from '../../foundation/quoting.ts';
import type { SubmitRequest } from '../port.ts';

/** The number of the job, the array's index. TORQUE calls the index PBS_ARRAYID. */
const own = `hpc_id=\${PBS_JOBID:-}
hpc_id=\${hpc_id%%[!0-9]*}
hpc_index=\${PBS_ARRAY_INDEX:-\${PBS_ARRAYID:-}}`;

/** The pattern of \`logPattern\` as one word of shell. */
export function logWord(pattern: string): string {
  return pattern
    .split(/(%[%Aaj])/)
    .filter((part) => part !== '')
    .map((part) => ({ '%%': quoteWord('%'), '%A': '"$hpc_id"', '%j': '"$hpc_id"', '%a': '"$hpc_index"' })[part] ?? quoteWord(part))
    .join('');
}

function lookAtArrays(qstat: string, jobIds: readonly string[]): string[] {
  return [
    `hpc_qstat=${quoteWord(qstat)}`,
    // TORQUE has a dependency type for arrays, and it holds.
    `case \${PBS_VERSION:-} in *TORQUE*) ;; *) for hpc_other in ${jobIds.map(quoteWord).join(' ')}; do`,
    `  case $hpc_other in *']') ;; *) continue ;; esac`,
    // Before its end an array shows the status 0 of the first element that ended.
    `  hpc_try=0; while hpc_said=$("$hpc_qstat" -x -f "$hpc_other" 2>&1); hpc_try=$((hpc_try + 1)); [ $hpc_try -lt 10 ]; do case $hpc_said in *'job_state = '[QHBEWT]*) sleep 2 ;; *) break ;; esac; done`,
    `  case $hpc_said in`,
    `    *'    job_state = F'*'    Exit_status = 0'*) ;;`,
    `    *) printf 'hpc-agent: not every element of job %s succeeded, or PBS could not be asked on this node: this job does nothing\\n' "$hpc_other" >&2; exit 75 ;;`,
    '  esac',
    'done ;; esac',
  ];
}

export function starterScript(request: SubmitRequest, qstat: string): string {
  const needed = request.dependencies.filter(({ type }) => type === 'afterok').flatMap(({ jobIds }) => jobIds);
  const script = quoteWord(request.scriptPath);
  return [
    '# Written by HPC Agent: starts the script of this job.',
    own,
    `cd ${quoteWord(request.workdir)} || exit 72`,
    `exec >>${logWord(request.stdoutPath)} 2>>${logWord(request.stderrPath)} || exit 73`,
    ...(needed.length > 0 ? lookAtArrays(qstat, needed) : []),
    'unset hpc_id hpc_index',
    // Without the right to execute (a file system mounted so), its first line cannot speak.
    `if [ -x ${script} ]; then exec ${script} </dev/null; fi`,
    `exec /bin/sh ${script} </dev/null`,
    '',
  ].join('\n');
}
