/**
 * What preflight asks of the far side, as one program and the parser of its reply.
 *
 * Rule: it changes nothing there but one small file in each folder, which it removes again, since only writing proves that
 * something can be written (a quota or a full disk does not show in the permissions).
 */
import type { ExecResult, RemoteCommand } from '../connection/port.ts';
import { HpcError } from '../foundation/errors.ts';

export interface FolderFacts {
  /** `present`, or `creatable`: not there yet, but its nearest parent may be written. */
  readonly state: 'present' | 'creatable' | 'missing' | 'not_a_folder' | 'not_writable';
  /** Undefined where `df` could not tell. */
  readonly freeMiB: number | undefined;
}
export interface RemoteFacts {
  /** What start-up files print when nobody is there to read it; empty is good. */
  readonly loginNoise: string;
  /** `3.11.2`; undefined when it does not start. */
  readonly pythonVersion: string | undefined;
  readonly scratch: FolderFacts;
  readonly home: FolderFacts;
  /** The line of `quota` that is over its limit; undefined: none, or there is no `quota`. */
  readonly quotaExceeded: string | undefined;
}

const mark = 'hpc-preflight:';

// `df` and `quota` may hang on a dead file server: each ends after a few seconds where there is `timeout`.
const program = `
say() { printf '%s\\n' "${mark}$1=$2"; }
limited() { if command -v timeout >/dev/null 2>&1; then timeout 8 "$@"; else "$@"; fi; }
folder() {
  d=$2; state=present
  while [ ! -e "$d" ] && [ "$d" != / ]; do state=creatable; d=$(dirname "$d"); done
  if [ ! -d "$d" ]; then state=not_a_folder
  else
    t="$d/.hpc-agent-preflight.$$"
    if (printf 'hpc-agent preflight\\n' > "$t") 2>/dev/null && [ -s "$t" ]; then :
    elif [ $state = creatable ]; then state=missing; else state=not_writable; fi
    rm -f "$t" 2>/dev/null
  fi
  say "$1" "$state"
  say "$1_df" "$(LC_ALL=C limited df -Pk "$d" 2>/dev/null | tail -n 1)"
}
sh=\${SHELL:-/bin/sh}
case $sh in
  *csh) noise=$(limited "$sh" -c true </dev/null 2>/dev/null | head -c 300 | tr '\\n' ' ') ;;
  *) noise=$(limited "$sh" -l -c true </dev/null 2>/dev/null | head -c 300 | tr '\\n' ' ') ;;
esac
say noise "$noise"
if [ -n "$1" ]; then say python "$(limited "$1" -S -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null </dev/null)"; fi
folder scratch "$2"
folder home "$3"
if command -v quota >/dev/null 2>&1; then say quota "$(limited quota -w 2>/dev/null | grep -E '[0-9]\\*' | head -n 1)"; fi
say end 0
`;

export function remoteFactsCommand(facts: { python: string | undefined; scratch: string; home: string }): RemoteCommand {
  return { argv: ['/bin/sh', '-c', program, 'hpc-preflight', facts.python ?? '', facts.scratch, facts.home] };
}

const folderStates: readonly string[] = ['present', 'creatable', 'missing', 'not_a_folder', 'not_writable'];

export function parseRemoteFacts(result: ExecResult, label: string): RemoteFacts {
  const said = new Map<string, string>();
  for (const line of result.stdout.split('\n')) {
    const at = line.startsWith(mark) ? line.indexOf('=') : -1;
    if (at > 0) said.set(line.slice(mark.length, at), line.slice(at + 1).trim());
  }
  if (said.get('end') !== '0') {
    throw new HpcError('remote_command_failed', `The checks on ${label} did not run to their end: ${result.stderr.trim().slice(-200) || `exit status ${result.exitCode ?? 'by a signal'}`}.`, { remediation: 'Log in by hand and see whether simple commands work there.' });
  }
  const folder = (name: string): FolderFacts => {
    const state = said.get(name) ?? '';
    // Filesystem, blocks, used, available, capacity, mount point; the first may hold spaces, so counted from the percentage.
    const free = /(\d+)\s+\d+%\s/.exec(said.get(`${name}_df`) ?? '')?.[1];
    return { state: folderStates.includes(state) ? (state as FolderFacts['state']) : 'missing', freeMiB: free === undefined ? undefined : Math.floor(Number(free) / 1024) };
  };
  const version = said.get('python');
  const quota = said.get('quota');
  return {
    loginNoise: said.get('noise') ?? '',
    pythonVersion: version !== undefined && /^\d+\.\d+\.\d+$/.test(version) ? version : undefined,
    scratch: folder('scratch'),
    home: folder('home'),
    quotaExceeded: quota === undefined || quota === '' ? undefined : quota,
  };
}

/** Far clock minus ours in seconds, with what the round trip leaves open. */
export interface ClockSkew {
  readonly skewS: number;
  readonly uncertaintyS: number;
}
export const clockCommand: RemoteCommand = { argv: ['date', '-u', '+hpc-clock %s'] };

/** The far side read its clock, in whole seconds, somewhere between our two readings. */
export function parseClock(result: ExecResult, sentMs: number, receivedMs: number): ClockSkew | undefined {
  const seconds = /^hpc-clock (\d+)$/m.exec(result.stdout)?.[1];
  if (seconds === undefined) return undefined;
  return { skewS: Number(seconds) + 0.5 - (sentMs + receivedMs) / 2000, uncertaintyS: (receivedMs - sentMs) / 2000 + 0.5 };
}
