/** Makes one ssh connection: the route of jump hosts, then at each stop socket, host key and sign-in. One attempt; what fails is told as ConnectFailure. */
import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Client, ServerHostKeyAlgorithm } from 'ssh2';
import { CancelledError } from '../../foundation/abort.ts';
import { HpcError, messageOf, systemCodeOf } from '../../foundation/errors.ts';
import type { Log } from '../../foundation/log.ts';
import { ConnectFailure } from '../failure.ts';
import { createPatience } from '../patience.ts';
import type { PromptPort } from '../port.ts';
import { createAuthentication, type Authentication } from './authentication.ts';
import { parseJump, resolveSshSettings, type SshSettings, type SshTarget } from './config.ts';
import { createHostKeyCheck } from './hostKeys.ts';
import type { RemoteLink } from '../remoteConnection.ts';
import { createSshLink } from './link.ts';
import type { OpenedKey } from './openKey.ts';
import { openProxyCommand } from './proxyCommand.ts';

/** What one connection object remembers between its attempts; never written anywhere. */
export interface SshMemory {
  readonly openedKeys: Map<string, OpenedKey>;
  readonly hostKeysAcceptedOnce: Set<string>;
}

export interface ConnectContext {
  readonly prompts: PromptPort;
  readonly log: Log;
  readonly memory: SshMemory;
  readonly signal: AbortSignal;
  readonly asked: () => void;
  readonly resolve?: typeof resolveSshSettings;
}

const mostStops = 8;

/** The stops on the way, the target last. A host's own ProxyJump is followed for the first stop only, as ssh does. */
export async function planRoute(target: SshTarget, resolve: (target: SshTarget) => Promise<SshSettings>, stopsSoFar = 0): Promise<SshSettings[]> {
  const settings = await resolve(target);
  if (settings.proxyJump === undefined) return [settings];
  const stops = settings.proxyJump.split(',').map(parseJump);
  if (stopsSoFar + stops.length > mostStops) {
    throw new HpcError('config_invalid', `The way to ${target.host} leads over more than ${mostStops} jump hosts.`, { remediation: 'Look for a ProxyJump that leads back to itself.' });
  }
  const route: SshSettings[] = [];
  for (const [index, stop] of stops.entries()) {
    const hop: SshTarget = {
      kind: 'ssh',
      ...stop,
      ...(index === 0 ? {} : { proxyJump: 'none' }),
      ...(target.sshConfigFile === undefined ? {} : { sshConfigFile: target.sshConfigFile }),
      ...(target.knownHostsFile === undefined ? {} : { knownHostsFile: target.knownHostsFile }),
      ...(target.connectTimeoutMs === undefined ? {} : { connectTimeoutMs: target.connectTimeoutMs }),
      ...(target.keepaliveIntervalMs === undefined ? {} : { keepaliveIntervalMs: target.keepaliveIntervalMs }),
    };
    const own = await resolve(hop);
    // `Host *` with a ProxyJump names the jump host too: a host is not reached through itself.
    if (sameServer(own, settings)) continue;
    const before = index === 0 && own.proxyJump !== undefined && !sameServer(await resolve({ ...hop, ...parseJump(own.proxyJump.split(',').pop() ?? ''), proxyJump: 'none' }), own) ? await planRoute(hop, resolve, stopsSoFar + stops.length) : [own];
    // The profile's key is what its owner has; the way there is likely to take it too.
    route.push(...before.map((hopSettings) => (target.identityFile === undefined ? hopSettings : { ...hopSettings, identityFiles: [...hopSettings.identityFiles, ...settings.identityFiles] })));
  }
  return [...route, settings];
}

function sameServer(a: SshSettings, b: SshSettings): boolean {
  return a.host === b.host && a.port === b.port && a.user === b.user;
}

export async function connectSsh(target: SshTarget, context: ConnectContext): Promise<RemoteLink> {
  const resolve = context.resolve ?? resolveSshSettings;
  let route: SshSettings[];
  try {
    route = await planRoute(target, (one) => resolve(one, { signal: context.signal }));
  } catch (error) {
    if (CancelledError.is(error)) throw error;
    throw new ConnectFailure('refused', messageOf(error), error instanceof HpcError ? error.remediation : undefined);
  }
  const clients: Client[] = [];
  let neededPerson = false;
  try {
    for (const [index, settings] of route.entries()) {
      const through = clients[clients.length - 1];
      const { client, authentication } = await signIn(settings, through, index, context);
      clients.push(client);
      neededPerson ||= authentication.neededPerson;
    }
    return createSshLink(clients, neededPerson);
  } catch (error) {
    for (const client of clients.reverse()) client.on('error', () => undefined).destroy();
    throw error;
  }
}

