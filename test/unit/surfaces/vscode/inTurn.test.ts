import assert from 'node:assert/strict';
import { inTurn } from '../../../../src/surfaces/vscode/inTurn.ts';

describe('Readings in turn (unit)', () => {
  it('who asks during a reading gets the next one, shared by all who ask meanwhile, and never an older answer', async () => {
    let truth = 'idle';
    let shown = '';
    const answers: (() => void)[] = [];
    const refresh = inTurn(async () => {
      const seen = truth;
      await new Promise<void>((resolve) => answers.push(resolve));
      shown = seen;
    });
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const first = refresh();
    await turn();
    truth = 'connected';
    const late = [refresh(), refresh(), refresh()];
    await turn();
    assert.equal(answers.length, 1, 'a second reading began while the first went on');
    answers[0]?.();
    await first;
    assert.equal(shown, 'idle');
    await turn();
    answers[1]?.();
    await Promise.all(late);
    assert.deepEqual([shown, answers.length], ['connected', 2]);
  });

  it('one that failed tells who asked for it, and stops nobody', async () => {
    let times = 0;
    const refresh = inTurn(async () => {
      times += 1;
      await Promise.resolve();
      if (times === 1) throw new Error('no file');
    });
    const first = refresh();
    await assert.rejects(first, /no file/);
    await refresh();
    assert.equal(times, 2);
  });
});
