/** Two windows and the command line on one workspace: one of them asks, all show the same, and what became of a run is told once. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { until } from '../driver/wait.ts';
import { makePlace, quiet, runCli, type Place } from '../place.ts';
import { openWorkbench, type Workbench } from '../ui.ts';

/** How often this computer is looked at by a window that is in front. Others look less often. */
const intervalMs = 5000;

describe('Two windows on one workspace (ui)', function () {
  this.timeout(8 * 60_000);
  let place: Place;
  let first: Workbench;
  let second: Workbench;

  before(async () => {
    place = await makePlace({ workspace: 'probe' });
    first = await openWorkbench(place.workspace, { theme: 'dark', env: place.env });
    await first.activityBar.open('HPC Agent');
    second = await first.anotherWindow();
    await second.activityBar.open('HPC Agent');
  });

  after(async () => {
    await first?.dispose();
    if (place) await quiet(place);
    await place?.remove();
  });

  afterEach(async function () {
    await first?.report(this.currentTest);
    if (this.currentTest?.state === 'failed') await second?.screenshot(`failed-second-${this.currentTest.title.replace(/\W+/g, '-')}`);
  });

  const clusterFolder = (): string => path.join(place.home, '.hpc-agent', 'clusters', 'this-computer');
  const askedAt = async (): Promise<number> => Date.parse((JSON.parse(await fs.readFile(path.join(clusterFolder(), 'observed.json'), 'utf8').catch(() => '{"at":0}')) as { at: string }).at);
  const observer = async (): Promise<number> => {
    const name = (await fs.readdir(clusterFolder()).catch(() => [])).find((file) => /^observer-.*\.lock$/.test(file));
    return name === undefined ? 0 : (JSON.parse(await fs.readFile(path.join(clusterFolder(), name), 'utf8').catch(() => '{"pid":0}')) as { pid: number }).pid;
  };
  const submit = async (name: string, axes: Readonly<Record<string, string>>): Promise<string> => {
    const spec = path.join(place.home, 'spec.json');
    await fs.writeFile(spec, JSON.stringify({ executors: ['probe.py'], axes, overwrite: true }));
    await runCli(first, place, ['build-tasks-py', '--spec', spec, '--yes']);
    return String((await runCli(first, place, ['submit', '--cluster', 'this-computer', '--run-name', name, '--yes'])).run_id);
  };
  /** Every notice seen so far with its window: a toast goes away by itself. */
  const seen = new Set<string>();
  const told = async (): Promise<readonly string[]> => {
    for (const [name, window] of [['first', first], ['second', second]] as const) for (const { message } of await window.notifications.all()) seen.add(`${name}: ${message}`);
    return [...seen].map((line) => line.replace(/^\w+: /, ''));
  };

  it('show the same run, and ask no oftener than one of them would', async () => {
    await submit('long', { x: '1', seconds: '300' });
    for (const window of [first, second]) await window.tree('Runs').rowDescribed('long', /^running/);
    assert.notEqual(await observer(), 0);
    const times = [await askedAt()];
    await until('four more questions', async () => {
      const at = await askedAt();
      if (at !== times.at(-1)) times.push(at);
      return times.length > 4;
    }, 100_000);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    assert.deepEqual(gaps.filter((gap) => gap < 0.85 * intervalMs), [], `asked after ${gaps.join(', ')} ms`);
  });

  it('take over when the window that asks is killed', async () => {
    const dead = await observer();
    const before = await askedAt();
    process.kill(dead, 'SIGKILL');
    await until('another observer', async () => {
      const now = await observer();
      return now !== 0 && now !== dead && (await askedAt()) > before;
    }, 60_000);
    // The editor starts its extension host again by itself, or offers to.
    await second.page.reload();
    await second.activityBar.open('HPC Agent');
    await first.page.reload();
    await first.activityBar.open('HPC Agent');
    for (const window of [first, second]) await window.tree('Runs').rowDescribed('long', /^running/);
  });

  it('see at once what the command line did', async () => {
    const { runs } = (await runCli(first, place, ['list-runs'])) as unknown as { runs: { run_id: string }[] };
    await runCli(first, place, ['cancel', runs[0]?.run_id ?? '', '--yes']);
    for (const window of [first, second]) await window.tree('Runs').rowDescribed('long', /^cancelled/);
  });

  it('tell once what became of a run, with what to do next', async () => {
    await submit('short', { x: '1,2', seconds: '3', fails_from: '2' });
    await until('the end of short to be told', async () => (await told()).some((message) => message.startsWith('short has ended on this-computer: 1 done · 1 failed')));
    const teller = (await first.notifications.all()).some(({ message }) => message.startsWith('short has ended')) ? first : second;
    assert.deepEqual((await teller.notifications.waitFor(/short has ended/)).buttons.filter((button) => button !== ''), ['Why?', 'Submit again…', 'Open results']);
    await teller.screenshot('windows-1-told-dark');
    await submit('well', { x: '1', seconds: '1' });
    await until('the end of well to be told', async () => (await told()).some((message) => message.startsWith('well is done: 1 task on this-computer')));
    // Whoever would tell the first a second time had the time of the other run for it.
    assert.deepEqual((await told()).filter((message) => /^(short has ended|well is done|long)/.test(message)).sort((a, b) => a.localeCompare(b)), ['short has ended on this-computer: 1 done · 1 failed.', 'well is done: 1 task on this-computer.']);
  });
});
