/** From a profile's word to its dialect. */
import { backgroundDialect } from './background/dialect.ts';
import { pbsDialect } from './pbs/dialect.ts';
import type { SchedulerDialect, SchedulerName } from './port.ts';
import { sgeDialect } from './sge/dialect.ts';
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
      return sgeDialect;
  }
}
