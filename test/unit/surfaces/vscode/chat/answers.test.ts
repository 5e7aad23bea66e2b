import assert from 'node:assert/strict';
import { causesOf, planAnswer, runMeant, runsAnswer, statusAnswer, whyAnswer } from '../../../../../src/surfaces/vscode/chat/answers.ts';
import { ago, now, plan, run, task } from '../fixtures.ts';

describe('Answers of @hpc (unit)', () => {
  it('gives two causes for tasks that failed in two ways, whatever their numbers', () => {
    const tasks = [task(3, { evidence: 'killed at 4096 MiB', exit_code: 137 }), task(4, { evidence: 'killed at 4100 MiB', exit_code: 137 }), task(9, { evidence: 'No module named sklearn' })];
    assert.deepEqual(causesOf(tasks).map(({ tasks: group }) => group.map(({ task_id }) => task_id)), [[3, 4], [9]]);
    const answer = whyAnswer(run(), tasks, { taskId: 3, text: 'MemoryError\n```\n[x](command:evil)' }, '/w');
    assert.match(answer.markdown, /^3 tasks of \*\*sweep\*\* did not succeed, for 2 reasons:/);
    assert.match(answer.markdown, /- 2 tasks \(3–4\): killed at 4096 MiB/);
    assert.match(answer.markdown, /````text\nMemoryError\n```\n\[x\]/);
    assert.deepEqual(answer.buttons.map(({ title }) => title), ['Log of task 3', 'Log of task 9']);
  });

  it('does not call unknown tasks fine', () => {
    assert.match(whyAnswer(run({ counts: { ...run().counts, failed: 0, unknown: 5 } }), [], undefined, '/w').markdown, /The state of 5 is unknown/);
  });

  it('tells the age of what it says, and that it is stale', () => {
    assert.match(statusAnswer(run({ stale_reason: 'no answer' }), now).markdown, /\(stale, seen 12 s ago\)[\s\S]*could not be asked now: no answer/);
  });

  it('understands ids, names and beginnings of ids, else takes the newest', () => {
    const runs = [run({ run_id: 'ridge-20260301-aaaa', run_name: 'ridge', submitted_at: ago(100) }), run({ run_id: 'knn-20260301-bbbb', run_name: 'knn', submitted_at: ago(10) })];
    assert.equal(runMeant(runs, 'how is ridge doing')?.run_name, 'ridge');
    assert.equal(runMeant(runs, 'ridge-20260301')?.run_name, 'ridge');
    assert.equal(runMeant(runs, 'and now?')?.run_name, 'knn');
    assert.equal(runMeant([], 'x'), undefined);
    assert.match(runsAnswer(runs, now).markdown, /ridge-20260301-aaaa/);
  });

  it('submits nothing by itself: a button leads to the question', () => {
    assert.deepEqual(planAnswer(plan()).buttons.map(({ command }) => command), ['hpc-agent.submitRun']);
    assert.deepEqual(planAnswer(plan({ verdict: 'fail' })).buttons.map(({ command }) => command), ['hpc-agent.newSweep']);
  });
});
