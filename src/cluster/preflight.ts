/**
 * Is this cluster ready to be used? Each question on its own, with what to do about a bad answer.
 *
 * Rules: three answers (yes, no, could not ask), and "could not ask" is never taken for yes; a check that work can do without is
 * not `required` and does not spoil `all_ok`; after a refused login nothing else is tried.
 */
import * as path from 'node:path';
import { chooseTransport } from '../connection/chooseTransport.ts';
import type { Connection, ExecOptions, RemoteEnvironment } from '../connection/port.ts';
import { CancelledError, throwIfAborted } from '../foundation/abort.ts';
import { systemClock, type Clock } from '../foundation/clock.ts';
import { HpcError, messageOf } from '../foundation/errors.ts';
import type { Query, SchedulerDialect, SchedulerTools } from '../scheduler/port.ts';
import { formatProblem, type ConfigProblem } from './configProblem.ts';
import { askAgent, findKeyFiles, probeTcp } from './preflightLocal.ts';
import { cachedPreflight, rememberPreflight, type PreflightCheck, type PreflightCheckName, type PreflightReport } from './preflightReport.ts';
import { clockCommand, parseClock, parseRemoteFacts, remoteFactsCommand, type FolderFacts, type RemoteFacts } from './preflightRemote.ts';
import { expandRemotePath, type ClusterProfile } from './profile.ts';
import { isNoAccounting } from './session.ts';

/** What preflight needs of a cluster in use. */
export interface PreflightSession {
  readonly profile: ClusterProfile;
  readonly connection: Connection;
  readonly dialect: SchedulerDialect;
  environment(options?: ExecOptions): Promise<RemoteEnvironment>;
  tools(options?: ExecOptions): Promise<SchedulerTools>;
  /** Runs scheduler commands and parses what each printed. */
  ask<T>(queries: readonly Query<T>[], options?: ExecOptions): Promise<readonly T[]>;
}

export interface PreflightOptions {
  /** The user's home folder on this computer. */
  readonly home: string;
  /** Holds the cache, below `preflight/`. */
  readonly agentHome: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the store said about the configuration files. */
  readonly problems?: readonly ConfigProblem[];
  /** Ask again although a good report is at hand. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** What an alias of the ssh configuration stands for; undefined: it cannot be reached directly, or is not known. */
  readonly resolveEndpoint?: (target: ClusterProfile['connection'], signal?: AbortSignal) => Promise<{ host: string; port: number } | undefined>;
}

const leastFreeMiB = 100;
const mostSkewS = 60;

interface Answer {
  readonly ok: boolean | undefined;
  readonly detail: string;
  readonly remediation?: string | undefined;
}
const yes = (detail: string): Answer => ({ ok: true, detail });
const no = (detail: string, remediation?: string): Answer => ({ ok: false, detail, remediation });
const notAsked = (detail: string, remediation?: string): Answer => ({ ok: undefined, detail, remediation });

/** Could not ask, as against: asked, and the answer is bad. */
function isUnanswered(error: unknown): boolean {
  return HpcError.is(error, 'ssh_unreachable') || HpcError.is(error, 'cluster_timeout') || HpcError.is(error, 'scheduler_throttled');
}

export async function preflight(session: PreflightSession, options: PreflightOptions): Promise<PreflightReport> {
  const clock = options.clock ?? systemClock;
  if (!options.force) {
    const cached = await cachedPreflight(session.profile, options);
    if (cached) return cached;
  }
  const checks: PreflightCheck[] = [];
  const check = async (name: PreflightCheckName, required: boolean, ask: () => Answer | Promise<Answer>): Promise<boolean | undefined> => {
    throwIfAborted(options.signal);
    const started = performance.now();
    let answer: Answer;
    try {
      answer = await ask();
    } catch (error) {
      if (CancelledError.is(error)) throw error;
      const remediation = error instanceof HpcError ? error.remediation : undefined;
      answer = { ok: isUnanswered(error) ? undefined : false, detail: messageOf(error), remediation };
    }
    checks.push({ name, required, ...answer, durationMs: Math.round(performance.now() - started) });
    return answer.ok;
  };

  await checkConfiguration(session, options, check);
  await checkReachability(session, options, check, checks);
  const report: PreflightReport = {
    cluster: session.profile.name,
    all_ok: checks.every(({ required, ok }) => !required || ok === true),
    checks,
    checkedAt: clock.now().toISOString(),
    fromCache: false,
  };
  await rememberPreflight(session.profile, options, report);
  return report;
}

