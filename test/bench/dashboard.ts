/**
 * The dashboard's page with 100,000 tasks, those of a real run replayed, in a real browser: until the map is painted, a frame while 1,000 states a second come in, and what it
 * holds in memory. By the browser's own tracing.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { groupBy } from '../../src/foundation/collections.ts';
import type { ToPage } from '../../webview/protocol.ts';
import { root } from '../editor/paths.ts';
import { runState } from '../page/fixtures.ts';
import { openStage } from '../page/openPage.ts';
import { enlarged, readRecording, type LargeRun } from './recordedRun.ts';
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

/** Of the run of 2,000 tasks that was watched (watchedRun.ts): fifty times as many. */
const large = (): LargeRun => enlarged(readRecording(path.join(root, 'test', 'bench', 'recordings', 'run-2000.json.gz')), 50, 0.5);

const perMessage = 100;

/** Makes the whole arrays in the page: how they come there is not what is measured. */
function setUp({ event, parameters, changes }: LargeRun, messages: number): string {
  const state = runState({ event, parameters: { kind: 'parameters', parameters: [...parameters] } });
  const bytes = (array: ArrayBufferView): string => JSON.stringify({ type: array.constructor.name, base64: Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('base64') });
  const columns = Object.entries(event).map(([name, value]) => `${JSON.stringify(name)}: ${ArrayBuffer.isView(value) ? `array(${bytes(value)})` : JSON.stringify(value)}`);
  const its = parameters.map(({ name, values, index }) => `{ name: ${JSON.stringify(name)}, values: ${JSON.stringify(values)}, index: array(${bytes(index)}) }`);
  const next = changes.slice(0, messages * perMessage);
  const number = (value: number | null): number => value ?? Number.NaN;
  const later = {
    tasks: Uint32Array.from(next, ({ task }) => task),
    state: Uint8Array.from(next, ({ state: of }) => of),
    attempt: Uint8Array.from(next, ({ attempt }) => attempt),
    started: Float64Array.from(next, ({ started }) => number(started)),
    elapsed: Float32Array.from(next, ({ elapsed }) => number(elapsed)),
    memory: Float32Array.from(next, ({ memory }) => number(memory)),
    exit: Int16Array.from(next, ({ exit }) => exit),
    node: Uint16Array.from(next, ({ node }) => node),
  };
  return `(() => {
    const array = ({ type, base64 }) => new globalThis[type](Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer);
    window.bench = { state: ${JSON.stringify(state)}, tasks: { ${columns.join(', ')} }, parameters: { kind: 'parameters', parameters: [${its.join(', ')}] }, later: { ${Object.entries(later).map(([name, value]) => `${name}: array(${bytes(value)})`).join(', ')} } };
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

/** 100 tasks every tenth of a second, as they changed in the real run. */
const stream = (subscription: number, messages: number): string => `new Promise((resolve) => {
  let round = 0;
  let complete = window.bench.state.run.counts.complete;
  const timer = setInterval(() => {
    const from = round * ${perMessage};
    const part = Object.fromEntries(Object.entries(window.bench.later).map(([name, column]) => [name, column.slice(from, from + ${perMessage})]));
    window.postMessage({ type: 'event', subscription: ${subscription}, event: { kind: 'changed', ...part } }, '*');
    complete += part.state.filter((state) => state === 2).length;
    window.postMessage({ type: 'state', subscription: ${subscription}, difference: [{ at: ['run', 'counts', 'complete'], value: complete }] }, '*');
    round += 1;
    if (round >= ${messages}) { clearInterval(timer); resolve(round); }
  }, 100);
})`;

export async function dashboard(_places: unknown, short: boolean): Promise<readonly Row[]> {
  const stage = await openStage();
  const paints: number[] = [];
  const memory: number[] = [];
  let frames: readonly number[] = [];
  const run = large();
  const messages = short ? 40 : 150;
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
      await page.page.evaluate(setUp(run, messages));
      paints.push(await page.page.evaluate<number>(paint(subscription)));
      if (round === 0) {
        const traced = await stage.trace(page, () => page.page.evaluate(stream(subscription, messages)));
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
