/** Makes one connection with the system's ssh. One attempt; what fails is told as ConnectFailure. */
import { writeFile } from 'node:fs/promises';
import * as fs from 'node:fs';
import * as net from 'node:net';
import { CancelledError } from '../../foundation/abort.ts';
import { HpcError, messageOf, systemCodeOf } from '../../foundation/errors.ts';
import type { Log } from '../../foundation/log.ts';
import { keptShellLine } from '../channel/loginLine.ts';
import { sshEnvironment } from '../childEnvironment.ts';
import { ConnectFailure } from '../failure.ts';
import type { PromptPort } from '../port.ts';
import type { RemoteLink } from '../remoteConnection.ts';
import { resolveHost, type ResolvedHost, type SshSettings, type SshTarget } from '../ssh/config.ts';
import { planRoute } from '../ssh/connect.ts';
import { keepTrusted } from './answers.ts';
import { startAskpass, type Askpass } from './askpass.ts';
import { configText } from './configFile.ts';
import { explainFailure, type FailureFacts } from './failures.ts';
import { createOpensshLink } from './link.ts';
import { configuredMaster, findMaster, startMaster, type RunningMaster } from './master.ts';
import { controlName, makePrivateFolder, type PrivateFolder } from './privateFolder.ts';
import { overMaster, type SshProgram } from './program.ts';
import { beginSignIn, type SignIn } from './signIn.ts';
import { holdSpare } from './spare.ts';

/** What one connection object has between its attempts. */
export interface OpensshMemory {
  folder: PrivateFolder | undefined;
  askpass: Askpass | undefined;
  readonly remembered: Map<string, string>;
  /** For names of files in the folder. */
  count: number;
}

export interface OpensshContext {
  readonly prompts: PromptPort;
  readonly log: Log;
  readonly memory: OpensshMemory;
  readonly signal: AbortSignal;
  readonly asked: () => void;
  /** False: each session signs in for itself, as OpenSSH for Windows must. */
  readonly multiplex: boolean;
}

interface Prepared {
  readonly target: SshTarget;
  readonly settings: SshSettings;
  readonly resolved: ResolvedHost;
  readonly route: readonly ResolvedHost[];
  readonly folder: PrivateFolder;
  readonly askpass: Askpass;
  readonly environment: Readonly<Record<string, string>>;
  /** ssh's words for the way to the host. */
  readonly options: readonly string[];
  readonly acceptedFile: string;
  readonly logFile: () => string;
}

async function prepare(target: SshTarget, context: OpensshContext): Promise<Prepared> {
  const { memory } = context;
  const hosts = new Map<SshSettings, ResolvedHost>();
  const known = (settings: SshSettings): ResolvedHost => hosts.get(settings) ?? { settings, printed: [...hosts.values()].find((host) => host.settings.alias === settings.alias)?.printed };
  try {
    const stops = await planRoute(target, async (one) => {
      const host = await resolveHost(one, { signal: context.signal });
      hosts.set(host.settings, host);
      return host.settings;
    });
    const route = stops.map(known);
    const resolved = route[route.length - 1];
    if (resolved?.printed === undefined) throw new HpcError('config_invalid', 'There is no ssh program on this computer that could be used.', { remediation: 'Install OpenSSH, or set "connection: ssh" for this cluster.' });
    const folder = (memory.folder ??= await makePrivateFolder());
    const askpass = (memory.askpass ??= await startAskpass(folder));
    const acceptedFile = folder.file('accepted_keys');
    const configFile = folder.file('config');
    await writeFile(configFile, await configText({ target, route, acceptedFile }), { mode: 0o600 });
    return {
      target,
      settings: resolved.settings,
      resolved,
      route,
      folder,
      askpass,
      environment: { ...sshEnvironment(), ...askpass.environment },
      options: [
        ...['-F', configFile],
        ...(target.user === undefined ? [] : ['-l', target.user]),
        ...(target.port === undefined ? [] : ['-p', String(target.port)]),
        ...(target.proxyJump === undefined ? [] : ['-o', `ProxyJump=${target.proxyJump}`]),
      ],
      acceptedFile,
      logFile: () => folder.file(`log${(memory.count += 1)}`),
    };
  } catch (error) {
    if (CancelledError.is(error) || context.signal.aborted) throw new CancelledError();
    throw new ConnectFailure('refused', messageOf(error), error instanceof HpcError ? error.remediation : undefined);
  }
}

/** What is wrong with the agent that ssh is to ask, if anything. */
async function agentNote(socketPath: string | undefined): Promise<string | undefined> {
  if (socketPath === undefined) return undefined;
  return await new Promise((resolve) => {
    const socket = net.connect(socketPath);
    socket.once('connect', () => (socket.destroy(), resolve(undefined)));
    socket.once('error', (error) => resolve(`the ssh agent at ${socketPath} cannot be used (${systemCodeOf(error) ?? error.message})`));
  });
}