type Check = (name: PreflightCheckName, required: boolean, ask: () => Answer | Promise<Answer>) => Promise<boolean | undefined>;

async function checkConfiguration({ profile }: PreflightSession, options: PreflightOptions, check: Check): Promise<void> {
  await check('clusters_yaml', true, () => {
    const errors = (options.problems ?? []).filter(({ severity }) => severity === 'error');
    const own = errors.find(({ cluster }) => cluster === profile.name);
    if (own) return no(formatProblem(own), own.remediation);
    const [other] = errors;
    return yes(other ? `The settings of ${profile.name} are good; another entry is not: ${formatProblem(other)}` : 'The configuration is good.');
  });
  await check('cluster_known', true, () => {
    const origin = profile.origins.scheduler;
    return yes(origin?.file === undefined ? `${profile.name} is built in.` : `${profile.name} stands in ${origin.file}:${origin.line ?? 1}.`);
  });
  await check('cluster_config_customized', true, () =>
    profile.placeholders.length === 0 ? yes('No sample text is left.') : no(`${profile.placeholders.join(', ')} still hold${profile.placeholders.length === 1 ? 's' : ''} a sample text such as <your_user>.`, 'Write your own values in clusters.yaml.'),
  );
}

async function checkReachability(session: PreflightSession, options: PreflightOptions, check: Check, checks: PreflightCheck[]): Promise<void> {
  const { connection, profile } = session;
  const exec = { timeoutMs: 60_000, priority: 'interactive', ...(options.signal === undefined ? {} : { signal: options.signal }) } as const;
  const target = profile.connection;
  if (target.kind === 'ssh') {
    await check('ssh_transport', false, async () => yes((connection.state.kind === 'connected' ? connection.choice : undefined)?.reason ?? (await chooseTransport(target, { home: options.home }, options.signal)).reason));
    await check('ssh_agent', false, () => checkKeys(session, options));
    await check('cluster_tcp', false, () => checkTcp(session, options));
  }
  let environment: RemoteEnvironment | undefined;
  await check('cluster_login', true, async () => {
    environment = await session.environment(exec);
    return yes(`Logged in as ${environment.user} on ${environment.hostname}.`);
  });
  if (environment === undefined) {
    const at = checks.findIndex(({ name }) => name === 'cluster_login');
    const login = checks[at];
    const refusedKey = /host key|known_hosts/i.test(login?.detail ?? '');
    const refused = connection.state.kind === 'refused' || refusedKey;
    // A refusal is an answer; no connection is none.
    if (login && refused) checks[at] = { ...login, ok: false };
    if (profile.connection.kind === 'ssh') await check('host_key', true, () => (refusedKey ? no(login?.detail ?? '', login?.remediation) : notAsked('Not asked: there is no connection.')));
    const missed = ['login_shell', 'python', 'scheduler_tools', 'scheduler_queue', 'accounting', 'scratch', 'scratch_space', 'clock_skew', 'home_quota'] as const;
    for (const name of missed) await check(name, requiredRemote.has(name), () => notAsked('Not asked: there is no login.'));
    return;
  }
  if (profile.connection.kind === 'ssh') {
    await check('host_key', true, () => yes('The host key is the known one.'));
    const at = checks.findIndex(({ name, ok }) => name === 'cluster_tcp' && ok === false);
    const tcp = checks[at];
    if (tcp) checks[at] = { ...tcp, ok: undefined, detail: `${tcp.detail} Yet the login works: it goes another way, for example through a jump host.`, remediation: undefined };
    // What was looked for are the usual places of keys; the login proves that it needs none of them.
    const keysAt = checks.findIndex(({ name, ok }) => name === 'ssh_agent' && ok === false);
    const keys = checks[keysAt];
    if (keys) checks[keysAt] = { ...keys, ok: true, detail: `${keys.detail} The login works without: by a key that the ssh configuration names, for example.`, remediation: undefined };
  }
  await checkFarSide(session, environment, exec, check);
}

const requiredRemote: ReadonlySet<PreflightCheckName> = new Set(['python', 'scheduler_tools', 'scheduler_queue', 'scratch', 'scratch_space', 'home_quota']);