async function openSocket(settings: SshSettings, through: Client | undefined, context: ConnectContext): Promise<Duplex> {
  const values = { alias: settings.alias, host: settings.host, port: settings.port, user: settings.user };
  if (through) {
    return await new Promise((resolve, reject) => {
      through.forwardOut('127.0.0.1', 0, settings.host, settings.port, (error, stream) => {
        if (error) reject(new ConnectFailure('transport', `The jump host cannot reach ${settings.host}:${settings.port}: ${error.message}`, 'Check the host name as the jump host knows it, and that forwarding is allowed there.'));
        else resolve(stream);
      });
    });
  }
  if (settings.proxyCommand !== undefined) return openProxyCommand(settings.proxyCommand, values);
  return await new Promise((resolve, reject) => {
    const socket = connectTcp({ host: settings.host, port: settings.port, noDelay: true, keepAlive: true });
    const timer = setTimeout(() => fail(new ConnectFailure('transport', `${settings.host}:${settings.port} did not answer within ${settings.connectTimeoutMs / 1000} s.`, 'Check the network, or the VPN that the site asks for.')), settings.connectTimeoutMs);
    const cleanUp = (): void => {
      clearTimeout(timer);
      context.signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: Error): void => {
      cleanUp();
      socket.on('error', () => undefined).destroy();
      reject(error);
    };
    const onAbort = (): void => fail(new CancelledError());
    context.signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', (error) => fail(new ConnectFailure('transport', describeSocketError(error, settings), remediationForSocket(systemCodeOf(error)))));
    socket.once('connect', () => {
      cleanUp();
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

function describeSocketError(error: Error, settings: SshSettings): string {
  const where = `${settings.host}:${settings.port}`;
  switch (systemCodeOf(error)) {
    case 'ECONNREFUSED':
      return `${where} refuses connections.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The name ${settings.host} cannot be resolved.`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `There is no way to ${where}.`;
    default:
      return `${where} cannot be reached: ${error.message === '' ? (systemCodeOf(error) ?? 'unknown reason') : error.message}`;
  }
}

function remediationForSocket(code: string | undefined): string {
  if (code === 'ECONNREFUSED') return 'Check the port, and that the host is up and lets ssh in.';
  if (code === 'ENOTFOUND') return 'Check the host name, and the VPN that the site asks for.';
  return 'Check the network, or the VPN that the site asks for.';
}

async function signIn(settings: SshSettings, through: Client | undefined, index: number, context: ConnectContext): Promise<{ client: Client; authentication: Authentication }> {
  const { Client: SshClient } = (await import('ssh2')).default;
  const log = context.log.child(`hop${index}`);
  const hostKeys = await createHostKeyCheck({
    host: settings.host,
    port: settings.port,
    alias: settings.hostKeyAlias,
    userFiles: settings.userKnownHostsFiles,
    globalFiles: settings.globalKnownHostsFiles,
    acceptedOnce: context.memory.hostKeysAcceptedOnce,
    prompts: context.prompts,
    log,
  });
  if (context.signal.aborted) throw new CancelledError();
  const sock = await openSocket(settings, through, context);
  const client = new SshClient();

  return await new Promise((resolve, reject) => {
    let settled = false;
    let banner = '';
    const settle = (act: () => void): void => {
      if (settled) return;
      settled = true;
      patience.dispose();
      context.signal.removeEventListener('abort', onAbort);
      act();
    };
    const giveUp = (error: Error): void =>
      settle(() => {
        client.on('error', () => undefined);
        client.end();
        sock.destroy();
        reject(error);
      });
    const onAbort = (): void => giveUp(new CancelledError());
    const patience = createPatience(settings.connectTimeoutMs, () =>
      giveUp(new ConnectFailure('transport', `${settings.host}:${settings.port} did not complete the connection within ${settings.connectTimeoutMs / 1000} s.`, 'The host may be overloaded: try later.')),
    );
    const authentication = createAuthentication({
      settings,
      prompts: context.prompts,
      signal: context.signal,
      openedKeys: context.memory.openedKeys,
      asked: context.asked,
      whileAsking: (answer) => patience.whileAsking(answer),
      giveUp,
    });

    context.signal.addEventListener('abort', onAbort, { once: true });
    client.on('banner', (text) => {
      banner = text.trim();
      log.info('banner', { text: banner.slice(0, 2000) });
    });
    client.on('ready', () => settle(() => resolve({ client, authentication })));
    const broke = (reason: string): void => {
      const text = `${reason}${banner === '' ? '' : ` (the server says: ${banner.slice(0, 300)})`}`;
      // Being cut off after a key or an answer was turned down is the server's way of refusing; trying again by ourselves could lock the account.
      if (authentication.turnedDown || /too many authentication failures/i.test(reason)) giveUp(authentication.failure());
      else giveUp(new ConnectFailure('transport', `${settings.host}:${settings.port}: ${text}`, 'The host may be overloaded, going down, or closed to this network: try later.'));
    };
    client.on('error', (error: Error & { level?: string }) => {
      if (error.level === 'agent') return;
      if (error.level === 'client-authentication') giveUp(authentication.failure());
      else broke(error.message);
    });
    client.on('close', () => broke('the host closed the connection while it was being made'));

    client.connect({
      sock,
      username: settings.user,
      readyTimeout: 0,
      keepaliveInterval: settings.keepaliveIntervalMs,
      keepaliveCountMax: settings.keepaliveCount,
      algorithms: { serverHostKey: [...hostKeys.algorithms] as ServerHostKeyAlgorithm[] },
      hostVerifier: (key: Buffer, verify: (valid: boolean) => void) => {
        patience.whileAsking(hostKeys.check(key, { signal: context.signal, asked: context.asked })).then(
          () => verify(true),
          (error: unknown) => {
            giveUp(CancelledError.is(error) ? new CancelledError() : (error as Error));
            verify(false);
          },
        );
      },
      authHandler: authentication.handler,
      debug: authentication.onDebug,
    });
  });
}
