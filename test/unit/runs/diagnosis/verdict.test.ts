import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { AccountingRow } from '../../../../src/scheduler/port.ts';
import type { TaskEvent } from '../../../../src/runs/taskEvents.ts';
import type { FailedTask } from '../../../../src/runs/diagnosis/failedTask.ts';
import { failureClasses } from '../../../../src/runs/diagnosis/failureClass.ts';
import { groupFailures } from '../../../../src/runs/diagnosis/groupFailures.ts';
import type { LogFinding } from '../../../../src/runs/diagnosis/scan.ts';
import { verdictOf } from '../../../../src/runs/diagnosis/verdict.ts';
import { corpus, root, type Case } from './corpus.ts';
import { scanFolder } from './scanner.ts';

function taskOf(task: number, each: Case, log: LogFinding | undefined): FailedTask {
  const end = each.end === null ? undefined : ({ e: 'end', i: task, a: 1, t: 200, rc: 1, s: null, el: 4, rss: 40, o: 'failed', node: 'node3', ...each.end } satisfies TaskEvent);
  const accounted: AccountingRow | undefined = each.accounted && { jobId: '7', state: 'failed', rawState: 'FAILED', name: '', comment: '', exitCode: null, signal: null, elapsedS: 4, maxRssMiB: null, node: 'node3', ...each.accounted };
  return {
    task,
    state: accounted?.state === 'timeout' ? 'timeout' : 'failed',
    stateEvidence: 'accounting says FAILED',
    attempt: 1,
    job: `7_${task + 1}`,
    node: 'node3',
    start: { e: 'start', i: task, a: 1, t: 196, node: 'node3' },
    end,
    accounted,
    held: undefined,
    memoryMiB: each.memoryMiB,
    walltimeS: each.walltimeS,
    log,
  };
}

describe('verdicts on a corpus of logs (real Python)', () => {
  let folder: string;
  let found: ReadonlyMap<number, LogFinding>;
  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-corpus-'));
    corpus.forEach((each, task) => {
      if (each.err !== undefined) fs.writeFileSync(path.join(folder, `w0a0.7_${task + 1}.err`), each.err);
      if (each.out !== undefined) fs.writeFileSync(path.join(folder, `w0a0.7_${task + 1}.out`), each.out);
    });
    found = scanFolder(folder, corpus.length, { root });
  });
  after(() => fs.rmSync(folder, { recursive: true }));

  it('has every class', () => assert.deepEqual(failureClasses.filter((name) => !corpus.some((each) => each.expect === name)), []));

  corpus.forEach((each, task) => {
    it(`${each.name}: ${each.expect}`, () => {
      const log = found.get(task);
      const verdict = verdictOf(taskOf(task, each, log));
      const seen = JSON.stringify({ verdict, log }, undefined, 1);
      assert.equal(verdict.failureClass, each.expect, seen);
      if (each.certainty) assert.equal(verdict.certainty, each.certainty, seen);
      if (each.message) assert.match(verdict.message, each.message, seen);
      if (each.culprit) assert.equal(verdict.culprit && `${verdict.culprit.file}:${verdict.culprit.line}`, each.culprit, seen);
      assert.ok(verdict.evidence[0] && verdict.evidence[0].text !== '', seen);
      const [proof] = verdict.evidence;
      if (each.line !== undefined) assert.deepEqual([proof.source, proof.path, proof.line], ['log', path.join(folder, `w0a0.7_${task + 1}.err`), each.line], seen);
      if (proof.source === 'log' && typeof proof.line === 'number') {
        // The line that is named is the line that is shown.
        const lines = fs.readFileSync(proof.path ?? '', 'utf8').split('\n');
         
        const line = (lines[proof.line - 1] ?? '').replaceAll(/\x1b\[[0-9;]*m/g, '').replace(/^\[rank\d\]: /, '').trim();
        assert.ok(proof.text.startsWith(line.slice(0, 299)), seen);
      }
    });
  });

  it('one cause is one row, however the scheduler worded it; two tracebacks are two', () => {
    const trace = (line: number, text: string): string => `Traceback (most recent call last):\n  File "${root}/fit.py", line ${line}, in fit\n    go()\n${text}\n`;
    const cases: readonly Omit<Case, 'name' | 'expect'>[] = [
      { err: 'slurmstepd: error: Detected 1 oom_kill event in StepId=7.batch. Some of the step tasks have been OOM Killed.\n', end: { rc: null, s: 9 }, accounted: { state: 'out_of_memory', rawState: 'OUT_OF_MEMORY', exitCode: 0, signal: 125 } },
      { err: 'slurmstepd: error: Detected 1 oom-kill event(s) in StepId=7.0 cgroup. Some of your processes may have been killed by the cgroup out-of-memory handler.\n', end: { rc: null, s: 9 }, accounted: { exitCode: 0, signal: 9 } },
      { err: 'slurmstepd: error: StepId=7.batch exceeded memory limit (4295 > 4096), being killed\n', end: { rc: null, s: 9 } },
      { err: trace(3, 'ValueError: bad shape'), end: { rc: 1 } },
      { err: trace(9, 'KeyError: 1'), end: { rc: 1 } },
    ];
    const own = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-corpus-'));
    try {
      cases.forEach(({ err }, task) => fs.writeFileSync(path.join(own, `w0a0.7_${task + 1}.err`), err ?? ''));
      const logs = scanFolder(own, cases.length, { root });
      const groups = groupFailures(cases.map((each, task) => taskOf(task, { name: '', expect: 'unknown', ...each }, logs.get(task))));
      assert.deepEqual(groups.map(({ failureClass, certainty, taskRanges }) => [failureClass, certainty, taskRanges]), [['system_oom', 'proved', '0-2'], ['python_traceback', 'proved', '3'], ['python_traceback', 'proved', '4']]);
    } finally {
      fs.rmSync(own, { recursive: true });
    }
  });
});