async function checkKeys({ profile }: PreflightSession, options: PreflightOptions): Promise<Answer> {
  const identityFile = profile.connection.kind === 'ssh' ? profile.connection.identityFile : undefined;
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const [agent, files] = await Promise.all([askAgent(options.env, signal), findKeyFiles(options.home, identityFile)]);
  if (agent.kind === 'keys' && agent.count > 0) return yes(`The ssh agent holds ${agent.count} key${agent.count === 1 ? '' : 's'}.`);
  const state = agent.kind === 'keys' ? 'The ssh agent holds no key.' : agent.kind === 'dead' ? `The ssh agent at SSH_AUTH_SOCK does not answer (${agent.reason}).` : 'There is no ssh agent: SSH_AUTH_SOCK is not set.';
  if (files.length > 0) return yes(`${state} Key files are there (${files.map((file) => path.basename(file)).join(', ')}); one with a passphrase will ask for it.`);
  const why = agent.kind === 'unset' ? ' Programs started from a desktop icon, a scheduler or a sandbox often do not inherit it from the terminal in which it is set.' : '';
  return no(`${state} No key file was found in ~/.ssh either.`, `Make a key with "ssh-keygen -t ed25519" and add it with "ssh-add", unless this cluster takes passwords.${why}`);
}

async function checkTcp({ profile, connection }: PreflightSession, options: PreflightOptions): Promise<Answer> {
  const target = profile.connection;
  if (connection.state.kind === 'connected') return yes('There is a connection already.');
  if (target.kind !== 'ssh') return notAsked('Not asked: this computer is the cluster.');
  if (target.proxyJump !== undefined) return notAsked('Not asked: it is reached through a jump host.');
  const endpoint = options.resolveEndpoint ? await options.resolveEndpoint(target, options.signal) : { host: target.host, port: target.port ?? 22 };
  if (endpoint === undefined) return notAsked('Not asked: it is not reached directly.');
  const { host, port } = endpoint;
  const failure = await probeTcp(host, port, { timeoutMs: 3000, ...(options.signal === undefined ? {} : { signal: options.signal }) });
  if (failure === undefined) return yes(`${host}:${port} answers.`);
  // Without a resolver, a name that no DNS knows is most likely an alias.
  if (/^(ENOTFOUND|EAI_AGAIN)$/.test(failure) && !options.resolveEndpoint) return notAsked(`${host} is no host name (${failure}); it may be an alias of the ssh configuration.`);
  return no(`${host}:${port} cannot be reached: ${failure}.`, 'Check the network, the VPN and the host name; some sites allow only known addresses.');
}

