/**
 * The environment that every PBS command of ours runs in.
 *
 * Rule: what a job of PBS sets (we may run inside one) and what smuggles options into a submission is removed by name. PBS_DEFAULT,
 * PBS_SERVER, PBS_CONF_FILE, PBS_EXEC and PBS_HOME stay: they are how a site points to its server.
 */
import { taskVariablePatterns } from '../taskEnvironment.ts';

export const pbsUnset: readonly string[] = [
  'PBS_ARRAY*', 'PBS_ENVIRONMENT', 'PBS_GPUFILE', 'PBS_JOB*', 'PBS_MICFILE', 'PBS_MOMPORT', 'PBS_NODE*', 'PBS_NP', 'PBS_NUM_*', 'PBS_O_*', 'PBS_QUEUE', 'PBS_TASKNUM', 'PBS_TMPDIR', 'PBS_VERSION', 'PBS_VNODENUM', 'PBS_WALLTIME',
  'PBS_DPREFIX', 'PBS_QSTAT_*', 'PBSDEBUG', 'NCPUS', 'HPC_AGENT_NAME', 'HPC_AGENT_COMMENT', ...taskVariablePatterns,
];
