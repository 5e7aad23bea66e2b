/** What the cluster operations do: list, describe, add, preflight. */
import { addCluster, type ClusterSettings } from '../cluster/addCluster.ts';
import { chooseTransport } from '../connection/chooseTransport.ts';
import type { ConfigProblem } from '../cluster/configProblem.ts';
import { detectScheduler, suggestScratch, writableFolders } from '../cluster/detectCluster.ts';
import type { ClusterProfile } from '../cluster/profile.ts';
import { preflight } from '../cluster/preflight.ts';
import { preflightError, type PreflightReport } from '../cluster/preflightReport.ts';
import { listSshConfigHosts } from '../cluster/sshConfigHosts.ts';
import * as os from 'node:os';
import type { OperationContext } from './operation.ts';

interface Problem {
  file: string;
  line: number | null;
  severity: 'error' | 'warning';
  message: string;
}

const problemOf = (problem: ConfigProblem): Problem => ({ file: problem.file, line: problem.line ?? null, severity: problem.severity, message: problem.message });

function targetOf(profile: ClusterProfile): string {
  const target = profile.connection;
  if (target.kind === 'local') return os.hostname();
  return `${target.user === undefined ? '' : `${target.user}@`}${target.host}${target.port === undefined ? '' : `:${target.port}`}`;
}

interface ClusterRow {
  name: string;
  scheduler: string;
  connection: string;
  target: string;
  scope: string;
  state: string;
  state_reason: string | null;
}

export async function listClusters(context: OperationContext): Promise<{ clusters: ClusterRow[]; problems: Problem[] }> {
  const { profiles, problems } = await context.services.store(context.experimentDir).list();
  return {
    clusters: profiles.map((profile) => {
      const state = context.services.connectionState(profile);
      return {
        name: profile.name,
        scheduler: profile.scheduler,
        connection: profile.connection.kind,
        target: targetOf(profile),
        scope: profile.origins.scheduler?.scope ?? 'default',
        state: state.kind,
        state_reason: 'reason' in state ? state.reason : null,
      };
    }),
    problems: problems.map(problemOf),
  };
}

export async function describeCluster(name: string, context: OperationContext): Promise<{ name: string; values: { key: string; value: unknown; scope: string; file: string | null; line: number | null }[] }> {
  const store = context.services.store(context.experimentDir);
  const values: { key: string; value: unknown; scope: string; file: string | null; line: number | null }[] = (await store.explain(name)).map(({ key, value, origin }) => ({ key, value, scope: origin.scope, file: origin.file ?? null, line: origin.line ?? null }));
  const { connection } = await store.get(name);
  if (connection.kind !== 'ssh') return { name, values };
  const { reason } = await chooseTransport(connection, { home: context.services.host.userHome }, context.signal);
  const at = values.findIndex(({ key }) => key === 'connection') + 1;
  return { name, values: values.toSpliced(at, 0, { key: 'connection (why)', value: reason, scope: 'resolved', file: null, line: null }) };
}

export async function sshHosts(context: OperationContext): Promise<{ hosts: { alias: string; hostname: string | null; user: string | null; configured_as: string | null }[] }> {
  const hosts = await listSshConfigHosts({ home: context.services.host.userHome });
  const { profiles } = await context.services.store(context.experimentDir).list();
  return {
    hosts: hosts.map((host) => ({
      alias: host.alias,
      hostname: host.hostName ?? null,
      user: host.user ?? null,
      configured_as: profiles.find(({ connection }) => connection.kind === 'ssh' && connection.host === host.alias)?.name ?? null,
    })),
  };
}

export interface AddInput {
  readonly name: string;
  readonly host: string;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
  readonly scheduler?: 'slurm' | 'sge' | 'pbs' | 'background' | undefined;
  readonly scratch?: string | undefined;
  readonly partition?: string | undefined;
  readonly account?: string | undefined;
  readonly identity_file?: string | undefined;
  readonly scope?: 'user' | 'workspace' | undefined;
  readonly replace?: boolean | undefined;
  readonly test?: boolean | undefined;
}

