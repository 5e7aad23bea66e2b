import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { buildInputOf, emptyDraft, missingParameters, parametersOf, pruned, restoreDraft, runSpecOf, sweepSize, withValue, type Executor, type Flag } from '../../../../../src/surfaces/vscode/sweep/draft.ts';

const flag = (name: string, some: Partial<Flag> = {}): Flag => ({ name, type: 'float', default: 1, required: false, choices: null, help: '', ...some });
const ridge: Executor = { path: 'ridge.py', file: 'ridge.py', kind: 'argparse', summary: '', flags: [flag('alpha'), flag('horizon')] };
const knn: Executor = { path: 'knn.py', file: 'knn.py', kind: 'argparse', summary: '', flags: [flag('horizon'), flag('neighbors', { required: true, default: null })] };
const countOf = (text: string): number | undefined => (text.includes('?') ? undefined : text.split(',').length);

describe('What the New Sweep guide has learnt (unit)', () => {
  it('puts shared parameters first and names the owners of the others', () => {
    assert.deepEqual(parametersOf([ridge, knn]).map(({ name, owners, shared }) => [name, owners, shared]), [['horizon', ['ridge.py', 'knn.py'], true], ['alpha', ['ridge.py'], false], ['neighbors', ['knn.py'], false]]);
  });

  it('says 3 × 2 = 6 tasks, and one task when nothing is swept', () => {
    const parameters = parametersOf([ridge]);
    const draft = { ...emptyDraft, executors: ['ridge.py'] };
    assert.equal(sweepSize(draft, parameters, countOf).words, '1 task');
    assert.equal(sweepSize({ ...draft, values: { alpha: '1,2,3', horizon: '1,5' } }, parameters, countOf).words, '3 × 2 = 6 tasks');
    assert.equal(sweepSize({ ...draft, values: { alpha: '1,2,3' } }, parameters, countOf).words, '3 tasks');
  });

  it('adds what each script sweeps alone and multiplies what they share', () => {
    const parameters = parametersOf([ridge, knn]);
    const draft = { ...emptyDraft, executors: ['ridge.py', 'knn.py'], values: { alpha: '1,2,3', neighbors: '3,5', horizon: '1,5' } };
    assert.deepEqual(sweepSize(draft, parameters, countOf), { total: 10, words: '(3 + 2) × 2 = 10 tasks' });
    assert.equal(sweepSize({ ...draft, values: { horizon: '1,5' } }, parameters, countOf).words, '2 scripts × 2 = 4 tasks');
  });

  it('has no total while a value cannot be read', () => {
    assert.equal(sweepSize({ ...emptyDraft, executors: ['ridge.py'], values: { alpha: '?' } }, parametersOf([ridge]), countOf).total, undefined);
  });

  it('knows which parameters still need a value', () => {
    const parameters = parametersOf([knn]);
    const draft = { ...emptyDraft, executors: ['knn.py'] };
    assert.deepEqual(missingParameters(draft, parameters), ['neighbors']);
    assert.deepEqual(missingParameters(withValue(draft, 'neighbors', ' 3,5 '), parameters), []);
    assert.deepEqual(withValue(withValue(draft, 'neighbors', '3'), 'neighbors', ' ').values, {});
  });

  it('asks build-tasks-py for shared axes and for axes of single scripts', () => {
    const draft = { ...emptyDraft, executors: ['ridge.py', 'knn.py'], values: { alpha: '1,2', horizon: '1,5' } };
    assert.deepEqual(buildInputOf(draft, parametersOf([ridge, knn])), { executors: ['ridge.py', 'knn.py'], axes: { horizon: '1,5' }, executor_axes: { 'ridge.py': { alpha: '1,2' } } });
  });

  it('asks plan for what was given and nothing else', () => {
    assert.deepEqual(runSpecOf({ ...emptyDraft, cluster: 'c', resources: { cpus: '4', memory: '4G', walltime: '90m' } }), { cluster: 'c', resources: { cpus: 4, memory: '4G', walltime: '90m' } });
    assert.deepEqual(runSpecOf({ ...emptyDraft, cluster: 'c' }), { cluster: 'c' });
  });

  it('forgets answers about scripts and parameters that are gone', () => {
    const draft = { ...emptyDraft, executors: ['ridge.py', 'gone.py'], values: { alpha: '1', neighbors: '3' }, existing: 'use' as const };
    assert.deepEqual(pruned(draft, [ridge, knn]), { executors: ['ridge.py'], values: { alpha: '1' }, resources: {} });
  });

  it('reads back what it stored, and survives anything else', () => {
    const draft = { executors: ['a.py'], values: { x: '1' }, cluster: 'c', resources: { memory: '4G' }, runName: 'n' };
    assert.deepEqual(restoreDraft(JSON.parse(JSON.stringify(draft))), draft);
    fc.assert(fc.property(fc.jsonValue(), (stored) => {
      const { executors, values } = restoreDraft(stored);
      assert.ok(executors.every((path) => typeof path === 'string') && Object.values(values).every((text) => typeof text === 'string'));
    }));
  });
});
