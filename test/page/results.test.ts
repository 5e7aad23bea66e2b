import assert from 'node:assert/strict';
import type { ToHost, ToPage } from '../../webview/protocol.ts';
import { until } from '../editor/driver/wait.ts';
import { openStage, type OpenPage, type PageStage } from './openPage.ts';
import { resultsState, sweepTable, usualSweep, type ResultsState } from './resultsState.ts';
import { themeNames } from './themes.ts';

type Request = Extract<ToHost, { type: 'request' }>;
type Post = (message: ToPage) => Promise<void>;

/** A host that shows one state of the results and answers as the real one does. */
function resultsHost(state: () => ResultsState, answers: Readonly<Record<string, (request: Request) => unknown>> = {}): (message: ToHost, post: Post) => Promise<void> {
  return async (message, post) => {
    if (message.type === 'ready') await post({ type: 'start', words: {}, language: 'en', route: { view: 'results', params: { run: 'ridge-1' } } });
    if (message.type === 'subscribe' && message.route?.view === 'results') await post({ type: 'state', subscription: message.subscription, difference: [{ at: [], value: state() }] });
    if (message.type === 'request') {
      const answer = answers[message.name];
      await post(answer ? { type: 'answer', id: message.id, value: answer(message) } : { type: 'refusal', id: message.id, message: `No ${message.name} here.` });
    }
  };
}

const tasks = ({ input }: Request): unknown => (input as { task_ids: number[] }).task_ids.map((task_id) => ({ task_id, state: 'complete', attempt: 1, node: 'n7', elapsed_s: 12.4, peak_rss_mib: 311 }));
const files = (): unknown => ({ directory: '/scratch/ridge-1/results/task_4', found: true, files: [{ path: 'metrics.json', size_bytes: 61 }, { path: 'weights/<img src=x onerror=alert(1)>.npy', size_bytes: 88_123 }], more: 0 });

