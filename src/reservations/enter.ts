/**
 * The ways from a login node into a running job, per scheduler: the words that start a program there. `{job}` and `{node}` are
 * filled in by who knows them last. A scheduler without one is reached by the port of its holding job alone, so that jobs of
 * others cannot be entered there.
 */
import { HpcError } from '../foundation/errors.ts';
import type { SchedulerName, SchedulerTools } from '../scheduler/port.ts';

export interface Entrance {
  /** Starts `program` in the job, its standard streams carried. */
  words(program: readonly string[]): readonly string[];
  /** The same in a terminal. */
  terminal(program: readonly string[]): readonly string[];
}

/** Undefined where this scheduler has no way in of its own. */
export function entranceOf(scheduler: SchedulerName, tools: SchedulerTools, target: { readonly jobId?: string; readonly node?: string } = {}): Entrance | undefined {
  const job = target.jobId ?? '{job}';
  const { srun } = tools.tools;
  switch (scheduler) {
    case 'slurm': {
      if (srun === undefined) return undefined;
      const step = [srun, `--jobid=${job}`, '--overlap', '--quiet', '--nodes=1', '--ntasks=1', ...(target.node === undefined && target.jobId !== undefined ? [] : [`--nodelist=${target.node ?? '{node}'}`])];
      return { words: (program) => [...step, ...program], terminal: (program) => [...step, '--pty', ...program] };
    }
    case 'background':
    case 'sge':
    case 'pbs':
      return undefined;
  }
}

/** Of a job that was not booked here: it has no program of ours to talk to. */
export function noWayIn(scheduler: string, jobId: string, what: string): HpcError {
  return new HpcError('spec_invalid', `There is no way to ${what} job ${jobId}: it was adopted, not booked here, and ${scheduler === 'background' ? 'without a scheduler nothing' : scheduler === 'slurm' ? 'there is no srun that' : `${scheduler} has nothing that`} starts a program inside a job that runs already.`, {
    remediation: 'Book a reservation of your own there (`hpc-agent reservation book`): commands and terminals reach it through its own job.',
  });
}
