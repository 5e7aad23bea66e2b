/**
 * The environment that every Grid Engine command of ours runs in.
 *
 * Rule: SGE_ROOT, SGE_CELL, SGE_CLUSTER_NAME and the ports stay as the login shell has them: they are how the programs find their
 * qmaster. Removed is what changes the form of an answer, and what a surrounding job (an editor server on a compute node) left.
 */
export const sgeUnset: readonly string[] = [
  'SGE_LONG_*', 'SGE_SINGLE_LINE', 'SGE_DEBUG_*', 'SGE_DL', 'DL', 'SGE_ND', 'SGE_JSV_*', 'SGE_CHECK_*', 'SGE_TASK_*', 'SGE_STD*_PATH', 'SGE_JOB_*', 'SGE_CWD_PATH', 'SGE_O_*', 'SGE_ACCOUNT', 'SGE_CKPT_*', 'SGE_BINDING', 'SGE_HGR_*',
  'JOB_ID', 'JOB_NAME', 'JOB_SCRIPT', 'QUEUE', 'REQUEST', 'REQNAME', 'RESTARTED', 'NSLOTS', 'NHOSTS', 'NQUEUES', 'PE', 'PE_HOSTFILE', 'ENVIRONMENT',
];

export const sgeEnvironment: Readonly<Record<string, string>> = {
  // Times that we hand to qacct are then in UTC, whatever zone the cluster is in.
  TZ: 'UTC0',
  // Messages and month names as they are known here.
  LC_ALL: 'C',
  // qconf breaks long values into lines otherwise.
  SGE_SINGLE_LINE: '1',
};
