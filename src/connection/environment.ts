/**
 * What the far side is like, asked in one program.
 *
 * Rules: everything that a login start-up file may print is noise; only lines with our mark, and the variables between two marks, are read.
 * The login shell is ended after a while, since a start-up file may wait for somebody; then plain sh answers.
 */
import { HpcError } from '../foundation/errors.ts';
import { newToken } from '../foundation/ids.ts';
import { isEnvironmentName, quoteWord } from '../foundation/quoting.ts';
import type { ExecResult, RemoteCommand, RemoteEnvironment } from './port.ts';

export const toolNames: readonly string[] = [
  ...['sbatch', 'squeue', 'sacct', 'scancel', 'scontrol', 'sinfo', 'sacctmgr', 'srun'],
  ...['qsub', 'qstat', 'qacct', 'qdel', 'qconf', 'qhost', 'qquota', 'pbsnodes'],
  ...['tar', 'gzip', 'rsync', 'git'],
];
const pythonNames: readonly string[] = ['python3', ...Array.from({ length: 15 }, (_, i) => `python3.${20 - i}`), 'python'];
/** Prints the interpreter's own path where it is new enough: a name proves nothing, and a wrapper of that name may not run elsewhere. */
const pythonProbe = 'import sys; sys.stdout.write(sys.executable if sys.version_info >= (3, 6) else "")';
const loginLimitS = 20;

export interface EnvironmentQuestion {
  readonly command: RemoteCommand;
  parse(result: ExecResult): RemoteEnvironment;
}

export function environmentQuestion(nonce: string = newToken()): EnvironmentQuestion {
  // Read by the login shell, so that it sees what a person sees there.
  const probe = [
    `printf '\\n%s[' ${nonce}`,
    `if env -0 >/dev/null 2>&1; then printf 0; env -0; else printf n; env; fi`,
    `printf '%s]\\n' ${nonce}`,
    `for tool in ${toolNames.join(' ')}; do at=$(command -v "$tool" 2>/dev/null) || continue`,
    `case $at in /*) printf '%s:tool.%s=%s\\n' ${nonce} "$tool" "$at";; esac; done`,
    `for name in ${pythonNames.join(' ')}; do at=$(command -v "$name" 2>/dev/null) || continue`,
    `case $at in /*) ;; *) continue;; esac`,
    `python=$("$at" -S -c ${quoteWord(pythonProbe)} 2>/dev/null </dev/null) || continue`,
    `case $python in /*) printf '%s:python=%s\\n' ${nonce} "$python"; break;; esac; done`,
    `printf '%s:end=1\\n' ${nonce}`,
    'exit 0',
  ].join('\n');
  const fact = (name: string, command: string): string => `printf '%s:%s=%s\\n' ${nonce} ${name} "$(${command})"`;
  const script = [
    fact('user', 'id -un 2>/dev/null || printf %s "$USER"'),
    fact('home', 'printf %s "$HOME"'),
    fact('hostname', 'hostname 2>/dev/null || uname -n'),
    fact('system', 'uname -s'),
    fact('boot', 'cat /proc/sys/kernel/random/boot_id 2>/dev/null'),
    'login=sh; command -v bash >/dev/null 2>&1 && login=bash',
    `limit=; command -v timeout >/dev/null 2>&1 && limit='timeout -k 1 ${loginLimitS}'`,
    `probe=${quoteWord(probe)}`,
    `$limit $login -lc "$probe" </dev/null 2>/dev/null || eval "$probe"`,
  ].join('\n');
  return { command: { script }, parse: (result) => parseEnvironment(result, nonce) };
}

function parseEnvironment(result: ExecResult, nonce: string): RemoteEnvironment {
  const facts = new Map<string, string>();
  const mark = `${nonce}:`;
  for (const line of result.stdout.split('\n')) {
    // A start-up file that runs at the shell's exit, or in the background, may have left text without a newline before ours.
    const begin = line.indexOf(mark);
    if (begin < 0) continue;
    const at = line.indexOf('=', begin);
    if (at > 0) facts.set(line.slice(begin + mark.length, at), line.slice(at + 1));
  }
  if (!facts.has('end')) {
    throw new HpcError('remote_command_failed', `The host's environment could not be read (exit ${result.exitCode ?? 'by a signal'}). ${result.stderr.trim().slice(-300)}`.trim(), {
      remediation: 'Check that a login on that host ends up in a shell that can run sh, env and id.',
    });
  }
  const tools: Record<string, string> = {};
  for (const [name, value] of facts) {
    if (name.startsWith('tool.')) tools[name.slice('tool.'.length)] = value;
  }
  return {
    user: facts.get('user') ?? '',
    home: facts.get('home') ?? '',
    hostname: facts.get('hostname') ?? '',
    system: facts.get('system') ?? '',
    bootId: facts.get('boot') ?? '',
    variables: parseVariables(result.stdout, nonce),
    python: facts.get('python'),
    tools,
  };
}

/** The variables between the last pair of marks; exported functions (`BASH_FUNC_x%%`) and other names that are not variables are left out. */
function parseVariables(text: string, nonce: string): Record<string, string> {
  const to = text.lastIndexOf(`${nonce}]`);
  const from = to < 0 ? -1 : text.lastIndexOf(`${nonce}[`, to);
  if (from < 0) return {};
  const body = text.slice(from + nonce.length + 1, to);
  const variables: Record<string, string> = {};
  for (const entry of body.slice(1).split(body.startsWith('0') ? '\0' : '\n')) {
    const at = entry.indexOf('=');
    if (at > 0 && isEnvironmentName(entry.slice(0, at))) variables[entry.slice(0, at)] = entry.slice(at + 1);
  }
  delete variables._;
  return variables;
}
