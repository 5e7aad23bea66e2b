/** Paths and tokens of ssh's configuration: `~`, `${NAME}` and `%h`-like ones. */
import * as os from 'node:os';
import * as path from 'node:path';

export interface TokenValues {
  /** As given on the command line (`%n`). */
  readonly alias: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

export function expandTokens(text: string, values: TokenValues): string {
  return text.replace(/%([%hnprudiLlk])/g, (_, token: string) => {
    switch (token) {
      case 'h':
        return values.host;
      case 'n':
      case 'k':
        return values.alias;
      case 'p':
        return String(values.port);
      case 'r':
        return values.user;
      case 'u':
        return os.userInfo().username;
      case 'd':
        return os.homedir();
      case 'i':
        return String(os.userInfo().uid);
      case 'l':
        return os.hostname();
      case 'L':
        return os.hostname().split('.')[0] ?? '';
      default:
        return '%';
    }
  });
}

export function expandPath(text: string, values: TokenValues, env: NodeJS.ProcessEnv = process.env): string {
  let expanded = expandTokens(text, values).replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string) => env[name] ?? '');
  if (expanded === '~') expanded = os.homedir();
  else if (/^~[\\/]/.test(expanded)) expanded = path.join(os.homedir(), expanded.slice(2));
  return expanded;
}
