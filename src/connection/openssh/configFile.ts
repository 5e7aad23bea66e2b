/**
 * The ssh configuration that our ssh processes read: our own lines first, since the first value counts, then the person's.
 *
 * Rules: a file, not arguments, because ssh hands it on to its jump hosts. Host keys: never weaker than the person's settings (`yes` stays `yes`), and
 * never below asking. New keys are written to a file of ours, so that "once" leaves no trace.
 */
import { readTextIfThere } from '../../foundation/atomicFile.ts';
import type { ResolvedHost, SshTarget } from '../ssh/config.ts';

/** In double quotes, where only these are special. Percent signs would be tokens. */
function quoted(file: string): string {
  return `"${file.replaceAll('%', '%%')}"`;
}

export interface ConfigFileOptions {
  readonly target: SshTarget;
  /** The stops on the way, the target last. */
  readonly route: readonly ResolvedHost[];
  /** Where ssh writes keys that were accepted. */
  readonly acceptedFile: string;
}

const nowhere = process.platform === 'win32' ? 'NUL' : '/dev/null';

export function ourLines({ target, route, acceptedFile }: ConfigFileOptions): string {
  const last = route[route.length - 1]?.settings;
  const perHost = route.flatMap(({ settings, printed }) => [
    `Match originalhost "${settings.alias}"`,
    `  StrictHostKeyChecking ${/^(yes|true)$/i.test(printed?.get('stricthostkeychecking')?.[0] ?? '') ? 'yes' : 'ask'}`,
    `  UserKnownHostsFile ${[acceptedFile, ...settings.userKnownHostsFiles].map(quoted).join(' ')}`,
    `  GlobalKnownHostsFile ${settings.globalKnownHostsFiles.length === 0 ? nowhere : settings.globalKnownHostsFiles.map(quoted).join(' ')}`,
  ]);
  return [
    ...perHost,
    'Match all',
    ...(target.identityFile === undefined ? [] : [`  IdentityFile ${quoted(last?.identityFiles[0] ?? target.identityFile)}`, '  IdentitiesOnly yes']),
    '  StrictHostKeyChecking ask',
    '  NoHostAuthenticationForLocalhost no',
    '  VerifyHostKeyDNS no',
    '  UpdateHostKeys no',
    '  VisualHostKey no',
    '  FingerprintHash sha256',
    '  NumberOfPasswordPrompts 1',
    '  LogLevel INFO',
    ...(last === undefined ? [] : [`  ConnectTimeout ${Math.ceil(last.connectTimeoutMs / 1000)}`, `  ServerAliveInterval ${Math.max(1, Math.ceil(last.keepaliveIntervalMs / 1000))}`, `  ServerAliveCountMax ${last.keepaliveCount}`]),
    '  ForwardX11 no',
    '  ForwardAgent no',
    '  PermitLocalCommand no',
    '',
  ].join('\n');
}

/** The whole text. A named file is copied in: an `Include` would refuse one that the group may write, which `-F` takes. */
export async function configText(options: ConfigFileOptions): Promise<string> {
  const { sshConfigFile } = options.target;
  const ours = ourLines(options);
  if (sshConfigFile !== undefined) return `${ours}\n${(await readTextIfThere(sshConfigFile)) ?? ''}\n`;
  const system = process.platform === 'win32' ? '__PROGRAMDATA__/ssh/ssh_config' : '/etc/ssh/ssh_config';
  return `${ours}\nInclude config\nMatch all\nInclude ${system}\n`;
}
