/** Grid Engine, 8.1 (Son of Grid Engine) and its relatives: each question is a file of its own in this folder. */
import { sgeJobDetails } from '../jobDetails.ts';
import type { SchedulerDialect } from '../port.ts';
import { accountingQuery } from './accountingQuery.ts';
import { cancelCommands } from './cancelCommand.ts';
import { findByName } from './findByName.ts';
import { limitsQuery } from './limitsQuery.ts';
import { resolveSgeLogPath, sgeLogPath } from './logPaths.ts';
import { queueQuery } from './queueQuery.ts';
import { resourcesQuery } from './resourcesQuery.ts';
import { submitCommand } from './submitCommand.ts';

export const sgeDialect: SchedulerDialect = {
  name: 'sge',
  requiredTools: ['qsub', 'qstat', 'qdel'],
  excludesNodes: true,
  acceptsIndexLists: false,
  // In a plain job SGE_TASK_ID is the word "undefined".
  jobExpressions: { jobId: '${JOB_ID:-}', arrayJobId: '${JOB_ID:-}', arrayIndex: '${SGE_TASK_ID#undefined}', cores: '${NSLOTS:-}' },
  logPath: sgeLogPath,
  resolveLogPath: resolveSgeLogPath,
  submit: submitCommand,
  queue: queueQuery,
  findByName,
  accounting: accountingQuery,
  jobDetails: sgeJobDetails,
  cancel: cancelCommands,
  limits: limitsQuery,
  resources: resourcesQuery,
};
