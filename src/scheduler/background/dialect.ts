/** Supervised processes on a host without a scheduler; its daemonless half is `templates/runtime/hpc_background.py`. */
import { logPattern, resolveLogPattern } from '../logPattern.ts';
import type { SchedulerDialect } from '../port.ts';
import { accountingQuery } from './accountingQuery.ts';
import { cancelCommands } from './cancelCommand.ts';
import { findByName } from './findByName.ts';
import { limitsQuery } from './limitsQuery.ts';
import { queueQuery } from './queueQuery.ts';
import { resourcesQuery } from './resourcesQuery.ts';
import { submitCommand } from './submitCommand.ts';

export const backgroundDialect: SchedulerDialect = {
  name: 'background',
  requiredTools: [],
  acceptsIndexLists: true,
  jobExpressions: { jobId: '${HPC_BACKGROUND_JOB_ID:-}', arrayJobId: '${HPC_BACKGROUND_ARRAY_JOB_ID:-}', arrayIndex: '${HPC_BACKGROUND_ARRAY_INDEX:-}', cores: '${HPC_BACKGROUND_CPUS:-}' },
  logPath: logPattern,
  resolveLogPath: resolveLogPattern,
  submit: submitCommand,
  queue: queueQuery,
  findByName,
  accounting: accountingQuery,
  cancel: cancelCommands,
  limits: limitsQuery,
  resources: resourcesQuery,
};
