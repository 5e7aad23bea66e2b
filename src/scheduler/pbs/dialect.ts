/** PBS Pro and OpenPBS, and TORQUE: each question is a file of its own in this folder. */
import { pbsJobDetails } from '../jobDetails.ts';
import type { SchedulerDialect } from '../port.ts';
import { accountingQuery } from './accountingQuery.ts';
import { cancelCommands } from './cancelCommand.ts';
import { findByName } from './findByName.ts';
import { limitsQuery } from './limitsQuery.ts';
import { pbsLogPath, resolvePbsLogPath } from './logPaths.ts';
import { queueQuery } from './queueQuery.ts';
import { resourcesQuery } from './resourcesQuery.ts';
import { submitCommand } from './submitCommand.ts';

export const pbsDialect: SchedulerDialect = {
  name: 'pbs',
  requiredTools: ['qsub', 'qstat', 'qdel'],
  // No `excludesNodes`: a request of PBS names what a chunk must have, never what it must not be (`host!=` is no word of `select`).
  acceptsIndexLists: false,
  jobExpressions: {
    jobId: '${PBS_JOBID:+${PBS_JOBID%%.*}}',
    // TORQUE tells an element only its own id, `123[4].server`.
    arrayJobId: '${PBS_JOBID:+${PBS_JOBID%%[!0-9]*}[]}',
    arrayIndex: '${PBS_ARRAY_INDEX:-${PBS_ARRAYID:-}}',
    cores: '${NCPUS:-${PBS_NUM_PPN:-}}',
  },
  logPath: pbsLogPath,
  resolveLogPath: resolvePbsLogPath,
  submit: submitCommand,
  queue: queueQuery,
  findByName,
  accounting: accountingQuery,
  jobDetails: pbsJobDetails,
  cancel: cancelCommands,
  limits: limitsQuery,
  resources: resourcesQuery,
};
