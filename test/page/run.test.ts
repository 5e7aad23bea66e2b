import assert from 'node:assert/strict';
import { until } from '../editor/driver/wait.ts';
import { hostile, runHost, sweep } from './fixtures.ts';
import { openStage, type OpenPage, type PageStage } from './openPage.ts';
import { themeNames } from './themes.ts';

describe('the Run view', () => {
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
    await done(page);
  });

  it('is there again after a reload: the task, its log, the axes and colours', async () => {
    const page = await openRun();
    await page.page.locator('canvas.heat-map').focus();
    for (const key of ['n', 'Enter']) await page.page.keyboard.press(key);
    await page.heard('request', ({ name }) => name === 'log');
    await page.page.evaluate(`(() => { const choice = [...document.querySelectorAll('.controls vscode-dropdown')][0]; choice.value = 'memory'; choice.dispatchEvent(new Event('change')); })()`);
    await page.page.locator('.legend .ramp').waitFor();
    page.received.length = 0;
    await page.page.reload();
    await page.heard('request', ({ name, input }) => name === 'log' && (input as { task: number }).task === 17);
    await page.page.locator('.legend .ramp').waitFor();
    await done(page);
  });

  it('draws a hundred thousand tasks', async () => {
    const page = await openRun({ host: runHost(sweep(8, 50, 250, 80_000, 4_000)) });
    await until('the map', async () => (await page.page.evaluate<number>(`document.querySelector('canvas.heat-map').height`)) > 300);
    await page.picture('run-100000');
    await done(page);
  });
});
