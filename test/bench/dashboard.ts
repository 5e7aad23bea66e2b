/**
 * The dashboard's page with 100,000 tasks in a real browser: until the map is painted, a frame while 1,000 states a second come in, and what it
 * holds in memory. By the browser's own tracing.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { groupBy } from '../../src/foundation/collections.ts';
import type { ToPage } from '../../webview/protocol.ts';
import { root } from '../editor/paths.ts';
import { runState, sweep } from '../page/fixtures.ts';
import { openStage } from '../page/openPage.ts';
import { compared, oursAtMost, type Row } from './report.ts';

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly ts: number;
  readonly dur?: number;
  readonly pid: number;
  readonly tid: number;
}

/** What the main thread does for a frame. Nested ones are left out: their time is in the outer one's. */
const work = new Set(['FireAnimationFrame', 'EventDispatch', 'HandlePostMessage', 'TimerFire', 'UpdateLayoutTree', 'Layout', 'PrePaint', 'Paint', 'Layerize', 'Commit']);

/** Milliseconds of work of each frame: from one animation frame to the next. */
function framesOf(events: readonly TraceEvent[]): readonly number[] {
  const byThread = groupBy(events.filter(({ name, ph }) => ph === 'X' && work.has(name)), ({ pid, tid }) => `${pid}/${tid}`);
  // The page's thread is the one with the most animation frames.
  const ours = [...byThread.values()].map((its) => its.sort((a, b) => a.ts - b.ts)).sort((a, b) => b.filter(({ name }) => name === 'FireAnimationFrame').length - a.filter(({ name }) => name === 'FireAnimationFrame').length)[0] ?? [];
  const frames: number[] = [];
  let busyUs = 0;
  let until = 0;
  for (const { name, ts, dur = 0 } of ours) {
    if (name === 'FireAnimationFrame' && ts >= until) {
      if (frames.length > 0 || busyUs > 0) frames.push(busyUs / 1000);
      busyUs = 0;
    }
    busyUs += Math.max(0, ts + dur - Math.max(ts, until));
    until = Math.max(until, ts + dur);
  }
  return frames;
}

/** Makes the whole arrays in the page: how they come there is not what is measured. */
function setUp(): string {
  const { event, parameters } = sweep(8, 50, 250, 60_000, 4_000);
  const state = runState({ event, parameters }, {});
  const bytes = (array: ArrayBufferView): string => JSON.stringify({ type: array.constructor.name, base64: Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('base64') });
  const columns = Object.entries(event).map(([name, value]) => `${JSON.stringify(name)}: ${ArrayBuffer.isView(value) ? `array(${bytes(value)})` : JSON.stringify(value)}`);
  const its = parameters.parameters.map(({ name, values, index }) => `{ name: ${JSON.stringify(name)}, values: ${JSON.stringify(values)}, index: array(${bytes(index)}) }`);
  return `(() => {
    const array = ({ type, base64 }) => new globalThis[type](Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer);
    window.bench = { state: ${JSON.stringify(state)}, tasks: { ${columns.join(', ')} }, parameters: { kind: 'parameters', parameters: [${its.join(', ')}] } };
  })()`;
}

const paint = (subscription: number): string => `new Promise((resolve) => {
  const began = performance.now();
  const say = (message) => window.postMessage(message, '*');
  say({ type: 'state', subscription: ${subscription}, difference: [{ at: [], value: window.bench.state }] });
  say({ type: 'event', subscription: ${subscription}, event: window.bench.tasks });
  say({ type: 'event', subscription: ${subscription}, event: window.bench.parameters });
  const look = () => requestAnimationFrame(() => {
    const canvas = document.querySelector('canvas.heat-map');
    const pixel = canvas && canvas.width > 300 && canvas.clientHeight > 0 ? canvas.getContext('2d').getImageData(20, 20, 1, 1).data[3] : 0;
    if (pixel === 0) look();
    else resolve(performance.now() - began);
  });
  look();
})`;

/** 100 tasks every tenth of a second change their state. */
const stream = (subscription: number, seconds: number): string => `new Promise((resolve) => {
  const total = window.bench.tasks.state.length;
  let at = 60000;
  let rounds = 0;
  const timer = setInterval(() => {
    const tasks = Uint32Array.from({ length: 100 }, (_, place) => (at + place) % total);
    at += 100;
    const column = (of, value) => Reflect.construct(of.constructor, [100]).fill(value);
    const { attempt, started, elapsed, memory, exit, node } = window.bench.tasks;
    window.postMessage({ type: 'event', subscription: ${subscription}, event: { kind: 'changed', tasks, state: column(new Uint8Array(0), rounds % 2 === 0 ? 1 : 2), attempt: column(attempt, 1), started: column(started, Date.now() / 1000 - 60), elapsed: column(elapsed, 60), memory: column(memory, 900), exit: column(exit, 0), node: column(node, 1) } }, '*');
    window.postMessage({ type: 'state', subscription: ${subscription}, difference: [{ at: ['run', 'counts', 'complete'], value: 60000 + rounds * 100 }] }, '*');
    rounds += 1;
    if (rounds >= ${seconds} * 10) { clearInterval(timer); resolve(rounds); }
  }, 100);
})`;

export async function dashboard(_places: unknown, short: boolean): Promise<readonly Row[]> {
  const stage = await openStage();
  const paints: number[] = [];
  const memory: number[] = [];
  let frames: readonly number[] = [];
  try {
    for (let round = 0; round < (short ? 3 : 7); round += 1) {
      const page = await stage.open({
        viewport: { width: 1440, height: 900 },
        host: async (message, post) => {
          if (message.type !== 'ready') return;
          const shell: ToPage = { type: 'shell', difference: [{ at: [], value: { runs: [], trusted: true, hasFolder: true } }] };
          await post({ type: 'start', words: {}, language: 'en', route: { view: 'run', params: { run: 'ridge-1' } } });
          await post(shell);
        },
      });
      const { subscription } = await page.heard('subscribe', ({ route }) => route?.view === 'run');
      await page.page.evaluate(setUp());
      paints.push(await page.page.evaluate<number>(paint(subscription)));
      if (round === 0) {
        const traced = await stage.trace(page, () => page.page.evaluate(stream(subscription, short ? 4 : 15)));
        frames = framesOf(traced as readonly TraceEvent[]);
        memory.push(await page.page.evaluate<number>('(globalThis.gc?.(), performance.memory.usedJSHeapSize / 1000)'));
      }
      await page.page.close();
    }
  } finally {
    await stage.close();
  }
  const size = fs.statSync(path.join(root, 'dist', 'webview.js')).size;
  return [
    compared('dashboard', '100,000 tasks until the map is painted', paints, undefined, { budget: oursAtMost(300) }),
    compared('dashboard', 'work of a frame while 1,000 states a second come in', frames, undefined, { budget: oursAtMost(16), note: `${frames.length} frames` }),
    compared('dashboard', 'JavaScript heap of the page with 100,000 tasks', memory, undefined, { unit: 'KB', note: `dist/webview.js is ${Math.round(size / 1000)} KB` }),
  ];
}
