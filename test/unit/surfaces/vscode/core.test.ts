import assert from 'node:assert/strict';
import { loadCatalogue } from '../../../../src/operations/catalogue.ts';
import { Core, needsTrust } from '../../../../src/surfaces/vscode/core.ts';
import { HpcError } from '../../../../src/foundation/errors.ts';
import type { Host } from '../../../../src/operations/services.ts';

const catalogue = await loadCatalogue();

describe('The editor’s door to operations (unit)', () => {
  it('lets an untrusted folder be looked at and nothing more', () => {
    const refused = catalogue.filter(needsTrust).map(({ name }) => name);
    for (const name of ['build-tasks-py', 'plan', 'submit', 'cancel', 'reconcile', 'aggregate']) assert.ok(refused.includes(name), name);
    for (const name of ['list-runs', 'status', 'logs', 'discover', 'clusters-list', 'clusters-add']) assert.ok(!refused.includes(name), name);
  });

  it('refuses before anything of the core is made, and says how to go on', async () => {
    const submit = catalogue.find(({ name }) => name === 'submit');
    assert.ok(submit);
    // Anything but `trusted` would fail: nothing else of the host may be touched.
    const core = new Core({ trusted: () => false } as unknown as Host);
    for (const attempt of [core.invoke(submit, {}, { folder: '/w' }), core.confirmation(submit, {}, { folder: '/w' })]) {
      await assert.rejects(attempt, (error) => HpcError.is(error, 'spec_invalid') && error.details?.untrusted === true && /trust/i.test(error.remediation ?? ''));
    }
    await assert.rejects(core.within('acts', { folder: '/w' }, () => assert.fail('it was done')), (error) => HpcError.is(error) && error.details?.untrusted === true);
    core.dispose();
  });
});
