/**
 * On Grid Engine. It preempts by suspending a queue for the sake of another (`subordinate_list`); where the site lets that queue's
 * `suspend_method` be SIGTERM, as here, its tasks end. A host without power is heard of only when it is back.
 */
import assert from 'node:assert/strict';
import { startGridEngine } from '../gridEngine.ts';
import { eventually } from './cli.ts';
import { describeRetries } from './describeRetries.ts';

const copyOfQueue = (name: string, edit: string): string => `qconf -sq all.q | sed -E 's/^(qname +).*/\\1${name}/; ${edit}' >"$folder/${name}" && qconf -Aq "$folder/${name}"`;

describeRetries('Grid Engine', async () => {
  const grid = await startGridEngine();
  const { ssh } = grid;
  const admin = async (script: string): Promise<void> => {
    const { exitCode, stderr, stdout } = await grid.asRoot(`export SGE_SINGLE_LINE=1; ${script}`, { machine: 'head' });
    assert.equal(exitCode, 0, `${script}: ${stderr}${stdout}`);
  };
  const removeQueues = 'qconf -dq urgent.q; qconf -dq spare.q; true';
  await admin(`${removeQueues}; folder=$(mktemp -d) && ${copyOfQueue('spare.q', 's/^(suspend_method +).*/\\1SIGTERM/')} && ${copyOfQueue('urgent.q', 's/^(subordinate_list +).*/\\1spare.q=1/')}; status=$?; rm -r "$folder"; exit $status`);
  return {
    cluster: { scheduler: 'sge', host: ssh.aliases.plain, ssh_config_file: ssh.sshConfigFile, scratch: '$HOME/scratch' },
    resources: { partition: 'spare.q', walltime: '60s' },
    open: async (node) => {
      if (node !== 1) await admin('qmod -e spare.q@exec2');
      if (node !== 2) await admin('qmod -e spare.q@exec1');
      if (node !== undefined) await admin(`qmod -d spare.q@exec${node === 1 ? 2 : 1}`);
    },
    harm: async () => {
      const onExec2 = async (): Promise<readonly string[]> => (await grid.asUser(`qstat -g d -s rs -q spare.q@exec2 | awk 'NR > 2 { print $1 "." $NF }'`)).stdout.split('\n').filter((id) => id !== '');
      const preempted = new Set(await onExec2());
      await grid.asUser('qsub -o /dev/null -e /dev/null -q urgent.q@exec2 -b y sleep 1');
      await Promise.all([
        // Others take their place at once.
        eventually('the tasks of exec2 have ended', async () => ((await onExec2()).every((id) => !preempted.has(id)) ? true : undefined)),
        grid.faults.killMachine('exec1').then(() => grid.faults.startMachine('exec1')),
      ]);
    },
    mend: () => Promise.resolve(),
    proofs: {
      node_failure: ['proved', 'accounting', /failed (19|21)\b/],
      preempted: ['likely', 'task_events', /^was asked to stop on exec2 before its time limit, and was not cancelled/],
      walltime: ['proved', 'accounting', /\bh_rt\b|of 60 s allowed/],
      system_oom: ['proved', 'log', /^MemoryError/],
    },
    clean: async () => {
      await grid.asUser('qdel -u "$USER"; rm -rf "$HOME"/scratch');
      await eventually('the queue is empty', async () => ((await grid.asUser('qstat -u "*"')).stdout.trim() === '' ? true : undefined));
      await admin(removeQueues);
    },
  };
});
