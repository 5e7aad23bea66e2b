/**
 * One real run of 2,000 tasks on a real Slurm, watched in the dashboard of real VS Code: how long submission takes, how old what is seen is, what the page's frames
 * and memory cost; and what the page was told, written down for the benchmark of the page.
 *
 *   HPC_AGENT_SANDBOX=/var/tmp/mine tsx test/bench/watchedRun.ts [--record FILE]
 *
 * By hand, after `npm run build` and `npx vsce package --no-dependencies --out hpc-agent.vsix`: it takes some ten minutes, so it is no part of the tests.
 */
import * as fs from 'node:fs/promises';
import { execFile } from 'node:child_process';
import * as path from 'node:path';
import { parseArgs } from 'node:util';
import type { RunEvent } from '../../webview/protocol/run.ts';
import { taskStates } from '../../webview/protocol/run.ts';
import { patienceMs, until } from '../editor/driver/wait.ts';
import { makePlace, quiet, runCli } from '../editor/place.ts';
import type { Frame } from '../editor/playwright.ts';
import { openWorkbench } from '../editor/ui.ts';
import { startSandbox } from '../sandbox/sandbox.ts';
import { recordingOf, writeRecording, type HeardEvent } from './recordedRun.ts';

const script = `"""Waits as long as such a point takes, fails in four ways, and writes what it found."""
import argparse, json, os, sys, time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--alpha", type=float, default=1)
parser.add_argument("--horizon", type=int, default=1)
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()
print("alpha", args.alpha, "horizon", args.horizon, "seed", args.seed, flush=True)
number = (args.horizon * 7 + args.seed * 3 + int(args.alpha * 10)) % 97
if args.alpha == 10 and args.horizon == 20 and args.seed < 4:
    print("this one hangs", file=sys.stderr, flush=True)
    time.sleep(600)
time.sleep(4 + number / 8.0)
if number == 13:
    raise ValueError("singular matrix at horizon %d" % args.horizon)
if number == 29:
    import a_module_that_is_not_there
if number == 41 and args.seed % 2 == 0:
    os.kill(os.getpid(), 9)
if number == 53:
    raise MemoryError("Unable to allocate %d MiB" % (100 * args.horizon))
with open(os.path.join(os.environ["RESULT_DIR"], "metrics.json"), "w") as out:
    json.dump({"rmse": 1.0 / args.alpha + args.horizon * 0.01 + args.seed * 0.001, "r2": 1 - args.horizon * 0.02}, out)
`;

const { values } = parseArgs({ options: { record: { type: 'string' }, tasks: { type: 'string', default: '2000' } } });
const seeds = Number(values.tasks) / 200;

/** In the page: keeps what it is told with the time, and how long the work of frames takes. */
const listen = `(() => {
  if (window.heard) return;
  window.heard = [];
  window.frames_ = [];
  window.addEventListener('message', ({ data }) => {
    if (data && (data.type === 'event' || data.type === 'state')) {
      const text = JSON.stringify(data.event ?? data.difference, (_, value) => ArrayBuffer.isView(value) ? [...value].map((number) => Number.isNaN(number) ? null : number) : value);
      window.heard.push({ at: Date.now(), type: data.type, text });
    }
  });
  const ask = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (work) => ask((now) => {
    const began = performance.now();
    work(now);
    window.frames_.push(performance.now() - began);
  });
})()`;

interface Heard {
  readonly at: number;
  readonly type: 'event' | 'state';
  readonly text: string;
}

const processes = (): Promise<string> => new Promise((resolve) => execFile('ps', ['-eo', 'pid,rss,args'], { maxBuffer: 10_000_000 }, (_error, stdout) => resolve(stdout)));

const quantileOf = (numbers: readonly number[], share: number): number => [...numbers].sort((a, b) => a - b)[Math.round((numbers.length - 1) * share)] ?? Number.NaN;

