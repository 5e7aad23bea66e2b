/** What needs no cluster: merging what was observed of 50 runs of 1,000 tasks, and evaluating a sweep of 100,000, against plain Python loops. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { openConnection } from '../../src/connection/openConnection.ts';
import { silentLog } from '../../src/foundation/log.ts';
import { systemClock } from '../../src/foundation/clock.ts';
import { noProgress } from '../../src/foundation/progress.ts';
import { textHash } from '../../src/runs/lineDifference.ts';
import { writeSnapshot } from '../../src/runs/clusterSnapshot.ts';
import { executorPort } from '../../src/operations/executorPort.ts';
import { createServices } from '../../src/operations/createServices.ts';
import { listRunStates } from '../../src/runs/listRuns.ts';
import { interleaved, program } from './measure.ts';
import { noPrompts, root, type Places } from './places.ts';
import { compared, type Row } from './report.ts';
import { eventLogs, queueText, syntheticRuns, writeSidecars } from './syntheticRuns.ts';

const progress = { tasks: 1000, done: 500, running: 100 };

const pythonMerge = `
import glob, json, sys
states = {}
for name in glob.glob(sys.argv[1] + "/*/events/*.jsonl"):
    run = name.split("/")[-3]
    for line in open(name):
        event = json.loads(line)
        states[run, event["i"]] = "running" if event["e"] == "start" else event["o"]
print(len(json.dumps([[run, i, state] for (run, i), state in states.items()])))
`;

const tasksPy = 'def total():\n    return COUNT\n\n\ndef resolve(i):\n    return {"seed": i, "alpha": i / 1000, "model": "ridge"}\n';

const pythonEvaluate = `
import hashlib, json, sys
exec(open(sys.argv[1]).read())
lines = [json.dumps(resolve(i), sort_keys=True, separators=(",", ":")) for i in range(total())]
print(hashlib.sha256("\\n".join(lines).encode()).hexdigest())
print("\\n".join(lines))
`;

export async function reading(places: Places, short: boolean): Promise<readonly Row[]> {
  return [...(await merging(places, short)), ...(await evaluating(places, short))];
}

async function merging(places: Places, short: boolean): Promise<readonly Row[]> {
  const home = await places.folder('reading-home');
  const experimentDir = await places.folder('reading');
  const runs = syntheticRuns(50, '/cluster/workspace');
  await writeSidecars(experimentDir, 'bench', '/cluster/workspace', runs, progress.tasks);
  const services = createServices({ version: '0.0.0', assetsDirectory: root, userHome: home, home, env: {}, prompts: noPrompts, log: silentLog, clock: systemClock, trusted: () => true });
  const deps = services.runDeps(experimentDir);
  const at = new Date().toISOString();
  for (const run of runs) {
    const directory = deps.journal.observationDirectory(experimentDir, run.runId);
    await fs.mkdir(path.join(directory, 'events'), { recursive: true });
    for (const [node, text] of eventLogs(run, progress)) await fs.writeFile(path.join(directory, 'events', `${node}.jsonl`), text);
    await deps.journal.writeFacts(experimentDir, run.runId, { observed_at: at, stale_reason: null, gone: false, combined: [], claims: {}, absent: {} });
  }
  const stdout = `${queueText(runs, progress)}\nHPCQ-END\n`;
  await writeSnapshot(deps.journal.clusterDirectory('bench'), 'queue', { at, hash: textHash(stdout), output: { stdout, stderr: '', exitCode: 0 }, jobs: [] });
  const observations = path.dirname(deps.journal.observationDirectory(experimentDir, 'x'));
  const view = async (): Promise<void> => {
    const { runs: views } = await listRunStates({ refresh: false, allWorkspaces: false, limit: 1000 }, deps, { signal: new AbortController().signal, progress: noProgress });
    const wrong = views.find(({ counts }) => counts.complete !== progress.done || counts.running !== progress.running || counts.pending !== 400);
    if (views.length !== runs.length || wrong) throw new Error(`the runs are not read as they were written: ${views.length} ${JSON.stringify(wrong?.counts)}`);
  };
  try {
    const times = await interleaved({ ours: { run: view }, peer: { run: () => program(['python3', '-c', pythonMerge, observations]) } }, short ? 2 : 12, short ? 1 : 2);
    return [compared('reading and planning', '50 runs of 1,000 tasks, view', times.ours, { name: 'Python: json.loads of the events', values: times.peer }, { note: 'ours: queue and accounting merged too' })];
  } finally {
    services.dispose();
  }
}

async function evaluating(places: Places, short: boolean): Promise<readonly Row[]> {
  const experimentDir = await places.folder('evaluating');
  await fs.mkdir(path.join(experimentDir, '.hpc'));
  const tasksFile = path.join(experimentDir, '.hpc', 'tasks.py');
  const local = openConnection({ kind: 'local' }, { prompts: noPrompts, log: silentLog });
  try {
    const count = 100_000;
    await fs.writeFile(tasksFile, tasksPy.replace('COUNT', String(count)));
    const { python } = await local.environment();
    if (python === undefined) throw new Error('there is no Python here');
    const port = executorPort(experimentDir, root, () => true);
    const evaluate = async (): Promise<void> => {
      const { taskCount, lines } = await port.evaluate({ run: (command, options) => local.exec(command, options), python, cwd: experimentDir, signal: new AbortController().signal });
      if (taskCount !== count || lines.length !== count) throw new Error(`evaluated ${taskCount}`);
    };
    const times = await interleaved({ ours: { run: evaluate }, peer: { run: () => program([python, '-c', pythonEvaluate, tasksFile]) } }, short ? 2 : 8);
    return [compared('reading and planning', '100,000 tasks, evaluated', times.ours, { name: 'Python: json.dumps of the same', values: times.peer })];
  } finally {
    local.dispose();
  }
}
