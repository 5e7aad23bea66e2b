import assert from 'node:assert/strict';
import { afterWalkthrough } from '../../../../../src/surfaces/vscode/commands/afterWalkthrough.ts';

describe('Commands that are pressed in the walkthrough (unit)', () => {
  const told: string[] = [];
  const command = afterWalkthrough(
    (...words) => void told.push(`command ${JSON.stringify(words)}`),
    async () => {
      await Promise.resolve();
      told.push('settled');
    },
  );
  beforeEach(() => void told.splice(0));

  it('ask nothing before it has settled, and know nothing of where they were pressed', async () => {
    await command('walkthrough');
    assert.deepEqual(told, ['settled', 'command []']);
  });

  it('start at once from everywhere else, with what they are for', async () => {
    await command({ kind: 'cluster', name: 'bed' }, ['row']);
    assert.deepEqual(told, ['command [{"kind":"cluster","name":"bed"},["row"]]']);
  });
});