async function checkFarSide(session: PreflightSession, environment: RemoteEnvironment, exec: ExecOptions, check: Check): Promise<void> {
  const { connection, dialect, profile } = session;
  const here = connection.label;
  let facts: RemoteFacts | undefined;
  let scratch = profile.scratch;
  const known = async (): Promise<RemoteFacts> => {
    if (facts) return facts;
    const python = profile.python === undefined ? environment.python : expandRemotePath(profile.python, environment, `python of ${profile.name}`);
    try {
      scratch = expandRemotePath(profile.scratch, environment, `scratch of ${profile.name}`);
    } catch {
      // The check of the scratch folder says so.
    }
    const result = await connection.exec(remoteFactsCommand({ python, scratch: scratch.startsWith('/') ? scratch : environment.home, home: environment.home }), exec);
    facts = parseRemoteFacts(result, here);
    return facts;
  };
  await check('login_shell', false, async () => {
    const { loginNoise } = await known();
    return loginNoise === '' ? yes('The login shell starts without a word.') : no(`The login shell prints ${JSON.stringify(loginNoise.slice(0, 120))} when nobody is there.`, 'HPC Agent is not disturbed by it, but scp and rsync are: print only in interactive shells (test "$-" or "$PS1").');
  });
  const pythonOk = await check('python', true, async () => {
    const { pythonVersion } = await known();
    const remedy = `Load a module with a newer one in the start-up files there, or set python: /path/to/python3 for ${profile.name} (the modules of its profile are loaded in jobs, not at the login).`;
    if (pythonVersion === undefined) return no(`No Python 3.6 or newer was found on ${here}.`, remedy);
    const [major = 0, minor = 0] = pythonVersion.split('.').map(Number);
    return major > 3 || (major === 3 && minor >= 6) ? yes(`Python ${pythonVersion}.`) : no(`Python ${pythonVersion} is too old: 3.6 or newer is needed.`, remedy);
  });
  const toolsOk = await check('scheduler_tools', true, () => {
    const missing = dialect.requiredTools.filter((tool) => environment.tools[tool] === undefined);
    if (missing.length > 0) return no(`${missing.join(', ')} not found on ${here}: it cannot be used as ${dialect.name}.`, 'Check the scheduler in clusters.yaml, and that a login shell there has its programs on the PATH.');
    return yes(dialect.requiredTools.length === 0 ? `${dialect.name} needs no programs.` : dialect.requiredTools.map((tool) => environment.tools[tool]).join(', '));
  });
  await check('scheduler_queue', true, async () => {
    if (toolsOk !== true) return notAsked('Not asked: its programs are missing.');
    if (pythonOk === false) return notAsked('Not asked: there is no Python to ask it with.');
    const [queue] = await session.ask([dialect.queue(await session.tools(exec))], exec);
    return yes(`The queue answers: ${queue?.rows.length ?? 0} of your jobs are in it.`);
  });
  await check('accounting', false, async () => {
    if (toolsOk !== true) return notAsked('Not asked: its programs are missing.');
    if (pythonOk === false) return notAsked('Not asked: there is no Python to ask it with.');
    // An id that no job has: whether it answers is the question, not what.
    const query = dialect.accounting(['1'], new Date(Date.now() - 3_600_000), await session.tools(exec));
    if (!query) return yes('There is none; how tasks ended is seen from their own records.');
    try {
      await session.ask([query], exec);
    } catch (error) {
      if (isNoAccounting(error)) return yes(`There is none (${messageOf(error)}); how tasks ended is seen from their own records.`);
      throw error;
    }
    return yes('Accounting answers.');
  });
  await check('scratch', true, async () => {
    expandRemotePath(profile.scratch, environment, `scratch of ${profile.name}`);
    return describeFolder((await known()).scratch, scratch, `scratch of ${profile.name}`);
  });
  await check('scratch_space', true, async () => describeSpace((await known()).scratch, scratch));
  await check('clock_skew', false, async () => {
    const sent = Date.now();
    const result = await connection.run(clockCommand, exec);
    const clock = parseClock(result, sent, Date.now());
    if (!clock) return notAsked(`${here} did not tell the time.`);
    const seconds = Math.abs(clock.skewS);
    const text = seconds <= clock.uncertaintyS + 1 ? 'The clocks agree' : `The clock there is ${Math.round(seconds)} s ${clock.skewS > 0 ? 'ahead' : 'behind'}`;
    return seconds - clock.uncertaintyS > mostSkewS ? no(`${text}.`, 'Set this computer’s clock (NTP), or tell the site: ages and accounting periods will be off.') : yes(`${text} (±${clock.uncertaintyS.toFixed(1)} s).`);
  });
  await check('home_quota', true, async () => {
    const { home, quotaExceeded } = await known();
    if (quotaExceeded !== undefined) return no(`A quota is exceeded: ${quotaExceeded}`, 'Delete or move files until it is met again.');
    const folder = describeFolder(home, environment.home, undefined);
    return folder.ok === true ? describeSpace(home, environment.home) : folder;
  });
}

/** `setting`: what names the folder in clusters.yaml; undefined: nothing does. */
function describeFolder(folder: FolderFacts, where: string, setting: string | undefined): Answer {
  const orAnother = setting === undefined ? ': HPC Agent keeps its own files there, below .hpc-agent' : `, or set another ${setting} in clusters.yaml`;
  switch (folder.state) {
    case 'present':
      return yes(`${where} can be written.`);
    case 'creatable':
      return yes(`${where} is not there yet; it will be made.`);
    case 'missing':
      return no(`${where} is not there and cannot be made.`, `Ask for the folder${orAnother}.`);
    case 'not_a_folder':
      return no(`${where} is not a folder.`, `Ask for the folder${orAnother}.`);
    case 'not_writable':
      return no(`${where} cannot be written: no permission, a full disk, or a quota.`, `Make room or ask for access${orAnother}.`);
  }
}

function describeSpace({ freeMiB }: FolderFacts, where: string): Answer {
  // Some file systems do not tell. That something could be written is what the check before proved.
  if (freeMiB === undefined) return yes(`How much is free in ${where} is not told.`);
  const text = freeMiB >= 10_240 ? `${Math.floor(freeMiB / 1024)} GiB` : `${freeMiB} MiB`;
  return freeMiB < leastFreeMiB ? no(`Only ${text} are free in ${where}.`, 'Make room there, or use another folder.') : yes(`${text} are free in ${where}.`);
}
