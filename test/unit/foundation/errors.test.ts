import assert from 'node:assert/strict';
import { errorPolicies, HpcError, messageOf, systemCodeOf, toHpcError, type ErrorCode } from '../../../src/foundation/errors.ts';

/** The wire contract, written down once more: code, category, exit status, whether a retry is safe. */
const contract: readonly [ErrorCode, string, number, boolean][] = [
  ['ssh_unreachable', 'network', 2, true],
  ['scheduler_throttled', 'cluster', 2, true],
  ['cluster_timeout', 'cluster', 2, true],
  ['combiner_failed', 'cluster', 2, true],
  ['preempted', 'cluster', 2, true],
  ['cluster_partially_degraded', 'cluster', 2, true],
  ['outputs_missing', 'cluster', 2, true],
  ['remote_command_failed', 'cluster', 2, false],
  ['spec_invalid', 'user', 1, false],
  ['executor_not_found', 'user', 1, false],
  ['cluster_unknown', 'user', 1, false],
  ['config_invalid', 'user', 1, false],
  ['journal_corrupt', 'internal', 3, false],
  ['schema_incompat', 'internal', 3, false],
  ['internal', 'internal', 3, false],
];

describe('errors (unit)', () => {
  it('has the fifteen codes with their categories, exit statuses and retry policies', () => {
    assert.deepEqual(Object.entries(errorPolicies).map(([code, { category, exitCode, retrySafe }]) => [code, category, exitCode, retrySafe]), contract);
    for (const { retrySafe, retryDelaysS, policy } of Object.values(errorPolicies)) {
      assert.ok(retrySafe || retryDelaysS.length === 0, 'what is not safe to retry is never retried by itself');
      assert.notEqual(policy, '');
    }
    assert.deepEqual(errorPolicies.scheduler_throttled.retryDelaysS, [1, 2, 4, 4]);
    assert.deepEqual(errorPolicies.cluster_timeout.retryDelaysS, [4, 8, 16]);
    assert.deepEqual(errorPolicies.ssh_unreachable.retryDelaysS, []);
  });

  it('takes category and retry from the table, unless this occurrence says otherwise', () => {
    const lost = new HpcError('cluster_timeout', 'lost', { retrySafe: false, remediation: 'reconcile', details: { token: 't' } });
    assert.deepEqual([lost.category, lost.retrySafe, lost.remediation, lost.name], ['cluster', false, 'reconcile', 'HpcError']);
    assert.equal(new HpcError('cluster_timeout', 'x').retrySafe, true);
    assert.ok(HpcError.is(lost) && HpcError.is(lost, 'cluster_timeout') && !HpcError.is(lost, 'internal') && !HpcError.is(new Error('x')));
  });

  it('wraps what it does not know as internal, with its cause, and leaves its own alone', () => {
    const cause = new TypeError('x is not a function');
    const wrapped = toHpcError(cause);
    assert.deepEqual([wrapped.code, wrapped.cause], ['internal', cause]);
    assert.match(wrapped.message, /x is not a function/);
    assert.equal(toHpcError(wrapped), wrapped);
    assert.equal(messageOf('text'), 'text');
    assert.deepEqual([systemCodeOf(Object.assign(new Error('x'), { code: 'ENOENT' })), systemCodeOf({ code: 5 }), systemCodeOf(undefined), systemCodeOf('ENOENT')], ['ENOENT', undefined, undefined, undefined]);
  });
});
