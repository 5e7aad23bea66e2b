import assert from 'node:assert/strict';
import { CancelledError } from '../../../../src/foundation/abort.ts';
import { HpcError } from '../../../../src/foundation/errors.ts';
import { errorNotice } from '../../../../src/surfaces/vscode/errorNotice.ts';

describe('What a person is told about a failure (unit)', () => {
  it('says nothing about a cancellation', () => {
    assert.equal(errorNotice(new CancelledError(), { canRetry: true }), undefined);
  });

  it('says what happened and what to do, with buttons that do it', () => {
    const notice = errorNotice(new HpcError('ssh_unreachable', 'hoffman2 does not answer.', { remediation: 'Check the network.', details: { cluster: 'hoffman2' } }), { canRetry: true });
    assert.deepEqual(notice, { text: 'hoffman2 does not answer. Check the network.', buttons: ['Retry', 'Preflight', 'Show output'], cluster: 'hoffman2' });
  });

  it('offers no retry where trying again could harm or cannot help', () => {
    assert.deepEqual(errorNotice(new HpcError('ssh_unreachable', 'Lost.', { retrySafe: false }), { canRetry: true })?.buttons, ['Show output']);
    assert.deepEqual(errorNotice(new HpcError('spec_invalid', 'Wrong.'), { canRetry: true })?.buttons, ['Show output']);
  });

  it('leads to the file with the mistake, and to workspace trust', () => {
    assert.deepEqual(errorNotice(new HpcError('config_invalid', 'Line 3.', { details: { file: '/h/clusters.yaml' } }), { canRetry: false })?.buttons, ['Open file', 'Show output']);
    assert.deepEqual(errorNotice(new HpcError('spec_invalid', 'Not trusted.', { details: { untrusted: true } }), { canRetry: false })?.buttons, ['Manage trust']);
  });

  it('finishes a half-done submission instead of trying it anew', () => {
    const notice = errorNotice(new HpcError('cluster_timeout', 'No reply.', { details: { run_id: 'r-1' } }), { canRetry: true });
    assert.deepEqual([notice?.buttons, notice?.runId], [['Finish submission…', 'Show output'], 'r-1']);
  });

  it('calls a defect a defect', () => {
    assert.match(errorNotice(new TypeError('x is not a function'), { canRetry: false })?.text ?? '', /x is not a function.*report it/);
  });
});
