import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { byAxes, byIndex } from '../../../../webview/model/gridLayout.ts';
import { taskAfterKey } from '../../../../webview/parts/heatMap/keys.ts';
import { Viewport } from '../../../../webview/parts/heatMap/viewport.ts';

const none = (): undefined => undefined;
const press = (key: string, cursor: number | undefined, layout = byIndex(100, 1), ctrlKey = false): number | undefined | null => taskAfterKey({ key, ctrlKey }, cursor, layout, none);

describe('The map of tasks (unit)', () => {
  it('is gone through by keys, over its gaps, and not beyond its edges', () => {
    assert.deepEqual([press('ArrowRight', undefined), press('ArrowRight', 0), press('ArrowDown', 0), press('ArrowUp', 0), press('ArrowLeft', 0)], [0, 1, 10, undefined, undefined]);
    assert.deepEqual([press('Home', 57), press('End', 52), press('End', 52, undefined, true), press('PageDown', 3), press('PageUp', 93)], [50, 59, 99, 93, 3]);
    assert.equal(press('x', 0), null);
    const index = Uint32Array.from([0, 2]);
    const gappy = byAxes(2, { name: 'x', values: [0, 1, 2], index }, undefined);
    assert.equal(press('ArrowRight', 0, gappy), 1);
    assert.equal(taskAfterKey({ key: 'n', ctrlKey: false }, undefined, gappy, (from, step) => from + step), 0);
  });

  it('finds the task at its own centre, however it is zoomed and moved', () => {
    const step = fc.oneof(fc.record({ factor: fc.double({ min: 0.3, max: 4, noNaN: true }), x: fc.nat(800), y: fc.nat(400) }), fc.record({ dx: fc.integer({ min: -500, max: 500 }), dy: fc.integer({ min: -500, max: 500 }) }));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.array(step, { maxLength: 6 }), fc.nat(), fc.constantFrom(1, 1.5, 2), (total, steps, any, ratio) => {
        const view = new Viewport();
        view.width = 800;
        view.height = 400;
        view.setLayout(byIndex(total, 2));
        for (const its of steps) {
          if ('factor' in its) view.zoomBy(its.factor, its, ratio);
          else view.moveBy(its.dx, its.dy, ratio);
        }
        const task = any % total;
        view.reveal(task, ratio);
        const centre = view.centreOf(task, ratio);
        assert.equal(view.taskAt(centre, ratio), task);
        assert.ok(centre.x >= 0 && centre.x <= view.width && centre.y >= 0 && centre.y <= view.height, `${centre.x} ${centre.y}`);
      }),
    );
  });
});
