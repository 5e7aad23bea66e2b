/**
 * Questions to PBS as one shell program each, and the proof that the answer is whole.
 *
 * Rules:
 * - The two families (OpenPBS with PBS Pro, and TORQUE) want different words, and a login node may change from one to the other. So the
 *   program asks its own `qstat --version` and then speaks to what it found; the answer says which it was.
 * - An answer stands between our two marks, and the last one is printed only when the program came to its end. Each call of qstat leaves its exit
 *   status: with ids that are gone already it is not zero, and the rest of its answer is good.
 * - Text is asked for, not JSON: it is the one form that all of them have, that lists every id, and that no variable of a user's can break as a whole.
 *   Attributes that nobody reads (above all Variable_List of each subjob) are left out on the far side: a thousand subjobs would print 1.5 MB.
 */
import { partsEnd } from '../answerParts.ts';
import type { CommandOutput, SchedulerCommand } from '../port.ts';
import { pbsFailure } from './errors.ts';
import { pbsUnset } from './environment.ts';

export type PbsFamily = 'openpbs' | 'torque';

/** `$family`; needs `$1`, a program of PBS. It does not ask the server. */
export const findFamily = `case "$("$1" --version 2>&1 </dev/null)" in
  *pbs_version*) family=openpbs ;;
  *[Vv]ersion:*) family=torque ;;
  *) case "$1" in *[Tt]orque*) family=torque ;; *) family=openpbs ;; esac ;;
esac`;

const keptOfJob = 'Job_Name Job_Owner job_state queue comment substate Exit_status exit_status exec_host Hold_Types depend stime array_index array_indices_submitted job_array_request array_indices_remaining array_state_count resources_used.mem resources_used.walltime resources_used.ncpus Resource_List.walltime Resource_List.ncpus estimated.start_time Variable_List';
const keptOfSubjob = 'job_state comment substate Exit_status exit_status exec_host Hold_Types stime array_index resources_used.mem resources_used.walltime resources_used.ncpus Resource_List.walltime';

// Lines that are neither attribute nor folded are the rest of a value with line breaks: they go with it.
const filter = `
/^HPCQ-/ || /^[^ \t].*maintain job history/ { print; next }
/^Job Id: / { wanted = ($0 ~ /\\[[0-9]+\\]/) ? sub_ : job; keep = 0; print; next }
/^    [A-Za-z_][A-Za-z0-9_.-]* =/ { keep = index(wanted, " " $1 " ") > 0; if (keep) print; next }
/^$/ { keep = 0; print; next }
{ if (keep) print }`;

const prelude = `qstat=$1; user=$2
${findFamily}
shift 2
printf '\\n%s %s\\n' HPCQ-BEGIN "$family"
lean() {
  LC_ALL=C awk -v job=' ${keptOfJob} ' -v sub_=' ${keptOfSubjob} ' '${filter}'
}
show() { # flags, then ids
  flags=$1; shift
  while [ $# -gt 0 ]; do
    some=; n=0
    while [ $# -gt 0 ] && [ $n -lt 200 ]; do some="$some $1"; n=$((n + 1)); shift; done
    set -f
    "$qstat" $flags $some
    printf '\\n%s %s\\n' HPCQ-RC $?
    set +f
  done
}
jobs() { # the ids as our own ids, from the table that names the user's jobs; a name where only such are wanted
  table=$("$qstat" $1 -u "$user")
  rc=$?
  printf '%s %s\\n' HPCQ-RC $rc
  [ $rc = 0 ] || return
  case $table in *'maintain job history'*) printf '%s\\n' "$table" >&2 ;; esac
  ids=$(printf '%s\\n' "$table" | LC_ALL=C awk -v name="$2" -v short="$3" '/^[0-9]+(\\[\\])?(\\.|[ *])/ { id = $1; sub(/[.*].*/, "", id); shown = $4; sub(/\\*$/, "", shown); if (name == "" || index(name, shown) == 1 || index(short, shown) == 1) print id }')
}
arrays() { for id in "$@"; do case $id in *']') printf '%s ' "$id" ;; esac; done; }
`;

/** The command; `body` has `$qstat`, `$user`, `$family`, the functions above, and `words` as its arguments. */
export function pbsQuestion(body: string, qstat: string, user: string, words: readonly string[], timeoutS: number): SchedulerCommand {
  return { argv: ['/bin/sh', '-c', `${prelude}${body}\nprintf '\\n%s\\n' ${partsEnd}`, 'hpc-agent', qstat, user, ...words], unset: pbsUnset, timeoutS };
}

/** What ids that left meanwhile are called. */
export const goneAlready = /Unknown Job Id|Job has finished|Unknown Job\b/i;

export interface PbsAnswer {
  readonly family: PbsFamily;
  readonly text: string;
}

/** Throws the typed error unless the answer is whole and every complaint is about an id that is gone. */
export function pbsAnswer(what: string, output: CommandOutput): PbsAnswer {
  const text = output.stdout.replaceAll('\r\n', '\n');
  const begin = /(?:^|\n)HPCQ-BEGIN (openpbs|torque)\n/.exec(text);
  const end = text.lastIndexOf(`\n${partsEnd}\n`);
  if (output.exitCode !== 0 || !begin || end < begin.index) throw pbsFailure(what, output);
  const body = text.slice(begin.index + begin[0].length, end + 1);
  const statuses = [...body.matchAll(/^HPCQ-RC (\d+)$/gm)].map((match) => Number(match[1]));
  if (statuses.length === 0) throw pbsFailure(what, output);
  if (/^\S.*maintain job history/im.test(`${output.stderr}\n${body}`)) throw pbsFailure(what, { ...output, stderr: `${output.stderr}\nPBS is not configured to maintain job history` });
  const bad = statuses.find((status) => status !== 0);
  if (bad !== undefined) {
    const complaints = output.stderr.split('\n').filter((line) => /^\s*(qstat|pbs_\w+): /.test(line) || /connect|communicat|end of file|timed? ?out|munge|trqauthd/i.test(line));
    if (complaints.length === 0 || !complaints.every((line) => goneAlready.test(line))) throw pbsFailure(what, { ...output, exitCode: bad });
  }
  return { family: begin[1] === 'torque' ? 'torque' : 'openpbs', text: body.replaceAll(/\n?HPCQ-RC \d+\n/g, '\n') };
}
