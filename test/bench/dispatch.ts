/** One task from the dispatcher's start to its end against an empty Python. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { freezeParams } from '../../src/executors/paramsFile.ts';
import { canonicalPythonJson } from '../../src/executors/pythonJson.ts';
import { programStarts } from './measure.ts';
import { root, type Places } from './places.ts';
import { comparedStarts, ratioAtMost, type Row } from './report.ts';

export async function dispatch(places: Places, short: boolean): Promise<readonly Row[]> {
  const workspace = await places.folder('dispatch');
  const runtime = path.join(workspace, '.hpc', 'runtime');
  const runs = path.join(workspace, '.hpc', 'runs');
  await fs.mkdir(runs, { recursive: true });
  await fs.mkdir(path.join(workspace, 'state', 'events'), { recursive: true });
  // A copy, as on a cluster: Python may write its compiled form beside it.
  await fs.cp(path.join(root, 'templates', 'runtime'), runtime, { recursive: true, filter: (file) => !/__pycache__|_cache$/.test(file) });
  const warmUp = 3;
  const rounds = short ? 20 : 100;
  const { params, index, cmdSha } = freezeParams(Array.from({ length: rounds + warmUp }, (_, i) => canonicalPythonJson({ seed: i, alpha: 0.5 })));
  await fs.writeFile(path.join(runs, 'r1.params.jsonl'), params);
  await fs.writeFile(path.join(runs, 'r1.params.idx'), index);
  const sidecar = { sidecar_schema_version: 2, run_id: 'r1', cmd_sha: cmdSha, task_count: rounds + warmUp, executor: '/bin/true', result_dir_template: 'results/{run_id}/task_{task_id}', extra: { command: { argv: ['/bin/true'], flags: {} } } };
  await fs.writeFile(path.join(runs, 'r1.json'), JSON.stringify(sidecar));
  const times = await programStarts(
    {
      ours: {
        argv: ['python3', '-S', '-E', path.join(runtime, '_hpc_dispatch.py')],
        cwd: workspace,
        env: { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: workspace, HPC_RUN_ID: 'r1', HPC_TASK_ID: '{round}', HPC_DIR: path.join(workspace, '.hpc'), HPC_STATE_DIR: path.join(workspace, 'state') },
      },
      python: { argv: ['python3', '-S', '-c', 'pass'] },
      executor: { argv: ['/bin/true'] },
    },
    rounds,
    warmUp,
  );
  const events = (await Promise.all((await fs.readdir(path.join(workspace, 'state', 'events'))).map((name) => fs.readFile(path.join(workspace, 'state', 'events', name), 'utf8')))).join('');
  const done = events.split('\n').filter((line) => line.includes('"o":"done"')).length;
  if (done !== rounds + warmUp) throw new Error(`only ${done} of ${rounds + warmUp} tasks were dispatched`);
  const without = (whole: readonly number[], part: readonly number[]): number[] => whole.map((value, round) => value - (part[round] ?? 0));
  const overhead = { ms: without(times.ours.ms, times.executor.ms), cpuMs: without(times.ours.cpuMs, times.executor.cpuMs) };
  const python = { name: 'python3 -S -c pass', times: times.python };
  return [
    comparedStarts('dispatch of a task', 'dispatcher with /bin/true', times.ours, python, ratioAtMost(1.5)),
    comparedStarts('dispatch of a task', 'the same without /bin/true', overhead, python),
    comparedStarts('dispatch of a task', 'dispatcher with /bin/true', times.ours, { name: '/bin/true', times: times.executor }),
  ];
}
