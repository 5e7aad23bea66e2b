/** A single job as data: its script and how it is submitted. Made from the record alone, so that a submission can be resumed. */
import * as path from 'node:path';
import type { ClusterFacts, ClusterSession } from '../cluster/session.ts';
import { softwareOf, type SoftwareWishes } from '../cluster/software.ts';
import type { SubmitStep } from '../cluster/submitProtocol.ts';
import { HpcError } from '../foundation/errors.ts';
import { sha256Hex } from '../foundation/ids.ts';
import { renderJobScript, type JobScriptInput } from '../scheduler/jobScript.ts';
import type { CommandOutput, Query } from '../scheduler/port.ts';
import type { JobRecord } from './jobRecord.ts';

/** Instead of what the profile says; absent: as the profile says. */
export interface JobEnvironment extends Omit<SoftwareWishes, 'gpu'> {
  readonly env?: Readonly<Record<string, string>>;
}

/** What schedulers keep: letters, digits, dot, underscore and dash, beginning with a letter. */
export function jobName(record: Pick<JobRecord, 'name' | 'token'>): string {
  const plain = record.name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 40);
  return `${/^[A-Za-z]/.test(plain) ? plain : `j${plain}`}-${record.token.slice(0, 10)}`;
}

/** Ids are given out again, and accounting remembers who had them before: the name tells. */
export function isJobOf(record: JobRecord, row: { readonly jobId: string; readonly name: string }): boolean {
  return row.jobId === record.job_id && (row.name === '' || row.name === jobName(record));
}

export function jobStep(record: JobRecord, session: ClusterSession, cluster: ClusterFacts): SubmitStep {
  const name = jobName(record);
  const query = session.dialect.submit(
    { name, comment: record.token, scriptPath: path.posix.join(record.state_dir, 'job.sh'), workdir: record.workdir, dependencies: [], resources: record.resources, stdoutPath: record.stdout, stderrPath: record.stderr },
    cluster.tools,
  );
  return { key: 'job', jobName: name, after: [], query };
}

export async function commandScript(command: string, record: JobRecord, wishes: JobEnvironment, session: ClusterSession, cluster: ClusterFacts, assetsDirectory: string): Promise<string> {
  const { profile } = session;
  const input: JobScriptInput = {
    scheduler: session.dialect.name,
    program: { kind: 'command', command },
    gpu: (record.resources.gpus ?? 0) > 0,
    runId: `job-${record.token.slice(0, 10)}`,
    cmdSha: sha256Hex(command),
    taskCount: 1,
    repoDir: record.workdir,
    executor: command,
    python: cluster.python,
    // A job that began proves that it was submitted, should the scheduler forget it.
    markerPath: path.posix.join(record.state_dir, 'claims', 'job'),
    env: { ...profile.env, ...wishes.env },
    cpus: record.resources.cpus ?? 1,
    title: `${record.name} on ${profile.name}`,
    ...softwareOf(profile, cluster.environment, { ...wishes, gpu: (record.resources.gpus ?? 0) > 0 }),
  };
  return renderJobScript(input, { templatesDirectory: path.join(assetsDirectory, 'templates') });
}

/** Puts the script where the scheduler reads it, by a rename; the working folder is made where it is not there. */
export function placeScript(record: JobRecord, script: string): Query<void> {
  const program = 'umask 077; mkdir -p "$1/logs" && cat >"$1/job.sh.new" && chmod 700 "$1/job.sh.new" && mv "$1/job.sh.new" "$1/job.sh" && { [ -d "$2" ] || mkdir -p "$2"; }';
  return {
    command: { argv: ['/bin/sh', '-c', program, 'hpc-agent', record.state_dir, record.workdir], stdin: script, unset: [], timeoutS: 60 },
    parse: (output: CommandOutput): void => {
      if (output.exitCode !== 0) throw new HpcError('remote_command_failed', `The job's script cannot be put into ${record.state_dir}: ${output.stderr.trim().split('\n').at(-1) ?? ''}.`, { remediation: 'Nothing was submitted. Check that the home folder there has room and can be written.' });
    },
  };
}
