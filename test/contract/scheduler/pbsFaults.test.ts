/** A PBS that does not answer as one would like: each time it is told apart from "there is nothing". */
import assert from 'node:assert/strict';
import { HpcError } from '../../../src/foundation/errors.ts';
import { dialectFor } from '../../../src/scheduler/dialects.ts';
import type { Query, SchedulerTools, SubmitRequest } from '../../../src/scheduler/port.ts';
import { parseBothWays } from './readByPattern.ts';
import { startFakePbs, type FakePbs, type PbsControl } from './fakePbs/fakePbs.ts';
import { commandText, spawnText } from './place.ts';

const dialect = dialectFor('pbs');

describe('a PBS in trouble', function () {
  this.timeout(60_000);
  let pbs: FakePbs | undefined;
  afterEach(async () => {
    await pbs?.dispose();
    pbs = undefined;
  });

  async function begin(control: PbsControl): Promise<{ pbs: FakePbs; tools: SchedulerTools; ask: <T>(query: Query<T> | undefined) => Promise<T>; request: SubmitRequest }> {
    const fake = (pbs = await startFakePbs(control));
    const tools: SchedulerTools = { tools: fake.tools, python: fake.python, user: 'carol', runtimeDirectory: '/nowhere' };
    return {
      pbs: fake,
      tools,
      ask: async (query) => {
        assert.ok(query);
        return parseBothWays(query, await spawnText('sh', ['-c', commandText(query.command)], { env: fake.env, ...(query.command.stdin === undefined ? {} : { stdin: query.command.stdin }) }));
      },
      request: { name: 'a-name-of-more-than-fifteen-letters', comment: 'token', scriptPath: '/bin/true', workdir: fake.home, array: { ranges: [{ first: 1, last: 3 }] }, dependencies: [], resources: {}, stdoutPath: '/dev/null', stderrPath: '/dev/null' },
    };
  }

  for (const flavour of ['a', 'torque'] as const) {
    it(`no server: no question has an answer, nothing is submitted, nothing counts as cancelled (${flavour})`, async () => {
      const { ask, tools, request } = await begin({ flavour, down: true });
      const queries: readonly (Query<unknown> | undefined)[] = [dialect.queue(tools), dialect.accounting(['1[]', '2'], new Date(), tools), ...dialect.findByName('n', new Date(), tools), ...dialect.cancel([{ jobId: '1[]' }], tools), ...dialect.cancel([{ jobId: '1[]', indices: [{ first: 1, last: 2 }] }], tools), dialect.limits(tools), dialect.submit(request, tools)];
      for (const query of queries) await assert.rejects(ask(query), (error: unknown) => HpcError.is(error, 'cluster_timeout') && error.message.includes('connect') && error.remediation !== undefined);
    });
  }

  it('no history: said as such by each source that rests on it; the queue still answers', async () => {
    const { ask, tools } = await begin({ flavour: 'a', history: false });
    const disabled = (error: unknown): boolean => HpcError.is(error, 'remote_command_failed') && error.details?.reason === 'accounting_disabled';
    await assert.rejects(ask(dialect.accounting(['1[]'], new Date(), tools)), disabled);
    const [queue, history] = dialect.findByName('n', new Date(), tools);
    assert.deepEqual(await ask(queue), []);
    await assert.rejects(ask(history), disabled);
    assert.equal((await ask(dialect.limits(tools))).accounting, false);
    assert.deepEqual((await ask(dialect.queue(tools))).rows, []);
  });

  for (const flavour of ['a', 'torque'] as const) {
    it(`a talkative login, a server whose name fills the tables, names cut short: all is found exactly (${flavour})`, async () => {
      const { ask, tools, request, pbs: fake } = await begin({ flavour, banner: '*** 12[].pbs01 maintenance on Sunday ***\n', server: 'a-very-long-name-of-a-pbs-server.cluster.example.org', first_id: 1_234_567, short_names: flavour === 'torque' });
      const { jobId } = await ask(dialect.submit({ ...request, scriptPath: `${fake.home}/nothing` }, tools));
      assert.equal(jobId, '1234567[]');
      const found = new Map<string, string>();
      for (const query of dialect.findByName(request.name, new Date(), tools)) for (const job of await ask(query)) found.set(job.jobId, job.name);
      assert.deepEqual([...found], [[jobId, request.name]]);
      for (const query of dialect.findByName(`${request.name}-2`, new Date(), tools)) assert.deepEqual(await ask(query), []);
      const { rows } = await ask(dialect.accounting([jobId], new Date(), tools));
      assert.deepEqual(rows.map(({ name, comment, indices }) => [name, comment, indices?.[0]?.first]), [1, 2, 3].map((index) => [request.name, 'token', index]));
      // Ids of which some are gone: the rest is answered.
      assert.equal((await ask(dialect.accounting(['99', jobId, '98[]'], new Date(), tools))).rows.length, 3);
      assert.deepEqual((await ask(dialect.accounting(['99'], new Date(), tools))).rows, []);
    });
  }

  it('a submission at the limit is put off, not refused', async () => {
    const { ask, tools, request } = await begin({ flavour: 'a', max_queued: 2 });
    await assert.rejects(ask(dialect.submit(request, tools)), (error: unknown) => HpcError.is(error, 'scheduler_throttled'));
    await assert.rejects(ask(dialect.submit({ ...request, array: { ranges: [{ first: 1, last: 20_000 }] } }, tools)), (error: unknown) => HpcError.is(error, 'spec_invalid') && /array/i.test(error.message));
    assert.equal((await ask(dialect.limits(tools))).maxSubmitJobs, 2);
  });
});
