/** From a profile's word to its dialect. */
import { HpcError } from '../foundation/errors.ts';
import { backgroundDialect } from './background/dialect.ts';
import { pbsDialect } from './pbs/dialect.ts';
import type { SchedulerDialect, SchedulerName } from './port.ts';
import { slurmDialect } from './slurm/dialect.ts';

export function dialectFor(name: SchedulerName): SchedulerDialect {
  switch (name) {
    case 'slurm':
      return slurmDialect;
    case 'background':
      return backgroundDialect;
    case 'pbs':
      return pbsDialect;
    case 'sge':
      throw new HpcError('config_invalid', `The scheduler ${name} is not supported yet.`, { remediation: 'Use a cluster with slurm, or `scheduler: background` to run on its login node without a scheduler.' });
  }
}
