import assert from 'node:assert/strict';
import { arrangedRunNodes, matchesFilter } from '../../../../../src/surfaces/vscode/trees/runArrangement.ts';
import { ago, counts, now, run } from '../fixtures.ts';

const runs = [
  run({ run_id: 'a', run_name: 'ridge', cluster: 'hoffman2', submitted_at: ago(10) }),
  run({ run_id: 'b', run_name: 'knn', cluster: 'bed', attention: [], lifecycle_state: 'complete', counts: counts({ complete: 1200 }), submitted_at: ago(20) }),
  run({ run_id: 'c', run_name: 'ridge', cluster: 'bed', attention: [], submitted_at: ago(30) }),
];
const folders = [{ folder: '/w', runs }];

describe('Filtering and grouping runs (unit)', () => {
  it('finds runs by every word, in whatever is known of them', () => {
    const found = (filter: string): readonly string[] => runs.filter((some) => matchesFilter(some, filter)).map(({ run_id }) => run_id);
    assert.deepEqual(found(''), ['a', 'b', 'c']);
    assert.deepEqual(found('RIDGE'), ['a', 'c']);
    assert.deepEqual(found('ridge bed'), ['c']);
    assert.deepEqual(found('complete'), ['b']);
    assert.deepEqual(found('attention'), ['a']);
    assert.deepEqual(found('900'), ['a', 'b', 'c']);
    assert.deepEqual(found('nothing like it'), []);
  });

  it('keeps the ids of rows wherever they stand, and puts what needs a person first', () => {
    const ids = (grouping: 'none' | 'state' | 'cluster' | 'sweep'): unknown =>
      arrangedRunNodes(folders, { filter: '', grouping }, now).map(({ id, children }) => (id.startsWith('run:') || !Array.isArray(children) ? id : [id, children.map((child: { id: string }) => child.id)]));
    assert.deepEqual(ids('none'), ['run:a', 'run:b', 'run:c']);
    assert.deepEqual(ids('state'), [['group:state:attention', ['run:a']], ['group:state:open', ['run:c']], ['group:state:complete', ['run:b']]]);
    assert.deepEqual(ids('cluster'), [['group:cluster:hoffman2', ['run:a']], ['group:cluster:bed', ['run:b', 'run:c']]]);
    assert.deepEqual(ids('sweep'), [['group:sweep:ridge', ['run:a', 'run:c']], ['group:sweep:knn', ['run:b']]]);
  });
});
