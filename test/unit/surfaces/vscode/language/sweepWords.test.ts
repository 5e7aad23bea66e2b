import assert from 'node:assert/strict';
import { parameterOutlines, type SweepOutline } from '../../../../../src/operations/editing/sweepOutline.ts';
import { fileKindOf } from '../../../../../src/surfaces/vscode/language/fileKind.ts';
import { editOf, rangeOf, type TextEdit } from '../../../../../src/surfaces/vscode/language/problemPlaces.ts';
import { parameterHover, parameterName, scriptLenses, tasksLenses } from '../../../../../src/surfaces/vscode/language/sweepWords.ts';

const lines = [1, 5].flatMap((x) => ['"a"', '"b|<b>"'].flatMap((m) => [0, 1].map((s) => `{"m":${m},"s":${s},"x":${x}}`)));
const sweep: SweepOutline = { taskCount: 8, cmdSha: 'c', parameters: parameterOutlines(lines, ['x', 'm', 's']), findings: [], run: { runId: 'r1', cluster: 'bed', waves: [{ wave: 0, tasks: [0, 3] }, { wave: 1, tasks: [4, 7] }] } };

describe('What is said about a sweep (unit)', () => {
  it('is which values each parameter takes, and in which tasks', () => {
    assert.deepEqual(
      sweep.parameters.map(({ name, distinct, least, most }) => [name, distinct, least, most]),
      [['x', 2, 1, 5], ['m', 2, undefined, undefined], ['s', 2, 0, 1]],
    );
    assert.deepEqual(sweep.parameters[1]?.values[0], { text: '"a"', tasks: [[0, 1], [4, 5]], count: 4 });
  });

  it('counts all of many values but lists a bounded part', () => {
    const [many] = parameterOutlines(Array.from({ length: 5000 }, (_, index) => `{"i":${index},"k":${index % 2}}`), ['i', 'k']);
    assert.deepEqual([many?.distinct, many?.values.length, many?.most], [5000, 100, 4999]);
    assert.equal(parameterOutlines(Array.from({ length: 5000 }, (_, index) => `{"k":${index % 2}}`), ['k'])[0]?.values[0]?.tasks.length, 12);
    assert.deepEqual(parameterOutlines(['{"x":NaN}'], ['x']).map(({ distinct }) => distinct), [0]);
  });

  it('shows values and the wave map in a hover, and no markup of the workspace', () => {
    const [x, m] = sweep.parameters;
    assert.ok(x && m);
    const text = parameterHover(x, sweep);
    assert.match(text, /\*\*x\*\* — 2 values from `1` to `5` in 8 tasks/);
    assert.match(text, /\| `5` \| 4 \| 4–7 \|/);
    assert.match(text, /Waves of `r1` on bed: 0: tasks 0–3 · 1: tasks 4–7/);
    assert.match(parameterHover(m, sweep), /\| `"b\\\|<b>"` \|/);
    assert.deepEqual(['--learning-rate', 'args.learning_rate', 'learning_rate'].map(parameterName), Array(3).fill('learning_rate'));
  });

  it('offers what can be done, and only that', () => {
    const titles = (list: readonly { readonly title: string }[]): string => list.map(({ title }) => title.replace(/\$\([^)]*\) /, '')).join(' · ');
    assert.equal(titles(tasksLenses({ kind: 'known', sweep })), '8 tasks · Plan · Run canary · Submit');
    assert.equal(titles(tasksLenses({ kind: 'unknown' })), 'Count the tasks · Plan · Run canary · Submit');
    assert.equal(titles(tasksLenses({ kind: 'untrusted' })), 'Trust this folder to count the tasks');
    assert.equal(titles(tasksLenses({ kind: 'failed', message: 'x' })), 'tasks.py cannot be evaluated');
    assert.equal(titles(scriptLenses({ kind: 'known', sweep }, [], true)), '8 tasks · Plan · Run canary · Submit');
    assert.equal(titles(scriptLenses({ kind: 'known', sweep }, [{ name: 'a' }], false)), 'New sweep…');
    assert.equal(titles(scriptLenses({ kind: 'untrusted' }, [{ name: 'a' }], false)), '');
  });
});

describe('Files and places (unit)', () => {
  it('are ours by their folder', () => {
    const kinds = ['/w/.hpc/tasks.py', '/w/.hpc/clusters.yaml', '/h/.hpc-agent/clusters.yaml', '/w/clusters.yaml', '/w/.hpc/axes.yml', '/h/.hpc-agent/axes.yaml', '/w/a.py', '/w/.venv/lib/a.py', '/w/.hpc/runs/x.json'].map((path) => fileKindOf({ path }));
    assert.deepEqual(kinds, ['tasks', 'clusters', 'clusters', undefined, 'axes', undefined, 'script', undefined, undefined]);
    assert.equal(fileKindOf({ path: '/etc/mine.yaml', ownClusters: '/etc/mine.yaml' }), 'clusters');
  });

  it('of a problem are the word, the given length, or the line', () => {
    const text = ['bed:', '  schduler: slurm  # x', '    raise ValueError(1)', ''];
    assert.deepEqual(rangeOf({ line: 2, column: 3 }, text), { line: 1, start: 2, end: 10 });
    assert.deepEqual(rangeOf({ line: 2, column: 13 }, text), { line: 1, start: 12, end: 17 });
    assert.deepEqual(rangeOf({ line: 3, column: 1 }, text), { line: 2, start: 4, end: 23 });
    assert.deepEqual(rangeOf({ line: 2, column: 3, length: 4 }, text), { line: 1, start: 2, end: 6 });
    assert.deepEqual(rangeOf({ line: 99, column: 9 }, text), { line: 3, start: 0, end: 0 });
    assert.deepEqual(rangeOf({ line: 1, column: 1 }, ['import x y']), { line: 0, start: 0, end: 10 });
  });

  it('are mended by an edit', () => {
    const apply = (text: string, { from, to, text: put }: TextEdit): string => {
      const all = text.split('\n');
      const at = ({ line, character }: { line: number; character: number }): number => all.slice(0, line).reduce((sum, item) => sum + item.length + 1, 0) + character;
      return text.slice(0, at(from)) + put + text.slice(at(to));
    };
    const yaml = 'bed:\n  schduler: slurm\n  extra:\n    a: 1\n\n  host: x';
    assert.equal(apply(yaml, editOf({ kind: 'replace', title: '', text: 'scheduler' }, { line: 1, start: 2, end: 10 }, yaml.split('\n'))), yaml.replace('schduler', 'scheduler'));
    assert.equal(apply(yaml, editOf({ kind: 'removeBlock', title: '' }, { line: 2, start: 2, end: 7 }, yaml.split('\n'))), 'bed:\n  schduler: slurm\n\n  host: x');
    assert.equal(apply('a = 1\n', editOf({ kind: 'append', title: '', text: '\n\ndef total():\n    return 1\n' }, { line: 0, start: 0, end: 0 }, ['a = 1', ''])), 'a = 1\n\ndef total():\n    return 1\n');
  });
});
