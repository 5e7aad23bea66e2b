/** Slurm, 20.11 and newer: each question is a file of its own in this folder. */
import { slurmJobDetails } from '../jobDetails.ts';
import type { SchedulerDialect } from '../port.ts';
import { accountingQuery } from './accountingQuery.ts';
import { cancelCommands } from './cancelCommand.ts';
import { findByName } from './findByName.ts';
import { limitsQuery } from './limitsQuery.ts';
import { resolveLogPattern } from '../logPattern.ts';
import { slurmLogPath } from './logPaths.ts';
import { queueQuery } from './queueQuery.ts';
import { resourcesQuery } from './resourcesQuery.ts';
import { submitCommand } from './submitCommand.ts';

export const slurmDialect: SchedulerDialect = {
  name: 'slurm',
  requiredTools: ['sbatch', 'squeue', 'scancel', 'scontrol'],
  excludesNodes: true,
  acceptsIndexLists: true,
  jobExpressions: { jobId: '${SLURM_JOB_ID:-}', arrayJobId: '${SLURM_ARRAY_JOB_ID:-}', arrayIndex: '${SLURM_ARRAY_TASK_ID:-}', cores: '${SLURM_CPUS_PER_TASK:-}' },
  logPath: slurmLogPath,
  resolveLogPath: resolveLogPattern,
  submit: submitCommand,
  queue: queueQuery,
  findByName,
  accounting: accountingQuery,
  jobDetails: slurmJobDetails,
  cancel: cancelCommands,
  limits: limitsQuery,
  resources: resourcesQuery,
};
