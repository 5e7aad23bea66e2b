/** A whole run on this computer, through the tools and the commands that a person and a model have, in the real extension host. */
import * as assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { eventually, notYet } from './eventually.ts';
import { measure } from './summary.ts';

const script = `"""Doubles a number."""
import argparse
import json
import os
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--x", type=int, default=1, help="the number")
parser.add_argument("--seconds", type=float, default=0, help="seconds to wait")
args = parser.parse_args()
print("x is", args.x, flush=True)
time.sleep(args.seconds)
with open(os.path.join(os.environ["RESULT_DIR"], "metrics.json"), "w") as out:
    json.dump({"double": 2 * args.x}, out)
`;

type Answer = Readonly<Record<string, unknown>>;

async function invoke(name: string, input: object): Promise<Answer> {
  const { content } = await vscode.lm.invokeTool(name, { input, toolInvocationToken: undefined });
  const text = content.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : '')).join('');
  return JSON.parse(text) as Answer;
}

/** Asks until the run is in this state. */
async function reached(run_id: string, wanted: string): Promise<Answer> {
  const run = await eventually(`the run ${run_id} to be ${wanted}`, async () => {
    const { run: now } = (await invoke('hpc_status', { run_id })) as { run: Answer };
    return ['submitting', 'in_flight'].includes(String(now.lifecycle_state)) ? notYet(now) : now;
  });
  assert.equal(run.lifecycle_state, wanted, JSON.stringify(run));
  return run;
}

async function shown(wanted: RegExp): Promise<string> {
  return await eventually(`${String(wanted)} in the editor`, () => {
    const text = vscode.window.activeTextEditor?.document.getText() ?? '';
    return wanted.test(text) ? text : notYet(text);
  });
}