const sandbox = await startSandbox();
const { ssh } = sandbox;
const place = await makePlace({ workspace: 'empty', clusters: { bed: { scheduler: 'slurm', host: ssh.aliases.plain, ssh_config_file: ssh.sshConfigFile, scratch: '$HOME/scratch' } } });
await fs.writeFile(path.join(place.workspace, 'fit.py'), script);
const workbench = await openWorkbench(place.workspace, { theme: 'dark', env: place.env, viewport: { width: 1500, height: 950 } });
const say = (what: string, figures: object): void => console.log(JSON.stringify({ what, ...figures }));
const heard: Heard[] = [];
const frames: number[] = [];
try {
  await workbench.activityBar.open('HPC Agent');
  const spec = path.join(place.home, 'spec.json');
  const range = (from: number, count: number): string => Array.from({ length: count }, (_, place) => from + place).join(',');
  await fs.writeFile(spec, JSON.stringify({ executors: ['fit.py'], axes: { alpha: range(1, 10), horizon: range(1, 20), seed: range(1, seeds) }, overwrite: true }));
  await runCli(workbench, place, ['build-tasks-py', '--spec', spec, '--yes']);
  const resources = path.join(place.home, 'submit.json');
  await fs.writeFile(resources, JSON.stringify({ cluster: 'bed', run_name: 'two-thousand', resources: { walltime: 60, memory: 200 } }));
  let began = Date.now();
  await workbench.runCommand('HPC Agent: Open dashboard');
  const page = await until('the page', async () => {
    for (const frame of workbench.page.frames()) if ((await frame.locator('#page main').count().catch(() => 0)) > 0) return frame;
    return undefined;
  });
  await page.evaluate(listen);
  say('the page is open', { seconds: (Date.now() - began) / 1000 });
  began = Date.now();
  const submitted = runCli(workbench, place, ['submit', '--spec', resources, '--yes']).then(({ run_id: runId }) => say('submission', { seconds: (Date.now() - began) / 1000, runId }));
  await until('the run in the overview', async () => (await page.locator('.rows a', { hasText: 'two-thousand' }).count()) > 0);
  say('the run is in the overview', { seconds: (Date.now() - began) / 1000 });
  await page.locator('.rows a', { hasText: 'two-thousand' }).first().click();
  await until('the map', async () => (await page.locator('canvas.heat-map').count()) > 0);
  say('the map is seen', { seconds: (Date.now() - began) / 1000 });
  await submitted;

  const take = async (from: Frame): Promise<void> => {
    const part = await from.evaluate<{ heard: Heard[]; frames: number[]; heap: number }>('({ heard: window.heard.splice(0), frames: window.frames_.splice(0), heap: performance.memory.usedJSHeapSize })');
    heard.push(...part.heard);
    frames.push(...part.frames);
    const host = (await processes()).split('\n').filter((line) => line.includes(workbench.server.temp) || line.includes('--type=extensionHost')).map((line) => Number(line.trim().split(/\s+/)[1]));
    const words = (await from.locator('.counts').first().innerText().catch(() => '')).replaceAll('\n', ' · ');
    say('seen', { seconds: Math.round((Date.now() - began) / 1000), words, heapMB: Math.round(part.heap / 1e6), largestHostMB: Math.round(Math.max(0, ...host) / 1000), messages: part.heard.length });
  };
  let pictures = 0;
  let looked = false;
  await until(
    'the end of the run',
    async () => {
      await take(page);
      const words = await page.locator('.counts').first().innerText();
      const done = Number(/([\d,.]+) done/.exec(words)?.[1]?.replace(/\D/g, '') ?? 0);
      if (done > pictures * 500) await workbench.screenshot(`watched-${(pictures += 1)}`);
      if (!looked && words.includes('failed')) {
        looked = true;
        const pressed = Date.now();
        await page.locator('canvas.heat-map').focus();
        for (const key of ['n', 'Enter']) await workbench.page.keyboard.press(key);
        await until('the log of a failed task', async () => /Error|hangs/.test(await page.locator('.log pre').innerText().catch(() => '')));
        say('the log of a cell', { seconds: (Date.now() - pressed) / 1000 });
      }
      if (words.includes('done') && !/running|waiting|unknown/.test(words)) return true;
      await new Promise((resolve) => setTimeout(resolve, 5000));
      return false;
    },
    40 * 60_000,
  );
  await until('the failure groups', async () => !(await page.locator('.attention').innerText()).includes('Reading the logs'), 3 * patienceMs);
  await take(page);
  await workbench.screenshot('watched-end');
  say('failure groups', { text: (await page.locator('.attention').innerText()).slice(0, 4000) });

  const events: HeardEvent[] = heard.filter(({ type }) => type === 'event').map(({ at, text }) => ({ at, event: JSON.parse(text) as RunEvent }));
  const recording = recordingOf(events);
  const lags = recording.looks.flatMap(({ at, changes }) => changes.flatMap(({ state, started, elapsed }) => (started === null || at === 0 ? [] : [at - (started - recording.began + (taskStates[state] === 'running' ? 0 : (elapsed ?? 0)))])));
  const bytes = heard.map(({ text }) => text.length);
  say('watch', { looks: recording.looks.length, lagMedianS: quantileOf(lags, 0.5), lag95S: quantileOf(lags, 0.95) });
  say('messages', { count: heard.length, states: heard.filter(({ type }) => type === 'state').length, medianBytes: quantileOf(bytes, 0.5), largestBytes: Math.max(...bytes), sumKB: Math.round(bytes.reduce((a, b) => a + b, 0) / 1000) });
  say('frames', { count: frames.length, medianMs: quantileOf(frames, 0.5), ms95: quantileOf(frames, 0.95), longestMs: Math.max(...frames) });
  if (values.record !== undefined) writeRecording(values.record, recording);
} catch (error) {
  await workbench.screenshot('watched-failed');
  throw error;
} finally {
  await workbench.dispose();
  await quiet(place);
  await place.remove();
}
