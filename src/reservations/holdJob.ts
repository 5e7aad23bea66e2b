/**
 * The job that holds a reservation, as data: its name, its script, what its program must know, and how it is submitted.
 *
 * Rule: made from the lease alone, so that an interrupted booking is finished with the same job. Every hop has a name of its own,
 * `<prefix>-h<hop>-<token10>`, by which it is found again and known as ours.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { commandOnWire, type ClusterFacts, type ClusterSession } from '../cluster/session.ts';
import { unknownPattern, type SubmitStep } from '../cluster/submitProtocol.ts';
import { HpcError } from '../foundation/errors.ts';
import { quoteExports } from '../foundation/quoting.ts';
import type { ResourceRequest } from '../scheduler/port.ts';
import { ownFacts, type Lease, type OwnFacts } from './lease.ts';

/** `hop` may be `NEXT`: the holding job fills it in. */
export function jobName(facts: OwnFacts, hop: number | 'NEXT'): string {
  return facts.origin === 'adopted' ? facts.job_prefix : `${facts.job_prefix}-h${hop}-${facts.token.slice(0, 10)}`;
}

/** The hop that a job's name stands for; undefined where the job is not one of this reservation. */
export function hopOfName(facts: OwnFacts, name: string): number | undefined {
  if (facts.origin === 'adopted') return name === facts.job_prefix ? 0 : undefined;
  const [start, end] = [`${facts.job_prefix}-h`, `-${facts.token.slice(0, 10)}`];
  const hop = name.startsWith(start) && name.endsWith(end) ? name.slice(start.length, -end.length) : '';
  return /^\d{1,9}$/.test(hop) ? Number(hop) : undefined;
}

/** Letters, digits, dot, underscore and dash, beginning with a letter: what every scheduler keeps. */
export function jobPrefix(name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 60);
  return /^[A-Za-z]/.test(plain) ? plain : `r${plain}`;
}

export function requireBooked(lease: Lease): OwnFacts {
  const facts = ownFacts(lease);
  if (facts?.origin === 'booked') return facts;
  throw new HpcError('spec_invalid', `The reservation ${lease.name} was not booked by this product, so that cannot be done with it.`, { remediation: 'Use the product that booked it.' });
}

/** Earliest signal that walltime is near; only a hint, since the job asks the scheduler for what is left by itself. */
function hintArguments(scheduler: string, facts: OwnFacts, persistent: boolean): readonly string[] {
  return scheduler === 'slurm' && persistent && facts.renew_before_s !== null ? [`--signal=B:USR1@${Math.min(65_535, Math.max(1, Math.round(facts.renew_before_s)))}`] : [];
}

export function holdStep(lease: Lease, facts: OwnFacts, hop: number | 'NEXT', session: ClusterSession, cluster: ClusterFacts): SubmitStep {
  const name = jobName(facts, hop);
  const resources = facts.resources as ResourceRequest;
  const log = (stream: 'out' | 'err'): string => session.dialect.logPath(path.posix.join(facts.state_dir, 'logs'), `h${hop}`.toLowerCase(), stream, false);
  const query = session.dialect.submit(
    {
      name,
      comment: facts.token,
      scriptPath: path.posix.join(facts.state_dir, 'hold.sh'),
      workdir: facts.state_dir,
      dependencies: [],
      resources: { ...resources, extraArguments: [...(resources.extraArguments ?? []), ...hintArguments(facts.scheduler, facts, lease.persistent)] },
      stdoutPath: log('out'),
      stderrPath: log('err'),
    },
    cluster.tools,
  );
  return { key: `h${hop}`, jobName: name, after: [], query };
}

export async function holdScript(facts: OwnFacts, session: ClusterSession, cluster: ClusterFacts, assetsDirectory: string): Promise<string> {
  const body = await fs.readFile(path.join(assetsDirectory, 'templates', 'reservation.sh'), 'utf8');
  const exports = quoteExports({ ...session.profile.env, HPC_HOLD_DIR: facts.state_dir, HPC_HOLD_PYTHON: cluster.python });
  // The dialect's own words, which expand in the job.
  const own = `export HPC_HOLD_JOB_ID="${session.dialect.jobExpressions.jobId}"\nexport HPC_HOLD_JOB_NAME="\${SLURM_JOB_NAME:-\${PBS_JOBNAME:-\${JOB_NAME:-\${HPC_BACKGROUND_JOB_NAME:-}}}}"`;
  return `#!/bin/sh\n${exports}\n${own}\n${body}`;
}

/** The time from which accounting is asked, as the dialects write it; the holding job puts its own there. */
const someDay = new Date('2001-01-03T00:00:00Z');
const dayBefore = '2001-01-02T00:00:00';

/** How the holding job looks for a successor whose submission got no answer; null where its dialect's answers cannot be read by pattern. */
function findSuccessor(facts: OwnFacts, session: ClusterSession, cluster: ClusterFacts): readonly Readonly<Record<string, unknown>>[] | null {
  const found = session.dialect.findByName(jobName(facts, 'NEXT'), someDay, cluster.tools).map(({ command, patterns }) => {
    const { argv, ...rest } = commandOnWire(command) as { readonly argv: readonly string[] };
    return patterns && { ...rest, argv: argv.map((word) => word.replace(dayBefore, '{since}')), job_id_pattern: patterns.jobId, whole_pattern: patterns.whole, no_source_pattern: patterns.noSource };
  });
  return found.every((one) => one !== undefined) ? found : null;
}

/** What `hpc_hold.py` reads as `hold.json`. */
export function holdSpec(lease: Lease, facts: OwnFacts, session: ClusterSession, cluster: ClusterFacts): Readonly<Record<string, unknown>> {
  const step = holdStep(lease, facts, 'NEXT', session, cluster);
  const { squeue } = cluster.tools.tools;
  const tmux = lease.extras.tmux_server;
  return {
    name: lease.name,
    token: facts.token,
    persistent: lease.persistent,
    renew_before_s: facts.renew_before_s,
    release_after_idle_s: facts.release_after_idle_s,
    walltime_s: (facts.resources as ResourceRequest).walltimeS ?? null,
    tmux_server: typeof tmux === 'string' ? tmux : null,
    env: cluster.commandEnvironment,
    unknown_pattern: unknownPattern,
    time_left: session.dialect.name === 'slurm' && squeue !== undefined ? [squeue, '--noheader', '--jobs={job}', '--format=%L'] : null,
    find: findSuccessor(facts, session, cluster),
    submit: { ...commandOnWire(step.query.command), job_id_pattern: step.query.jobIdPattern, throttled_patterns: step.query.throttledPatterns },
  };
}
