import assert from 'node:assert/strict';
import { fileMarks } from '../../../../../src/surfaces/vscode/trees/fileMarks.ts';
import { ago, now, run } from '../fixtures.ts';

describe('Marks on tasks.py (unit)', () => {
  const markOf = (...runs: Parameters<typeof run>[0][]): string | undefined => fileMarks([{ folder: '/w', runs: runs.map((some) => run(some)) }], now).get('/w/.hpc/tasks.py')?.badge;

  it('say of the newest run alone that it goes on, or wants a person', () => {
    assert.equal(markOf({ attention: [] }), '▶');
    assert.equal(markOf({}), '!');
    assert.equal(markOf({ lifecycle_state: 'complete', attention: [] }), undefined);
    assert.equal(markOf({ submitted_at: ago(900) }, { run_id: 'new', lifecycle_state: 'complete', attention: [], submitted_at: ago(5) }), undefined);
    assert.equal(markOf(), undefined);
  });
});
