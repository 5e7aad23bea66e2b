import assert from 'node:assert/strict';
import fc from 'fast-check';
import { HpcError } from '../../../../src/foundation/errors.ts';
import { defaultAutoRetry, failureClasses, isFailureClass, parseAutoRetry, policyOf, readFailureClass, ruleOnWire } from '../../../../src/runs/diagnosis/failureClass.ts';

describe('failure classes (unit)', () => {
  it('are hpc-agent’s eleven and segv', () => {
    const theirs = ['preempted', 'gpu_oom', 'system_oom', 'walltime', 'node_failure', 'file_not_found', 'import_error', 'permission_denied', 'disk_full', 'python_traceback', 'unknown'];
    assert.deepEqual([...failureClasses].sort(), [...theirs, 'segv'].sort());
  });

  it('have policies that do not contradict themselves', () => {
    for (const name of failureClasses) {
      const policy = policyOf(name);
      assert.equal(policy.retry === 'with_more', policy.multiplies !== 'none', name);
      assert.equal(policy.multiplies === 'none', policy.factor === 1, name);
      assert.equal(policy.retry === 'after_a_change', policy.maxRetries === 0, name);
      assert.ok(policy.title !== '' && policy.advice.endsWith('.'), name);
    }
  });

  it('are read from hpc-agent’s coarse names', () => {
    assert.equal(readFailureClass('segv'), 'segv');
    assert.equal(readFailureClass('node_fail'), 'node_failure');
    assert.equal(readFailureClass('queue_stall'), 'node_failure');
    assert.equal(readFailureClass('code_bug'), 'python_traceback');
    assert.equal(readFailureClass('held_in_error'), 'node_failure');
    assert.equal(readFailureClass('constructor'), undefined);
    for (const name of failureClasses) assert.equal(readFailureClass(name), name);
  });
});

describe('auto_retry of a sidecar (unit)', () => {
  it('is off where the owner said nothing', () => {
    for (const value of [undefined, null, false, {}]) assert.equal(parseAutoRetry(value), undefined);
  });

  it('is our table for true', () => {
    const rules = parseAutoRetry(true);
    assert.equal(rules, defaultAutoRetry);
    assert.deepEqual(rules?.get('system_oom'), { maxRetries: 1, memoryFactor: 1.5, walltimeFactor: 1 });
    assert.deepEqual(rules.get('walltime'), { maxRetries: 1, memoryFactor: 1, walltimeFactor: 2 });
    assert.equal(rules.has('python_traceback'), false);
  });

  it('reads hpc-agent’s own default, and names only what it names', () => {
    const rules = parseAutoRetry({ gpu_oom: { max_attempts: 1, mem_multiplier: 1.5 }, system_oom: { max_attempts: 1, mem_multiplier: 1.5 }, walltime: { max_attempts: 1, walltime_multiplier: 2.0 }, node_failure: { max_attempts: 2 } });
    assert.deepEqual([...(rules?.keys() ?? [])], ['gpu_oom', 'system_oom', 'walltime', 'node_failure']);
    assert.deepEqual(rules?.get('node_failure'), { maxRetries: 2, memoryFactor: 1, walltimeFactor: 1 });
    assert.deepEqual(ruleOnWire(rules.get('gpu_oom') ?? assert.fail()), { max_attempts: 1, mem_multiplier: 1.5 });
    assert.deepEqual(ruleOnWire(rules.get('node_failure') ?? assert.fail()), { max_attempts: 2 });
  });

  it('takes a class’s own name over an older one', () => {
    assert.equal(parseAutoRetry({ node_failure: { max_attempts: 3 }, node_fail: { max_attempts: 1 } })?.get('node_failure')?.maxRetries, 3);
    assert.equal(parseAutoRetry({ node_fail: { max_attempts: 1 }, node_failure: { max_attempts: 3 } })?.get('node_failure')?.maxRetries, 3);
  });

  const wrong: readonly [unknown, RegExp][] = [
    [7, /auto_retry: must be an object/],
    [[], /auto_retry: must be an object/],
    [{ oom: {} }, /auto_retry\.oom: is no class/],
    [{ walltime: 2 }, /auto_retry\.walltime: must be an object/],
    [{ walltime: { max_attempts: -1 } }, /auto_retry\.walltime\.max_attempts: must be a number/],
    [{ walltime: { max_attempts: 1.5 } }, /whole number/],
    [{ walltime: { max_attempts: 1, walltime_multiplier: 0.5 } }, /walltime_multiplier: must be a number from 1/],
    [{ walltime: { max_attempts: 1, factor: 2 } }, /auto_retry\.walltime\.factor: is not known/],
  ];
  for (const [value, message] of wrong) {
    it(`refuses ${JSON.stringify(value)}`, () => assert.throws(() => parseAutoRetry(value), (error) => HpcError.is(error, 'spec_invalid') && message.test(error.message)));
  }

  it('never throws anything but spec_invalid, whatever stands there', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...failureClasses, 'x'), fc.jsonValue())), (value) => {
        try {
          for (const [name, rule] of parseAutoRetry(value) ?? []) assert.ok(isFailureClass(name) && rule.maxRetries >= 0 && rule.memoryFactor >= 1 && rule.walltimeFactor >= 1);
        } catch (error) {
          assert.ok(HpcError.is(error, 'spec_invalid'));
        }
      }),
    );
  });
});
