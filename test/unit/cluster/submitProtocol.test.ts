/** The client's half of exactly-once submission, with a far side that answers what the test says: how an unknown outcome is settled. */
import assert from 'node:assert/strict';
import type { ClusterSession } from '../../../src/cluster/session.ts';
import { submissionProblem, submitSteps, type Receipt, type SubmitReply, type SubmitStep } from '../../../src/cluster/submitProtocol.ts';
import { HpcError } from '../../../src/foundation/errors.ts';
import { silentLog } from '../../../src/foundation/log.ts';
import { sgeDialect } from '../../../src/scheduler/sge/dialect.ts';
import type { SchedulerTools } from '../../../src/scheduler/port.ts';

const tools: SchedulerTools = { tools: { qsub: '/s/qsub', qstat: '/s/qstat', qdel: '/s/qdel' }, python: 'python3', user: 'carol', runtimeDirectory: '/r' };
const step: SubmitStep = {
  key: 'w0a0',
  jobName: 'run-w0a0-0123456789',
  after: [],
  query: sgeDialect.submit({ name: 'run-w0a0-0123456789', comment: 't', scriptPath: '/s.sh', workdir: '/w', array: { ranges: [{ first: 1, last: 3 }] }, dependencies: [], resources: {}, stdoutPath: '/o', stderrPath: '/e' }, tools),
};

/** qsub leaves this receipt every time it is run; `listed` are the jobs of that name in the queue. `tries` counts the runs of qsub. */
function farSide(said: Partial<Receipt>, listed: readonly string[] | HpcError): { readonly session: ClusterSession; readonly tries: () => number } {
  let receipt: Receipt | undefined;
  let tries = 0;
  const call = (_verb: string, request: { readonly arrays: readonly unknown[]; readonly resolved: Readonly<Record<string, { job_id?: string; absent?: boolean }>> }): Promise<unknown> => {
    const settled = request.resolved[step.key];
    if (settled?.job_id !== undefined) receipt = { state: 'submitted', job_id: settled.job_id };
    else if (settled?.absent === true) receipt = { state: 'refused', err: 'not found in the queue nor in accounting', rc: null };
    if (request.arrays.length > 0 && (receipt === undefined || receipt.state === 'refused')) {
      tries += 1;
      receipt = { state: 'submitting', at: 1000 + tries, ...said };
    }
    const stopped = receipt?.state === 'submitting' && request.arrays.length > 0 ? { kind: 'unknown', key: step.key } : null;
    return Promise.resolve({ receipts: receipt === undefined ? {} : { [step.key]: receipt }, stopped, now: 2000 });
  };
  const session = {
    facts: () => Promise.resolve({ tools, commandEnvironment: {}, runtime: { call } }),
    dialect: sgeDialect,
    askEach: () => Promise.resolve([listed instanceof HpcError ? listed : listed.map((jobId) => ({ jobId, name: step.jobName, state: 'pending' }))]),
  } as unknown as ClusterSession;
  return { session, tries: () => tries };
}

const submit = (session: ClusterSession): Promise<SubmitReply> => submitSteps(session, { state_dir: '/s', token: 't' }, [step], { signal: new AbortController().signal, log: silentLog });

describe('submission, what the client makes of an unknown outcome', () => {
  it('a refusal that sounds like a lost answer is a refusal, in the words of the site', async () => {
    const rejected = 'Unable to run job: Jobs with heavy communication must use -pe mpi\nExiting.\n';
    const { session, tries } = farSide({ rc: 1, err: rejected }, []);
    const reply = await submit(session);
    assert.equal(reply.stopped?.kind, 'refused');
    assert.equal(tries(), 2);
    const problem = submissionProblem(reply, [step]);
    assert.equal(problem?.code, 'spec_invalid');
    assert.match(problem.message, /heavy communication must use -pe mpi.*No job was submitted/);
  });

  it('a submit command that ends well and submits nothing is said to do so', async () => {
    const { session } = farSide({ rc: 0, err: '', out: 'verified, no job was submitted\n' }, []);
    const problem = submissionProblem(await submit(session), [step]);
    assert.equal(problem?.code, 'remote_command_failed');
    assert.match(problem.message, /no job came of it.*verified, no job was submitted/);
    assert.match(problem.remediation ?? '', /sge_request/);
  });

  it('a command that was ended before it could answer is never called refused', async () => {
    const { session } = farSide({ rc: -9, err: '' }, []);
    assert.equal((await submit(session)).stopped?.kind, 'unknown');
  });

  it('what is found by its name is submitted, and the command is not run again', async () => {
    const { session, tries } = farSide({ rc: 0, err: '', out: '80\n500\n' }, ['80']);
    const reply = await submit(session);
    assert.deepEqual([reply.stopped, reply.receipts[step.key]?.job_id, tries()], [undefined, '80', 1]);
  });

  it('a queue that gives no answer leaves it unknown; the words are not the last that Grid Engine says of everything', async () => {
    const { session, tries } = farSide({ rc: 1, err: 'Unable to run job: got read error\nExiting.\n' }, new HpcError('cluster_timeout', 'away'));
    const reply = await submit(session);
    assert.deepEqual([reply.stopped?.kind, tries()], ['unknown', 1]);
    assert.match(submissionProblem(reply, [step])?.message ?? '', /took w0a0: .*got read error, and it could not be asked/);
  });
});