async function factsOf({ settings }: Prepared, signIn: SignIn): Promise<FailureFacts> {
  return {
    who: `${settings.user}@${settings.host}`,
    alias: settings.alias,
    host: settings.host,
    place: `${settings.host}:${settings.port}`,
    keyFiles: settings.authentications.includes('publickey') ? settings.identityFiles.filter((file) => fs.existsSync(file)) : [],
    agentNote: await agentNote(settings.agent),
    tried: signIn.answers.tried,
  };
}

export async function connectOpenssh(target: SshTarget, context: OpensshContext): Promise<RemoteLink> {
  const prepared = await prepare(target, context);
  const { settings, resolved, folder, askpass, environment } = prepared;
  const multiplex = context.multiplex && folder.takesSockets;
  const configured = multiplex && resolved.printed ? configuredMaster(resolved.printed) : undefined;
  let useConfigured = configured?.persists === true;
  if (configured) {
    const found = await findMaster(configured, settings.alias, environment, prepared.logFile());
    if ('control' in found) return linkOver(prepared, found, false);
    if (found.why !== undefined) {
      useConfigured = false;
      context.log.warn('the ssh master of this host is not used', { controlPath: configured.controlPath, reason: found.why });
    }
  }
  if (context.signal.aborted) throw new CancelledError();

  const stops = prepared.route.length;
  const signIn = beginSignIn({
    who: `${settings.user}@${settings.host}`,
    place: `${settings.host}:${settings.port}`,
    stops,
    limitMs: settings.connectTimeoutMs * (stops + 1),
    prompts: context.prompts,
    log: context.log,
    signal: context.signal,
    remembered: context.memory.remembered,
    rememberPasswords: !multiplex,
    asked: context.asked,
  });
  askpass.answerer = (prompt, hint) => signIn.answers.answer(prompt, hint);
  try {
    if (!multiplex) return await linkAlone(prepared, signIn);
    const ours = !useConfigured || !configured;
    const controlPath = ours ? folder.file(`${controlName}${(context.memory.count += 1) % 100}`) : configured.controlPath;
    const started = await startMaster({ options: prepared.options, host: settings.alias, environment, controlPath, ours, stopped: signIn.stopped });
    if ('text' in started) throw await explainFailure(started.text, await factsOf(prepared, signIn));
    return linkOver(prepared, started, signIn.answers.neededPerson);
  } finally {
    askpass.answerer = undefined;
    signIn.dispose();
    await keepTrusted(prepared.acceptedFile, signIn.answers.trusted, settings.userKnownHostsFiles[0], context.log);
  }
}

function linkOver(prepared: Prepared, master: RunningMaster, neededPerson: boolean): RemoteLink {
  const { settings, environment, logFile } = prepared;
  return createOpensshLink({
    program: overMaster(master.controlPath, settings.alias, environment),
    logFile,
    neededPerson,
    master,
    keepaliveIntervalMs: settings.keepaliveIntervalMs,
    keepaliveCount: settings.keepaliveCount,
  });
}

/** Each session signs in for itself; the first one proves that it works, and is kept for whoever comes first. */
async function linkAlone(prepared: Prepared, signIn: SignIn): Promise<RemoteLink> {
  const { settings, askpass, logFile } = prepared;
  const { answers } = signIn;
  const program: SshProgram = {
    options: [...prepared.options, '-o', 'ControlPath=none', '-o', 'ClearAllForwardings=yes', '-o', 'RemoteCommand=none'],
    host: settings.alias,
    environment: prepared.environment,
  };
  let text = '';
  let signedIn = false;
  const link = createOpensshLink({
    program,
    logFile,
    get neededPerson() {
      return answers.neededPerson;
    },
    master: undefined,
    keepaliveIntervalMs: settings.keepaliveIntervalMs,
    keepaliveCount: settings.keepaliveCount,
    repeatable: () => answers.repeatable,
    onUnopened: (log) => {
      if (!signedIn) text = log;
    },
  });
  try {
    const spare = await Promise.race([holdSpare(link), signIn.stopped]);
    signedIn = true;
    // From now on only what is remembered is answered: nobody is asked for the second session of a connection.
    setImmediate(() => (askpass.answerer = (prompt) => Promise.resolve(answers.again(prompt))));
    return {
      closed: link.closed,
      neededPerson: answers.neededPerson,
      openChannel: (line, handlers) => (line === keptShellLine ? spare.take(handlers) : undefined) ?? link.openChannel(line, handlers),
      openTerminal: (request) => link.openTerminal(request),
      connectTcp: (host, port) => link.connectTcp(host, port),
      dispose: () => link.dispose(),
    };
  } catch (error) {
    link.dispose();
    if (error instanceof ConnectFailure || CancelledError.is(error)) throw error;
    throw await explainFailure(text === '' ? messageOf(error) : text, await factsOf(prepared, signIn));
  }
}
