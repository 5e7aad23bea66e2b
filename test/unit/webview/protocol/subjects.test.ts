import assert from 'node:assert/strict';
import { commandIds } from '../../../../src/surfaces/vscode/commandIds.ts';
import { pageCommands } from '../../../../webview/protocol/subjects.ts';

describe('What the page may call (unit)', () => {
  it('are commands that there are, each once', () => {
    const known = new Set<string>(commandIds);
    assert.deepEqual(pageCommands.filter((name) => !known.has(name)), []);
    assert.equal(new Set(pageCommands).size, pageCommands.length);
  });
});
