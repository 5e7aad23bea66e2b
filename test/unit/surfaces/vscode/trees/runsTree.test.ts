import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { arrangedRunNodes, plainArrangement } from '../../../../../src/surfaces/vscode/trees/runArrangement.ts';
import { attentionBadge, statusBarText, taskNodes, taskPage, taskQueryOf } from '../../../../../src/surfaces/vscode/trees/runsTree.ts';
import type { TreeNode } from '../../../../../src/surfaces/vscode/trees/node.ts';
import { ago, counts, now, run, task } from '../fixtures.ts';

function flatten(nodes: readonly TreeNode[]): readonly TreeNode[] {
  return nodes.flatMap((node) => [node, ...(typeof node.children === 'string' ? [] : flatten(node.children))]);
}

function nodesOf(...runs: Parameters<typeof run>[0][]): readonly TreeNode[] {
  return arrangedRunNodes([{ folder: '/w', runs: runs.map((some) => run(some)) }], plainArrangement, now);
}

describe('The Runs tree (unit)', () => {
  it('shows a run of 1,200 tasks as a handful of rows', () => {
    const rows = flatten(nodesOf({}));
    assert.deepEqual(
      rows.map(({ label, description }) => `${label}: ${description ?? ''}`),
      [
        'sweep: running · 700 of 1,200 · 3 failed · hoffman2 · seen 12 s ago',
        'Out of memory: 3',
        'Why they failed: ',
        'Results so far: 700 of 1,200 tasks',
        'Running now: 200',
        'Wave 1 of 2: 597 done · 3 failed',
        'Wave 2 of 2: 103 done · 200 running · 297 waiting',
      'What it used: ',
      ],
    );
    // Ten runs are ten rows.
    assert.equal(rows.filter(({ expanded }) => expanded === true).length, 0);
  });

  it('says of a run that nobody has asked about that it was submitted, and no more', () => {
    const rows = flatten(nodesOf({ observed_at: null, attention: [], counts: { complete: 0, running: 0, pending: 0, failed: 0, cancelled: 0, unknown: 1200 } }));
    assert.match(rows[0]?.description ?? '', /^submitted · 1,200 tasks · hoffman2 · not asked yet$/);
    assert.equal(rows[1]?.description, 'not asked yet');
  });

  it('keeps ids while states change, so that selection and expansion stay', () => {
    const before = flatten(nodesOf({})).map(({ id }) => id);
    const after = flatten(nodesOf({ counts: counts({ complete: 800, running: 100, pending: 297, failed: 3 }), observed_at: ago(1) })).map(({ id }) => id);
    assert.deepEqual(after, before);
    assert.equal(new Set(before).size, before.length);
  });

  it('tells two causes of the same kind apart', () => {
    const [node] = nodesOf({ attention: [{ kind: 'failed', message: 'a', task_ids: [1] }, { kind: 'failed', message: 'b', task_ids: [2] }] });
    assert.ok(node && typeof node.children !== 'string');
    assert.equal(new Set(node.children.map(({ id }) => id)).size, node.children.length);
  });

  it('marks stale data with its reason and its age, never as current', () => {
    const [node] = nodesOf({ stale_reason: 'connect timed out', observed_at: ago(660) });
    assert.match(node?.description ?? '', /^stale · running .* seen 11 min ago$/);
    assert.match(node?.tooltip ?? '', /Could not ask hoffman2: connect timed out/);
    assert.equal(node?.icon?.color, 'list.warningForeground');
  });

  it('shows an unknown submission as unknown, with a row that can find out', () => {
    const [node] = nodesOf({ lifecycle_state: 'unknown', observed_at: null, counts: counts({ unknown: 1200 }), waves: [], attention: [{ kind: 'submission', message: 'It is not known whether it arrived', task_ids: [] }] });
    assert.match(node?.description ?? '', /^submission unknown · 1,200 tasks · hoffman2 · not asked yet$/);
    assert.match(node?.contextValue ?? '', /unfinished/);
    assert.ok(node && typeof node.children !== 'string');
    assert.deepEqual(node.children.map(({ contextValue }) => contextValue), ['attention.run']);
  });

  it('puts the newest run first, across folders', () => {
    const nodes = arrangedRunNodes([{ folder: '/a', label: 'a', runs: [run({ run_id: 'old', run_name: 'old', submitted_at: ago(900) })] }, { folder: '/b', label: 'b', runs: [run({ run_id: 'new', run_name: 'new', submitted_at: ago(5) })] }], plainArrangement, now);
    assert.deepEqual(nodes.map(({ label }) => label), ['new', 'old']);
    assert.match(nodes[0]?.description ?? '', /· b$/);
  });

  it('asks for one page of tasks and offers the rest', () => {
    const wave = flatten(nodesOf({})).find(({ id }) => id.endsWith('wave:1'));
    assert.ok(wave);
    const first = taskQueryOf(wave, run(), 1);
    assert.ok(first && 'task_ids' in first.query);
    assert.deepEqual([first.query.task_ids.length, first.query.task_ids[0], first.total], [taskPage, 600, 600]);
    const rows = taskNodes(wave, first.query.task_ids.map((id) => task(id, { state: 'running' })), first.total, 1);
    assert.deepEqual([rows.length, rows.at(-1)?.label, rows.at(-1)?.command], [taskPage + 1, '550 more', 'hpc-agent.showMoreTasks']);
    const second = taskQueryOf(wave, run(), 2);
    assert.ok(second && 'task_ids' in second.query);
    assert.equal(second.query.task_ids.length, 2 * taskPage);
  });

  it('opens the error output of a task that failed and the output of one that runs', () => {
    const group = flatten(nodesOf({})).find(({ label }) => label === 'Out of memory');
    assert.ok(group);
    const streams = taskNodes(group, [task(3), task(4, { state: 'running' })], 2, 1).map(({ subject }) => (subject.kind === 'task' ? subject.stream : undefined));
    assert.deepEqual(streams, ['stderr', 'stdout']);
  });

  it('never lets remote text become a link, a command or an icon', () => {
    const hostile = fc.constantFrom('[x](command:evil)', '<a href="command:evil">x</a>', '$(zap)', '![i](http://e/x.png)', '`', '**b**', '\n# h', 'http://evil.example');
    fc.assert(
      fc.property(hostile, fc.string(), hostile, (a, b, c) => {
        const text = `${a}${b}${c}`;
        const rows = flatten(nodesOf({ evidence: [text], run_name: text, stale_reason: text, attention: [{ kind: 'x', message: text, task_ids: [1] }] }));
        for (const { tooltip } of rows) {
          // Outside code spans nothing of the text may be markup.
          const prose = (tooltip ?? '').replace(/(`+) ?[\s\S]*?\1/g, '').replace(/\$\((warning|alert)\) /g, '');
          assert.doesNotMatch(prose, /(?<!\\)\]\(|<[a-z]|(?<!\\)\$\(|(?<!\\)!\[|[^\\]:\/\//i);
        }
      }),
    );
  });

  it('counts the runs that need a person on the badge, and has none when all is well', () => {
    assert.deepEqual(attentionBadge([run(), run({ attention: [], lifecycle_state: 'unknown' }), run({ attention: [] })]), { value: 2, tooltip: '2 runs need attention' });
    assert.equal(attentionBadge([run({ attention: [] })]), undefined);
  });

  it('sums open runs in the status bar and forgets the failures of last week', () => {
    assert.equal(statusBarText([], now), undefined);
    assert.equal(statusBarText([run()], now)?.text, '$(server-process) 200 running · 297 waiting · 3 failed');
    assert.equal(statusBarText([run({ lifecycle_state: 'failed', submitted_at: ago(8 * 86_400) })], now)?.text, '$(server-process) no open runs');
  });
});