describe('the results view', function () {
  this.timeout(60_000);
  let stage: PageStage;
  before(async function () {
    this.timeout(120_000);
    stage = await openStage();
  });
  after(() => stage.close());

  const text = (page: OpenPage, selector: string): Promise<string> => page.page.locator(selector).first().innerText();
  const shown = (page: OpenPage, selector: string, wanted: RegExp): Promise<string> => until(`${String(wanted)} in ${selector}`, async () => {
    const found = await text(page, selector).catch(() => '');
    return wanted.test(found) ? found : undefined;
  });
  const rows = (page: OpenPage): Promise<number> => page.page.locator('table.points').evaluate((element) => Number(element.getAttribute('aria-rowcount')) - 1);
  const fine = async (page: OpenPage): Promise<void> => {
    assert.deepEqual(await page.axe(), []);
    assert.deepEqual(page.errors, []);
  };

  it('shows best points, effects, heat map, all points at once and the table, averaged over seeds, in every theme without fault', async () => {
    const page = await stage.open({ host: resultsHost(() => resultsState(sweepTable(usualSweep)), { tasks, files }), viewport: { width: 1280, height: 1900 } });
    await shown(page, '.results', /The best 5 points/);
    assert.equal(await rows(page), 60, '180 tasks over 3 seeds');
    assert.match(await text(page, '.results .status'), /60 grid points/);
    assert.match(await text(page, '.results .status'), /method ridge/);
    assert.match(await text(page, '[data-part="best"] tbody tr'), /0\.4\d+ ± 0\.0\d+/);
    assert.equal(await page.page.locator('figure.effect').count(), 3);
    assert.match(await text(page, 'figure.effect figcaption'), /horizon.*explains \d+ %/s);
    assert.equal(await page.page.locator('table.heat button').count(), 20);
    assert.equal(await page.page.locator('.results b').count(), 0, 'a name never becomes HTML');
    for (const theme of themeNames) {
      await page.setTheme(theme);
      await page.picture(`results-${theme}`);
      await fine(page);
    }
    await page.page.close();
  });

  it('follows what is chosen: metric, filter, brush; and finds it again after a reload', async () => {
    const page = await stage.open({ host: resultsHost(() => resultsState(sweepTable(usualSweep)), { tasks, files }) });
    await shown(page, '.results', /The best 5 points/);
    await page.page.locator('vscode-text-field.query input').fill('horizon=1,3 alpha<=1');
    await shown(page, '.result-controls .found-count', /18 of 60 points/);
    assert.equal(await rows(page), 18);
    await page.page.locator('vscode-text-field.query input').fill('gamma=1');
    await shown(page, '.result-controls .problem', /no parameter or metric “gamma”/);
    await page.page.locator('vscode-text-field.query input').fill('');
    await until('all rows', async () => (await rows(page)) === 60);
    // The lower end of horizon's axis, one value up, by the keyboard.
    await page.page.locator('svg.parallel [role="slider"]').first().focus();
    await page.page.keyboard.press('ArrowUp');
    await until('the brush to choose', async () => (await rows(page)) === 45);
    await page.picture('results-brushed');
    await page.page.reload();
    await shown(page, '.result-controls .found-count', /45 of 60 points/);
    await page.page.locator('vscode-button', { hasText: 'Show all' }).click();
    await until('all rows', async () => (await rows(page)) === 60);
    await fine(page);
    await page.page.close();
  });

  it('sorts by a head, goes through rows by keyboard, and opens a point’s tasks, logs and files', async () => {
    const page = await stage.open({ host: resultsHost(() => resultsState(sweepTable(usualSweep)), { tasks, files }), viewport: { width: 1280, height: 1900 } });
    await shown(page, '.results', /The best 5 points/);
    await page.page.locator('button.sort', { hasText: 'rmse' }).click();
    await until('the order to be said', async () => (await page.page.locator('th[aria-sort="ascending"]').count()) === 1);
    await page.page.locator('table.points tr[data-row="0"]').focus();
    await page.page.keyboard.press('ArrowDown');
    await page.page.keyboard.press('ArrowDown');
    await until('the third row to be chosen', async () => (await page.page.locator('table.points tr[data-row="2"].selected').count()) === 1);
    await shown(page, '[data-part="detail"]', /n7/);
    await page.page.locator('[data-part="detail"] vscode-button', { hasText: 'Log' }).first().click();
    const { subject } = await page.heard('action', ({ command }) => command === 'showStdout');
    assert.equal(subject?.kind, 'task');
    await page.page.locator('[data-part="detail"] vscode-button', { hasText: 'Files' }).first().click();
    await shown(page, '[data-part="detail"]', /onerror=alert\(1\)/);
    assert.equal(await page.page.locator('.results img').count(), 0);
    await page.page.locator('.files vscode-button').first().click();
    assert.deepEqual((await page.heard('request', ({ name }) => name === 'openFile')).input, { task_id: (subject as { taskId: number }).taskId, path: 'metrics.json' });
    await page.picture('results-point');
    await page.page.close();
  });

  it('says what is partial, and grows with the run', async () => {
    let done = 100;
    const table = (): ResultsState => resultsState(sweepTable({ ...usualSweep, done }), { total_tasks: 180, running: 12, pending: 180 - done - 12, open: true });
    let post: Post | undefined;
    const host = resultsHost(table, { tasks, files });
    const page = await stage.open({ host: (message, answer) => {
      post = answer;
      return host(message, answer);
    } });
    await shown(page, '.partial-note', /33 of 34 grid points are whole; 80 of 180 tasks have no result yet/);
    await page.picture('results-partial');
    await fine(page);
    done = 150;
    const next = table();
    const { subscription } = await page.heard('subscribe', ({ route }) => route !== null);
    await post?.({ type: 'state', subscription, difference: [{ at: [], value: { ...next, table: next.table && { ...next.table, read_at: '2026-03-01T12:01:00.000Z' } } }] });
    await shown(page, '.partial-note', /50 of 50 grid points are whole; 30 of 180/);
    await page.page.close();
  });

  it('compares with an earlier run', async () => {
    const page = await stage.open({ host: resultsHost(() => resultsState(sweepTable({ ...usualSweep, better: 0.04 })), { tasks, files, tableOf: () => sweepTable({ ...usualSweep, horizons: [1, 3, 6, 24] }) }), viewport: { width: 1280, height: 1400 } });
    await shown(page, '.results', /The best 5 points/);
    const choice = page.page.locator('[data-part="comparison"] vscode-dropdown');
    await choice.focus();
    await page.page.keyboard.press('ArrowDown');
    await page.page.keyboard.press('Enter');
    await shown(page, '[data-part="comparison"]', /Of 45 points in both, 45 are better than in ridge/);
    assert.match(await text(page, '[data-part="comparison"]'), /15 are only in ridge/);
    await page.page.locator('[data-part="comparison"]').evaluate((element) => (element as unknown as { scrollIntoView(): void }).scrollIntoView());
    await page.picture('results-compared');
    await fine(page);
    await page.page.close();
  });

  it('saves table and pictures', async () => {
    const page = await stage.open({ host: resultsHost(() => resultsState(sweepTable(usualSweep)), { tasks, files, save: () => ({ saved: true }) }) });
    await shown(page, '.results', /The best 5 points/);
    const saved = async (part: string, words: string): Promise<{ name: string; content: string; encoding: string }> => {
      page.received.length = 0;
      await page.page.locator(`[data-part="${part}"] .save vscode-button`, { hasText: words }).click();
      return (await page.heard('request', ({ name }) => name === 'save')).input as { name: string; content: string; encoding: string };
    };
    const csv = await saved('all', 'CSV');
    assert.equal(csv.name, 'ridge-1.csv');
    assert.equal(csv.content.split('\r\n').length, 62);
    assert.match(csv.content, /^horizon,alpha,lags,method,mae,n_samples,rmse,mae std,/);
    assert.equal((JSON.parse((await saved('all', 'JSON')).content) as { points: unknown[] }).points.length, 60);
    for (const part of ['effects', 'heat-map', 'parallel']) {
      const { name, content } = await saved(part, 'SVG');
      assert.equal(name, `ridge-1-${part}.svg`);
      assert.match(content, /^<\?xml[^>]*>\n<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
      assert.doesNotMatch(content, /var\(|color-mix|color\(|class=|undefined|NaN/);
    }
    const png = await saved('heat-map', 'PNG');
    assert.equal(png.encoding, 'base64');
    assert.equal(Buffer.from(png.content, 'base64').subarray(1, 4).toString(), 'PNG');
    assert.deepEqual(page.errors, []);
    await page.page.close();
  });

  it('draws only the rows in sight of thousands', async () => {
    const many = { horizons: Array.from({ length: 20 }, (_, index) => index + 1), alphas: Array.from({ length: 25 }, (_, index) => 10 ** (index / 4 - 3)), lags: [3, 6, 9, 12, 15, 18, 21, 24, 27, 30], seeds: [1] };
    const page = await stage.open({ host: resultsHost(() => resultsState(sweepTable(many)), { tasks, files }) });
    await shown(page, '.results', /5,000 grid points/);
    assert.equal(await rows(page), 5000);
    assert.ok((await page.page.locator('table.points tr[data-row]').count()) < 60);
    await page.page.locator('table.points tr[data-row="0"]').focus();
    await page.page.keyboard.press('End');
    await until('the last row to have the focus', () => page.page.evaluate<boolean>('document.activeElement?.dataset?.row === "4999"'));
    assert.ok((await page.page.locator('table.points tr[data-row]').count()) < 60);
    await page.picture('results-thousands');
    await fine(page);
    await page.page.close();
  });

  it('says the next step where there is nothing to show', async () => {
    const states: readonly (readonly [string, ResultsState, RegExp])[] = [
      ['no-run', { run: null, table: null, reading: false, others: [] }, /There is no run yet.*/],
      ['waiting', resultsState(null, { total_tasks: 24, running: 3, pending: 21, open: true }), /No task has ended well yet: 3 running, 21 waiting/],
      ['failed', resultsState(null, { total_tasks: 24, failed: 24 }), /No task of this run ended well/],
    ];
    for (const [name, state, words] of states) {
      const page = await stage.open({ host: resultsHost(() => state) });
      await shown(page, '.results', words);
      assert.ok((await page.page.locator('.results vscode-button').count()) > 0);
      await page.picture(`results-${name}`);
      await fine(page);
      await page.page.close();
    }
  });
});
