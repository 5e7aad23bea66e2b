import assert from 'node:assert/strict';
import { openStage, type OpenPage, type PageStage } from './openPage.ts';
import type { ToHost, ToPage } from '../../webview/protocol.ts';

/** Says that there is one run, and nothing of the views. */
async function host(message: ToHost, post: (message: ToPage) => Promise<void>): Promise<void> {
  if (message.type !== 'ready') return;
  await post({ type: 'start', words: {}, language: 'en', route: null });
  await post({ type: 'shell', difference: [{ at: [], value: { runs: [{ run_id: 'ridge-1', run_name: 'ridge <b>x</b>', words: 'running' }], trusted: true, hasFolder: true } }] });
}

describe('the page’s frame', () => {
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
});
