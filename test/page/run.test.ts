import assert from 'node:assert/strict';
import { until } from '../editor/driver/wait.ts';
import { hostile, runHost, sweep } from './fixtures.ts';
import { openStage, type OpenPage, type PageStage } from './openPage.ts';
import { themeNames } from './themes.ts';

describe('the Run view', function () {
  this.timeout(60_000);
  let stage: PageStage;
  before(async function () {
    this.timeout(120_000);
    stage = await openStage();
  });
  after(() => stage.close());

  const small = sweep(6, 12, 1, 61, 8);
  const openRun = async (options: Partial<Parameters<PageStage['open']>[0]> = {}): Promise<OpenPage> => {
    const page = await stage.open({ host: runHost(small), ...options });
    await page.heard('subscribe');
    await page.page.locator('header nav a', { hasText: 'Run' }).click();
    await page.page.locator('.lanes').waitFor();
    return page;
  };
  const done = async (page: OpenPage): Promise<void> => {
    assert.deepEqual(page.errors, []);
    await page.page.close();
  };

  const choose = (page: OpenPage, place: number, value: string): Promise<unknown> =>
    page.page.evaluate(`(() => { const choice = [...document.querySelectorAll('.controls vscode-dropdown')][${place}]; choice.value = ${JSON.stringify(value)}; choice.dispatchEvent(new Event('change')); })()`);

  for (const theme of themeNames) {
    it(`is without fault in ${theme}`, async () => {
      const page = await openRun({ theme });
      await page.page.locator('canvas.heat-map').focus();
      for (const key of ['n', 'Enter']) await page.page.keyboard.press(key);
      await page.page.locator('.log pre').waitFor();
      await until('the log', async () => (await page.page.locator('.log pre').innerText()).includes('MemoryError'));
      assert.deepEqual(await page.axe(), []);
      await page.picture(`run-${theme}`);
      await done(page);
    });
  }

  it('reaches every task by keyboard, says what it is, and shows its log', async () => {
    const page = await openRun();
    await page.page.locator('canvas.heat-map').focus();
    await page.page.keyboard.press('ArrowRight');
    const live = (): Promise<string | null> => page.page.locator('.unseen').evaluate((element) => element.textContent);
    await until('the first cell is said', async () => ((await live()) ?? '').startsWith("Task 48 · done, model = boosting, horizon = 5, "));
    const first = await live();
    await page.page.keyboard.press('ArrowDown');
    await until('another one', async () => (await live()) !== first);
    await page.page.keyboard.press('n');
    await until('one that failed', async () => ((await live()) ?? '').startsWith("Task 40 · time limit (exit status 137), model = forest, horizon = 25"));
    await page.page.keyboard.press('Enter');
    await page.heard('request', ({ name, input }) => name === 'log' && (input as { task: number }).task === 40);
    await done(page);
  });

  it('shows what programs print harmlessly', async () => {
    const page = await openRun();
    await page.page.locator('.failure vscode-button', { hasText: 'Log of task' }).first().click();
    const log = page.page.locator('.log pre');
    await until('the log', async () => (await log.innerText()).includes('MemoryError'));
    const text = await log.innerText();
    assert.ok(text.includes(hostile) && text.includes('INFO reading data') && text.includes('\n100 %\n') && !text.includes('\u001b') && !text.includes(']0;'), JSON.stringify(text));
    assert.equal(await page.page.locator('#page img, #page .failure b, vscode-option b').count(), 0);
    assert.notEqual(await page.page.evaluate('document.title'), 'owned');
    await done(page);
  });

  it('submits a group again, shows it in the map, and opens the log in an editor: by the commands that there are', async () => {
    const page = await openRun();
    await page.page.locator('.failure vscode-button', { hasText: 'again with 6.3G' }).click();
    const { subject } = await page.heard('action', ({ command }) => command === 'resubmit');
    assert.ok(subject?.kind === 'tasks' && subject.taskIds.includes(17));
    await page.page.locator('.heading vscode-button', { hasText: 'Cancel run…' }).click();
    await page.heard('action', ({ command, subject: its }) => command === 'cancelRun' && its?.kind === 'run' && its.runId === 'ridge-1');
    // Of the first wave nothing is left that could be cancelled.
    await page.page.locator('.lanes vscode-button').click();
    await page.heard('action', ({ command, subject: its }) => command === 'cancelRun' && its?.kind === 'wave' && its.wave === 1);
    await page.page.locator('canvas.heat-map').focus();
    for (const key of ['n', 'Enter']) await page.page.keyboard.press(key);
    await page.page.locator('.log vscode-button', { hasText: 'Submit task 17 again…' }).click();
    await page.heard('action', ({ command, subject: its }) => command === 'resubmit' && its?.kind === 'tasks' && its.taskIds.join() === '17');
    await done(page);
  });

  it('is there again after a reload: the task, its log, the axes and colours', async () => {
    const page = await openRun();
    await page.page.locator('canvas.heat-map').focus();
    for (const key of ['n', 'Enter']) await page.page.keyboard.press(key);
    await page.heard('request', ({ name }) => name === 'log');
    await choose(page, 0, 'metrics');
    await page.heard('request', ({ name, input }) => name === 'metric' && (input as { name: string | null }).name === null);
    await page.page.locator('.legend .ramp').waitFor();
    await choose(page, 0, 'metric:metric_7');
    await page.heard('request', ({ name, input }) => name === 'metric' && (input as { name: string | null }).name === 'metric_7');
    await until('the choice to be kept', async () => (await page.page.evaluate<string>('sessionStorage.getItem("state")')).includes('metric:metric_7'));
    page.received.length = 0;
    await page.page.reload();
    await page.heard('request', ({ name, input }) => name === 'log' && (input as { task: number }).task === 17);
    await page.heard('request', ({ name, input }) => name === 'metric' && (input as { name: string | null }).name === 'metric_7');
    await page.page.locator('.legend .ramp').waitFor();
    await done(page);
  });

  it('stays useful with sixty parameters, an axis of five thousand values, and names of all kinds', async () => {
    const total = 5000;
    const odd = sweep(5, 1000, 1, 4000, 100);
    const index = Uint32Array.from({ length: total }, (_, task) => task);
    const names = Array.from({ length: 60 }, (_, place) => ({ name: `${hostile} p${place}\n😀`, values: [0, 1], index: index.map((task) => (task >> place % 8) & 1) }));
    const page = await openRun({ host: runHost({ event: odd.event, parameters: { kind: 'parameters', parameters: [...names, { name: 'path', values: Array.from(index, (task) => `/data/${hostile}/${task}\nsecond line 👩‍🔬`), index }, { name: 'x', values: Array.from(index, (task) => task * 1e-300), index }] } }) });
    // Those of the axes come with the parameters.
    await page.page.locator('.controls vscode-dropdown').nth(2).waitFor();
    await choose(page, 1, 'path');
    await choose(page, 2, 'x');
    await page.page.locator('canvas.heat-map').focus();
    await page.page.keyboard.press('ArrowRight');
    await until('a cell is said', async () => ((await page.page.locator('.unseen').evaluate((element) => element.textContent)) ?? '').includes('and 52 more parameters'));
    assert.equal(await page.page.locator('#page img, .tip b').count(), 0);
    await page.picture('run-odd');
    await done(page);
  });

  it('draws a hundred thousand tasks', async () => {
    const page = await openRun({ host: runHost(sweep(8, 50, 250, 80_000, 4_000)) });
    await until('the map', async () => (await page.page.evaluate<number>(`document.querySelector('canvas.heat-map').height`)) > 300);
    await page.picture('run-100000');
    await done(page);
  });
});