/** Tests the connection by a dry run of the entry, fills in what was found, and writes only then. */
export async function addClusterEntry(input: AddInput, context: OperationContext): Promise<{ name: string; file: string; scheduler: string; scratch: string | null; tested: boolean; notes: string[] }> {
  const store = context.services.store(context.experimentDir);
  const scope = input.scope ?? 'user';
  const replace = input.replace ?? false;
  const settings: ClusterSettings = stated({
    scheduler: input.scheduler ?? 'background',
    host: input.host,
    user: input.user,
    port: input.port,
    identity_file: input.identity_file,
    scratch: input.scratch ?? '$HOME/hpc-agent',
    default_partition: input.partition,
    account: input.account,
  });
  const test = input.test ?? true;
  const notes: string[] = [];
  const found: Record<string, unknown> = {};
  if (test) {
    const { profile } = await addCluster({ name: input.name, settings, scope, replace, dryRun: true }, store);
    context.progress({ message: `Connecting to ${targetOf(profile)}` });
    const session = await context.services.session(profile);
    await context.services.reconnect(profile, context.signal);
    const environment = await session.environment({ signal: context.signal, priority: 'interactive' });
    const scheduler = input.scheduler ?? detectScheduler(environment);
    if (input.scheduler === undefined) {
      found.scheduler = scheduler;
      notes.push(scheduler === 'background' ? 'No scheduler was found: tasks run as supervised processes on that host.' : `Found ${scheduler}.`);
    }
    if (input.scratch === undefined) {
      const [best] = await writableFolders(session.connection, suggestScratch(environment), environment, { signal: context.signal });
      if (best !== undefined) {
        found.scratch = best;
        notes.push(`Runs will live below ${best}.`);
      }
    }
    if (environment.python === undefined) notes.push('No Python 3.6 or newer was found there: set `python` in clusters.yaml before submitting.');
  }
  const added = await addCluster({ name: input.name, settings: { ...settings, ...found }, scope, replace, signal: context.signal }, store);
  return { name: input.name, file: added.file, scheduler: added.profile.scheduler, scratch: added.profile.scratch, tested: test, notes };
}

function stated(settings: Readonly<Record<string, unknown>>): ClusterSettings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

interface PreflightAnswer {
  cluster: string;
  all_ok: boolean;
  cached: boolean;
  checked_at: string;
  checks: { name: string; ok: boolean | null; detail: string; remediation: string | null; duration_ms: number }[];
}

async function preflightReport(name: string, force: boolean, context: OperationContext): Promise<PreflightReport> {
  const { services } = context;
  const store = services.store(context.experimentDir);
  const profile = await store.get(name);
  const session = await services.session(profile);
  if (force) await services.reconnect(profile, context.signal).catch((error: unknown) => services.host.log.info('reconnecting failed', { error }));
  context.progress({ message: `Checking ${name}` });
  const { problems } = await store.list();
  return preflight(session, { home: services.host.userHome, agentHome: services.host.home, env: services.host.env, problems, force, signal: context.signal, clock: services.host.clock });
}

export async function runPreflight(name: string, force: boolean, context: OperationContext): Promise<PreflightAnswer> {
  const report = await preflightReport(name, force, context);
  return {
    cluster: name,
    all_ok: report.all_ok,
    cached: report.fromCache,
    checked_at: report.checkedAt,
    checks: report.checks.map((check) => ({ name: check.name, ok: check.ok ?? null, detail: check.detail, remediation: check.remediation ?? null, duration_ms: check.durationMs })),
  };
}

/** The gate before a submission: a good answer of the last 24 hours opens it without asking. Throws what the first failed check says. */
export async function passPreflight(name: string, context: OperationContext): Promise<void> {
  const problem = preflightError(await preflightReport(name, false, context));
  if (problem) throw problem;
}