describe('A run on this computer', function () {
  this.timeout(4 * 60_000);
  let folder: string;
  let runId: string;
  const git = (...argv: string[]): string => execFileSync('git', ['-C', folder, '-c', 'user.name=a', '-c', 'user.email=a@b', ...argv], { encoding: 'utf8' });

  before(async () => {
    folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';
    assert.notEqual(folder, '');
    await fs.writeFile(path.join(folder, 'double.py'), script);
    // So that the runs know which code they came from.
    git('init', '-q');
    git('add', 'double.py');
    git('commit', '-qm', 'one');
    await vscode.extensions.getExtension('hpc-agent.hpc-agent')?.activate();
  });

  it('is planned from what discovery finds', async () => {
    const { executors } = (await invoke('hpc_discover', {})) as { executors: readonly { path: string; flags: readonly { name: string }[] }[] };
    assert.deepEqual(executors.map(({ path: name, flags }) => [name, flags.map((flag) => flag.name)]), [['double.py', ['x', 'seconds']]]);
    const built = await invoke('hpc_build_tasks_py', { executors: ['double.py'], axes: { x: '1,5,25' } });
    assert.equal(built.task_count, 3, JSON.stringify(built));
    const plan = await invoke('hpc_plan', { cluster: 'this-computer' });
    assert.deepEqual([plan.verdict === 'fail', plan.total_tasks], [false, 3], JSON.stringify(plan));
  });

  it('is submitted, once for the same tasks, and ends', async () => {
    const started = performance.now();
    const first = await invoke('hpc_submit', { cluster: 'this-computer', run_name: 'three' });
    measure('submitToolMs', performance.now() - started);
    assert.equal(typeof first.run_id, 'string', JSON.stringify(first));
    runId = String(first.run_id);
    const second = await invoke('hpc_submit', { cluster: 'this-computer', run_name: 'three' });
    assert.deepEqual([second.run_id, second.deduped], [runId, true]);
    const run = await reached(runId, 'complete');
    assert.equal((run.counts as Answer).complete, 3);
  });

  it('has logs and results, for models', async () => {
    assert.match(String((await invoke('hpc_logs', { run_id: runId, task_id: 1, stream: 'stdout' })).text), /x is 5/);
    const { rows } = (await invoke('hpc_results', { run_id: runId })) as { rows: readonly { parameters: Answer; metrics: Answer }[] };
    assert.deepEqual(rows.map(({ parameters, metrics }) => [parameters.x, metrics.double]).sort((a, b) => Number(a[0]) - Number(b[0])), [[1, 2], [5, 10], [25, 50]]);
  });

  it('has logs, results and details, for people', async () => {
    await vscode.commands.executeCommand('hpc-agent.refresh');
    await vscode.commands.executeCommand('hpc-agent.showLog', { kind: 'task', folder, runId, taskId: 2, stream: 'stdout' });
    assert.match(await shown(/x is/), /x is 25/);
    await vscode.commands.executeCommand('hpc-agent.openResults', runId);
    assert.match(await shown(/3 points/), /\| +25 +\| +50 +\|/);
    await vscode.commands.executeCommand('hpc-agent.openResultsCsv', runId);
    await shown(/^x,|,x,|double/);
    await vscode.commands.executeCommand('hpc-agent.showRunDetails', runId);
    assert.match(await shown(/submitted/), /three.*complete/s);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('shows its sidecar, its parameters and its job script', async () => {
    const subject = { kind: 'run', folder, runId };
    await vscode.commands.executeCommand('hpc-agent.showSidecar', subject);
    assert.equal((JSON.parse(await shown(/sidecar_schema_version/)) as { run_id: string }).run_id, runId);
    assert.equal(vscode.window.activeTextEditor?.document.languageId, 'json');
    await vscode.commands.executeCommand('hpc-agent.showParameters', subject);
    assert.equal(await shown(/^0 {2}x=/), '0  x=1\n1  x=5\n2  x=25\n');
    await vscode.commands.executeCommand('hpc-agent.showJobScript', subject);
    assert.match(await shown(/^#!/), /hpc/i);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('is cancelled by its tool, and the jobs end; compared with the run before, parameters and code differ', async () => {
    await fs.appendFile(path.join(folder, 'double.py'), '# changed\n');
    git('commit', '-qam', 'two');
    await invoke('hpc_build_tasks_py', { executors: ['double.py'], axes: { x: '1,2', seconds: '600' }, overwrite: true });
    const { run_id } = await invoke('hpc_submit', { cluster: 'this-computer', run_name: 'long' });
    const cancelled = await invoke('hpc_cancel', { run_id });
    assert.equal(cancelled.cancelled_tasks, 2, JSON.stringify(cancelled));
    await reached(String(run_id), 'cancelled');
    await vscode.commands.executeCommand('hpc-agent.refresh');
    const rows = [String(run_id), runId].map((id) => ({ kind: 'run', folder, runId: id }));
    const { TabInputTextDiff } = vscode;
    const compare = async (keys: readonly string[], label: RegExp): Promise<vscode.Tab> => {
      const ask = (): void => void vscode.commands.executeCommand('hpc-agent.compareRunFiles', rows[0], rows);
      ask();
      return await eventually(`the comparison ${String(label)}`, async () => {
        for (const key of keys) await vscode.commands.executeCommand(key);
        const tab = vscode.window.tabGroups.activeTabGroup.activeTab;
        if (tab && label.test(tab.label)) return tab;
        if (tab?.label.startsWith('three ↔ long') === true) {
          // Nothing tells that the choice is on screen: one that came between two keys took another row.
          await vscode.window.tabGroups.close(tab);
          ask();
        }
        return notYet(tab?.label ?? 'no tab');
      });
    };
    // The older one is on the left, whichever row was the first.
    const { input } = await compare(['workbench.action.acceptSelectedQuickOpenItem'], /^three ↔ long: parameters$/);
    assert.ok(input instanceof TabInputTextDiff);
    const [left, right] = await Promise.all([input.original, input.modified].map(async (uri) => (await vscode.workspace.openTextDocument(uri)).getText()));
    assert.match(`${left}→${right}`, /^0 {2}x=1\n[^]*→0 {2}(seconds=600 {2}x=1|x=1 {2}seconds=600)\n/);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    // The last of the three is the code.
    await compare(['workbench.action.quickOpenSelectPrevious', 'workbench.action.acceptSelectedQuickOpenItem'], /^three ↔ long: code/);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('answers a mistake with a code and a remedy that a model can act on', async () => {
    const answer = await invoke('hpc_status', { run_id: 'no-such-run' });
    assert.equal(answer.ok, false);
    assert.equal(typeof answer.error_code, 'string');
    assert.ok(String(answer.remediation).length > 0, JSON.stringify(answer));
  });
});
