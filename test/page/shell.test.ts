import assert from 'node:assert/strict';
import { until } from '../editor/driver/wait.ts';
import { overviewState } from './fixtures.ts';
import { openStage, type OpenPage, type PageStage } from './openPage.ts';
import type { ToHost, ToPage } from '../../webview/protocol.ts';
import { themeNames } from './themes.ts';

/** Says that there is one run, and nothing of the views. */
async function host(message: ToHost, post: (message: ToPage) => Promise<void>): Promise<void> {
  if (message.type !== 'ready') return;
  // The runs first: who hears the page subscribe knows that it has them.
  await post({ type: 'shell', difference: [{ at: [], value: { runs: [{ run_id: 'ridge-1', run_name: 'ridge <b>x</b>', words: 'running' }], trusted: true, hasFolder: true } }] });
  await post({ type: 'start', words: {}, language: 'en', route: null });
}

describe('the page’s frame', function () {
  this.timeout(60_000);
  let stage: PageStage;
  before(async function () {
    this.timeout(120_000);
    stage = await openStage();
  });
  after(() => stage.close());

  const where = async (page: OpenPage): Promise<string> => page.page.locator('header nav a[aria-current="page"]').innerText();

  it('opens on the overview, asks for its state, and is without fault', async () => {
    const page = await stage.open({ host });
    assert.deepEqual((await page.heard('subscribe')).route, { view: 'overview', params: {} });
    assert.equal(await where(page), 'Overview');
    assert.deepEqual(await page.axe(), []);
    assert.deepEqual(page.errors, []);
    await page.page.close();
  });

  it('goes by keyboard, names the newest run, and is there again after a reload', async () => {
    const page = await stage.open({ host });
    await page.heard('subscribe');
    // It is drawn with the next frame only.
    await page.page.locator('header nav a').first().waitFor();
    await page.page.keyboard.press('Tab');
    await page.page.keyboard.press('Tab');
    await page.page.keyboard.press('Enter');
    await page.heard('subscribe', ({ route }) => route?.view === 'run' && route.params.run === 'ridge-1');
    page.received.length = 0;
    await page.page.reload();
    await page.heard('subscribe', ({ route }) => route?.view === 'run' && route.params.run === 'ridge-1');
    assert.equal(await where(page), 'Run');
    assert.equal(await page.page.locator('vscode-option b').count(), 0);
    assert.deepEqual(await page.axe(), []);
    assert.deepEqual(page.errors, []);
    await page.page.close();
  });

  it('shows clusters, runs and reservations with what needs somebody, in every theme without fault', async () => {
    const page = await stage.open({
      host: async (message, post) => {
        await host(message, post);
        if (message.type === 'subscribe') await post({ type: 'state', subscription: message.subscription, difference: [{ at: [], value: overviewState() }] });
      },
    });
    await page.page.locator('.overview').waitFor();
    const text = await page.page.locator('main').innerText();
    // Close to midnight the day is said, too.
    for (const wanted of [/Needs attention[\s\S]*3 tasks failed[\s\S]*Submit failed tasks again…/, /The server takes no key of yours\.[\s\S]*Preflight cluster/, /ETA (?:\w+ \d+, )?\d\d:\d\d ± 6 min \(in 25 min\) · 41 core-h so far · 2\.5 GPU-h/, /2,000 submitted, not seen yet/, /3 of 16 a100 free/, /6 d \d+ h left, renews itself/, /idle 40 min/, /the last 1 of 40/]) assert.match(text, wanted);
    assert.equal(await page.page.locator('main img, main b b').count(), 0);
    for (const theme of themeNames) {
      await page.setTheme(theme);
      assert.deepEqual(await page.axe(), [], theme);
      await page.picture(`overview-${theme}`);
    }
    await page.page.locator('.matter vscode-button', { hasText: 'Finish interrupted submission' }).click();
    assert.deepEqual((await page.heard('action')).subject, { kind: 'run', runId: 'half-3' });
    assert.deepEqual(page.errors, []);
    await page.page.close();
  });

  it('keeps the focus by what is in the list, not by where it stood, and never loses it', async () => {
    const state = overviewState();
    let show: (next: typeof state) => Promise<void> = () => Promise.resolve();
    const page = await stage.open({
      host: async (message, post) => {
        await host(message, post);
        if (message.type !== 'subscribe' || message.route?.view !== 'overview') return;
        show = (next) => post({ type: 'state', subscription: message.subscription, difference: [{ at: [], value: next }] });
        await show(state);
      },
    });
    const focused = (): Promise<string> => page.page.evaluate(`(() => { const { activeElement } = document; return activeElement.getAttribute('aria-label') ?? (activeElement === document.body ? 'nothing' : activeElement.localName + ': ' + activeElement.innerText); })()`);
    const main = page.page.locator('main');
    const isOn = (wanted: RegExp): Promise<boolean> => until(`the focus on ${String(wanted)}`, async () => {
      const here = await focused();
      if (wanted.test(here)) return true;
      throw new Error(`it is on ${here}`);
    }, 10_000);
    await page.page.locator('.overview').waitFor();
    // One above it goes.
    await main.locator('vscode-button[aria-label="Release old"]').focus();
    await isOn(/^Release old$/);
    await show({ ...state, reservations: state.reservations.slice(1), clusterProblems: ['one went'] });
    await until('what is new', async () => (await main.innerText()).includes('one went'), 10_000);
    await isOn(/^Release old$/);
    // It goes itself: nobody is sent to the head of the page, or onto another button.
    await show({ ...state, reservations: state.reservations.slice(0, 1) });
    await isOn(/^ul: .*dev-pool/s);
    // Its run ends, and so stands in another list.
    await main.locator('.in-flight a', { hasText: 'model-vs-horizon' }).focus();
    await show({ ...state, runs: state.runs.map((run) => (run.run_id === 'ridge-1' ? { ...run, open: false, lifecycle: 'complete' as const, word: 'complete' } : run)) });
    await isOn(/^ul: /);
    // What it led to begins where it is read.
    await main.locator('vscode-button[aria-label="Results of co2-forecast"]').focus();
    await page.page.keyboard.press('Enter');
    await isOn(/^h1: Results/);
    assert.deepEqual(await page.axe(), []);
    assert.deepEqual(page.errors, []);
    await page.page.close();
  });
});
