/**
 * The environment that every Slurm command of ours runs in.
 *
 * Rule: what changes the form or the scope of an answer, or smuggles options into a submission, is removed by name. SLURM_CONF
 * stays (sites point to their configuration with it), and so do SBATCH_ACCOUNT, SBATCH_PARTITION, SBATCH_QOS,
 * SBATCH_RESERVATION and SBATCH_CONSTRAINT: they are how a person or a site states a standing default, which is what an
 * absent value of a ResourceRequest means.
 */
export const slurmUnset: readonly string[] = [
  'SQUEUE_*', 'SACCT_*', 'SINFO_*', 'SCANCEL_*', 'SCONTROL_*', 'SPRIO_*', 'SALLOC_*', 'SRUN_*',
  'SBATCH_ACCTG_FREQ', 'SBATCH_ARRAY_INX', 'SBATCH_BATCH', 'SBATCH_CLUSTERS', 'SBATCH_CORE_SPEC', 'SBATCH_CPUS_PER_GPU', 'SBATCH_DEADLINE', 'SBATCH_DEBUG', 'SBATCH_DELAY_BOOT',
  'SBATCH_DISTRIBUTION', 'SBATCH_EXCLUSIVE', 'SBATCH_EXPORT', 'SBATCH_GET_USER_ENV', 'SBATCH_GPU*', 'SBATCH_GRES*', 'SBATCH_HINT', 'SBATCH_IGNORE_PBS', 'SBATCH_INPUT', 'SBATCH_JOB_NAME',
  'SBATCH_MEM_*', 'SBATCH_NETWORK', 'SBATCH_NO_KILL', 'SBATCH_NO_REQUEUE', 'SBATCH_OPEN_MODE', 'SBATCH_OUTPUT', 'SBATCH_ERROR', 'SBATCH_OVERCOMMIT', 'SBATCH_PROFILE', 'SBATCH_REQUEUE',
  'SBATCH_REQ_SWITCH', 'SBATCH_SIGNAL', 'SBATCH_SPREAD_JOB', 'SBATCH_THREAD_SPEC', 'SBATCH_THREADS_PER_CORE', 'SBATCH_TIMELIMIT', 'SBATCH_TRES_*', 'SBATCH_USE_MIN_NODES', 'SBATCH_WAIT*', 'SBATCH_WCKEY',
  // Present when we run inside a job (an editor server on a compute node): they would be inherited by what we submit.
  'SLURM_ARRAY_*', 'SLURM_BITSTR_LEN', 'SLURM_CLUSTERS', 'SLURM_CLUSTER_NAME', 'SLURM_CPU*', 'SLURM_DEBUG*', 'SLURM_DISTRIBUTION', 'SLURM_EXIT_*', 'SLURM_EXPORT_ENV', 'SLURM_GPU*', 'SLURM_GTIDS',
  'SLURM_HET_*', 'SLURM_HINT', 'SLURM_JOB*', 'SLURM_JSON', 'SLURM_LAUNCH_*', 'SLURM_LOCALID', 'SLURM_MEM_*', 'SLURM_NNODES', 'SLURM_NODE*', 'SLURM_NPROCS', 'SLURM_NTASKS*', 'SLURM_PACK_*', 'SLURM_PRIO_PROCESS',
  'SLURM_PROCID', 'SLURM_RESTART_COUNT', 'SLURM_SRUN_*', 'SLURM_STEP*', 'SLURM_SUBMIT_*', 'SLURM_TASK*', 'SLURM_THREADS_*', 'SLURM_TIME_FORMAT', 'SLURM_TOPOLOGY_*', 'SLURM_TRES_*', 'SLURM_UMASK',
  'SLURM_WCKEY', 'SLURM_WORKING_CLUSTER', 'SLURM_YAML',
];

export const slurmEnvironment: Readonly<Record<string, string>> = {
  // Array lists such as `123_[1,3,5,…]` are printed whole instead of being cut at 64 characters.
  SLURM_BITSTR_LEN: '0',
  // Times that we hand to sacct are then in UTC, whatever zone the cluster is in.
  TZ: 'UTC0',
};
