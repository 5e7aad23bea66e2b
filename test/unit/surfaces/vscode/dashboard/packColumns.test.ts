import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import * as z from 'zod/mini';
import { changedColumns, packColumns } from '../../../../../src/surfaces/vscode/dashboard/packColumns.ts';
import { TaskTable } from '../../../../../webview/model/tasks.ts';
import { runProtocol } from '../../../../../webview/protocol/run.ts';

type Columns = Parameters<typeof packColumns>[0];
interface Task {
  readonly state: number;
  readonly attempt: number;
  readonly started: number | null;
  readonly elapsed: number | null;
  readonly memory: number | null;
  readonly exit: number | null;
  readonly node: string | null;
}
const columns = (tasks: readonly Task[]): Columns => {
  const values = [...new Set(tasks.map(({ node }) => node))];
  return { state: tasks.map(({ state }) => state), attempt: tasks.map(({ attempt }) => attempt), started_at_s: tasks.map(({ started }) => started), elapsed_s: tasks.map(({ elapsed }) => elapsed), peak_rss_mib: tasks.map(({ memory }) => memory), exit_code: tasks.map(({ exit }) => exit), node: { values, index: tasks.map(({ node }) => values.indexOf(node)) } };
};
const number = fc.option(fc.constantFrom(0, 0.5, 1, 1e9, 1_700_000_000.25));
const task = fc.record({ state: fc.nat(7), attempt: fc.constantFrom(1, 2, 300), started: number, elapsed: number, memory: number, exit: fc.constantFrom(null, 0, 1, 137, -9, 99_999), node: fc.constantFrom(null, 'n1', 'n2') });
const quiet: Task = { state: 0, attempt: 1, started: null, elapsed: null, memory: null, exit: null, node: null };

describe('Columns of tasks on their way to the page (unit)', () => {
  it('fit the protocol; what is not known is not a number, what does not fit is not known', () => {
    const event = packColumns(columns([quiet, { ...quiet, state: 3, attempt: 300, exit: 99_999, node: 'n1', elapsed: 2.5 }]));
    assert.deepEqual(z.parse(runProtocol.event, event), event);
    assert.deepEqual([...event.attempt, ...event.exit], [1, 255, -32_768, -32_768]);
    assert.deepEqual([...event.elapsed, ...event.started], [Number.NaN, 2.5, Number.NaN, Number.NaN]);
    assert.deepEqual([event.nodes[event.node[1] ?? 0], event.node[0]], ['n1', 65_535]);
  });

  it('as differences make the same table as the whole, look after look', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }).chain((total) => fc.array(fc.array(task, { minLength: total, maxLength: total }), { minLength: 2, maxLength: 6 })), (looks) => {
        const page = new TaskTable();
        const events = looks.map((look) => packColumns(columns(look)));
        events.forEach((event, place) => {
          const before = events[place - 1];
          const news = before ? changedColumns(before, event) : event;
          // The page gets a copy: it changes its own in place.
          if (news) page.receive(structuredClone(news));
          const { nodes, ...known } = page.known ?? assert.fail('no table');
          const { nodes: names, ...wanted } = event;
          assert.deepEqual([known, [...known.node].map((at) => nodes[at])], [wanted, [...wanted.node].map((at) => names[at])]);
        });
      }),
    );
  });

  it('say nothing where nothing changed, and only what did where little did', () => {
    const tasks = Array.from({ length: 12 }, () => quiet);
    const before = packColumns(columns(tasks));
    assert.equal(changedColumns(before, packColumns(columns(tasks))), undefined);
    const after = changedColumns(before, packColumns(columns(tasks.map((its, place) => (place === 5 ? { ...its, state: 2, elapsed: 4 } : its)))));
    assert.equal(after?.kind, 'changed');
    assert.deepEqual(after?.kind === 'changed' && [...after.tasks, ...after.state, ...after.elapsed], [5, 2, 4]);
    assert.equal(changedColumns(before, packColumns(columns(tasks.map((its) => ({ ...its, state: 1 })))))?.kind, 'tasks');
  });

  it('go whole where the run has another number of tasks than it had', () => {
    assert.equal(changedColumns(packColumns(columns([quiet])), packColumns(columns([quiet, quiet])))?.kind, 'tasks');
  });
});
