/** One job, exactly once: what is told to somebody who does not know whether the scheduler took it. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import type { ClusterSession } from '../../../src/cluster/session.ts';
import { HpcError } from '../../../src/foundation/errors.ts';
import { silentLog } from '../../../src/foundation/log.ts';
import type { JobDeps } from '../../../src/jobs/deps.ts';
import { submitJob, type JobRequest } from '../../../src/jobs/runJob.ts';
import { sgeDialect } from '../../../src/scheduler/sge/dialect.ts';

describe('one job (unit)', () => {
  let home: string;
  beforeEach(async () => {
    home = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-job-'));
  });
  afterEach(() => fs.rm(home, { recursive: true, force: true }));

  const request: JobRequest = { cluster: 'grid', name: 'one', script: { name: 'one.sh', text: '#!/bin/sh\n' }, resources: {}, environment: {}, workdir: '/w' };
  const call = { signal: new AbortController().signal, progress: () => undefined };
  /** `answer` is what the remote submit program says; the queue is away. */
  function depsWith(answer: () => Promise<unknown>): JobDeps {
    const tools = { tools: { qsub: '/s/qsub', qstat: '/s/qstat', qdel: '/s/qdel' }, python: 'python3', user: 'carol', runtimeDirectory: '/r' };
    const session = {
      dialect: sgeDialect,
      facts: () => Promise.resolve({ tools, commandEnvironment: {}, remoteHome: '/h', runtime: { call: answer } }),
      ask: () => Promise.resolve([]),
      askEach: (queries: readonly unknown[]) => Promise.resolve(queries.map(() => new HpcError('cluster_timeout', 'the qmaster is away'))),
    };
    return { session: () => Promise.resolve(session as unknown as ClusterSession), clock: { now: () => new Date() }, home, log: silentLog, assetsDirectory: '/' };
  }
  const unknown = (): Promise<unknown> => Promise.resolve({ receipts: { job: { state: 'submitting', at: 1, rc: 1, err: 'got read error\n' } }, stopped: { kind: 'unknown', key: 'job' }, now: 1000 });
  const errorOf = async (deps: JobDeps, more: Partial<JobRequest> = {}): Promise<HpcError> => {
    const error: unknown = await submitJob({ ...request, ...more }, deps, call).then(() => undefined, (reason: unknown) => reason);
    assert.ok(HpcError.is(error), String(error));
    return error;
  };

  for (const [what, answer] of [['is not known', unknown], ['was lost on the way', () => Promise.reject(new HpcError('ssh_unreachable', 'the line broke', { retrySafe: true }))]] as const) {
    it(`an outcome that ${what} comes with the id that finds it again, and that finds it`, async () => {
      const error = await errorOf(depsWith(answer));
      const requestId = String(error.details?.request_id);
      assert.match(requestId, /^[0-9a-f]{16,}$/);
      assert.ok(error.remediation?.includes(requestId), error.remediation);
      assert.equal(error.retrySafe, false, 'the same call would be a second job');
      const found = await submitJob({ ...request, requestId }, depsWith(() => Promise.resolve({ receipts: { job: { state: 'submitted', job_id: '80' } }, now: 1000 })), call);
      assert.deepEqual([found.record.job_id, found.resumed], ['80', true]);
    });
  }

  it('with an id of the caller’s own the same call may be repeated; what was refused needs none', async () => {
    assert.equal((await errorOf(depsWith(unknown), { requestId: 'mine' })).retrySafe, true);
    const refused = await errorOf(depsWith(() => Promise.resolve({ receipts: { job: { state: 'refused', rc: 1, err: 'Unable to run job: job rejected\nExiting.\n' } }, stopped: { kind: 'refused', key: 'job' }, now: 1000 })));
    assert.deepEqual([refused.code, refused.details?.request_id], ['spec_invalid', undefined]);
  });
});
