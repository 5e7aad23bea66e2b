import assert from 'node:assert/strict';
import type { StateOf, ToHost, ToPage } from '../../webview/protocol.ts';
import { until } from '../editor/driver/wait.ts';
import { openStage, type OpenPage, type PageStage } from './openPage.ts';
import { themeNames } from './themes.ts';

type State = StateOf<'plan'>;
type Plan = NonNullable<State['plan']>;

function planOf(waves: readonly (readonly number[])[], some: Partial<Plan> = {}): Plan {
  let first = 0;
  const arrays = waves.flatMap((counts, wave) => counts.map((task_count, index) => {
    const array = { key: `w${wave}a${index}`, wave, first_task: first, task_count };
    first += task_count;
    return array;
  }));
  return {
    cluster: 'hoffman2',
    scheduler: 'sge',
    run_name: 'ridge-vs-knn',
    executor: 'executors/ml_ridge.py',
    total_tasks: first,
    arrays,
    waves: waves.length,
    limits: [
      { name: 'maxElementsPerArray', value: 500, origin: 'clusters.yaml' },
      { name: 'maxConcurrentArrays', value: 2, origin: 'clusters.yaml' },
      { name: 'maxSubmitJobs', value: 5000, origin: 'QOS normal' },
    ],
    resources: { cpus: 2, memory: 4096, walltime: 3600 },
    max_core_hours: (first * 2 * 3600) / 3600,
    max_node_hours: first,
    timing: { task_s: { p50: 540, p95: 900, source: 'history', samples: 216 }, time_limit_s: 3600, spin_up_s: 30, queue_wait_s: { p50: 480, p95: 1300, runs: 5 }, concurrent_tasks: null },
    remote_path: '/u/scratch/a/alice/co2 forecast',
    sample_tasks: [0, first >> 1, first - 1].map((task_id) => ({ task_id, kwargs: { horizon: 1 + task_id, alpha: 0.1, method: '<i>ridge</i>' } })),
    findings: [{ severity: 'warning', message: '95 % of earlier tasks used less than 3.1 GiB of the 4 GiB.', suggested_fix: 'Ask for 3.5 GiB: the queue is shorter.' }],
    verdict: 'warn',
    prior_run: null,
    ...some,
  };
}

const stateOf = (plan: Plan | null, some: Partial<State> = {}): State => ({ tasks: true, clusters: [{ name: 'hoffman2', scheduler: 'Grid Engine' }, { name: 'this-computer', scheduler: 'no scheduler' }], cluster: plan?.cluster ?? null, plan, queue: null, busy: null, ...some });

function planHost(state: () => State, runId: string | null = null): (message: ToHost, post: (message: ToPage) => Promise<void>) => Promise<void> {
  return async (message, post) => {
    if (message.type === 'ready') await post({ type: 'start', words: {}, language: 'en', route: { view: 'plan', params: { spec: '{}', folder: '/w' } } });
    if (message.type === 'subscribe' && message.route?.view === 'plan') await post({ type: 'state', subscription: message.subscription, difference: [{ at: [], value: state() }] });
    if (message.type === 'request') await post({ type: 'answer', id: message.id, value: message.name === 'submit' ? { run_id: runId } : {} });
  };
}

describe('the plan view', function () {
  this.timeout(60_000);
  let stage: PageStage;
  before(async function () {
    this.timeout(120_000);
    stage = await openStage();
  });
  after(() => stage.close());

  const shown = (page: OpenPage, wanted: RegExp): Promise<string> => until(String(wanted), async () => {
    const found = await page.page.locator('.plan').first().innerText().catch(() => '');
    return wanted.test(found) ? found : undefined;
  });
  const fine = async (page: OpenPage): Promise<void> => {
    assert.deepEqual(await page.axe(), []);
    assert.deepEqual(page.errors, []);
  };

  it('draws waves and arrays to scale, with wait, limits and cost, in every theme without fault', async () => {
    const page = await stage.open({ host: planHost(() => stateOf(planOf([[500, 500], [500, 120], [300]]))), viewport: { width: 1280, height: 1060 } });
    const text = await shown(page, /Arrays and waves, to scale/);
    assert.match(text, /1,920\s*tasks|tasks\s*1,920/);
    assert.match(text, /core-hours at most/);
    assert.match(text, /500 of 500/);
    // Three waves of nine minutes begin eight minutes and a half after the submission.
    const label = await page.page.locator('svg.timeline').getAttribute('aria-label');
    assert.equal(label, '3 waves, one after another, after about 8 min in the queue; about 29 min from the first start to the end.');
    const widths = await page.page.locator('svg.timeline .planned-bar').evaluateAll((bars) => bars.map((bar) => Math.round(Number(bar.getAttribute('width')))));
    assert.equal(widths.length, 5);
    assert.equal(new Set(widths).size, 1, 'equal times are equally long');
    const heights = await page.page.locator('svg.timeline .planned-bar').evaluateAll((bars) => bars.map((bar) => Number(bar.getAttribute('height'))));
    assert.ok(Math.abs((heights[3] ?? 0) / (heights[0] ?? 1) - 120 / 500) < 0.03, 'heights are as the numbers of tasks');
    assert.equal(await page.page.locator('svg.timeline .start-up').count(), 3, 'what lies between waves is said');
    assert.equal(await page.page.locator('.plan i').count(), 0);
    for (const theme of themeNames) {
      await page.setTheme(theme);
      await page.picture(`plan-${theme}`);
      await fine(page);
    }
    await page.page.close();
  });

  it('has a button for each next step, and goes to the run when it was submitted', async () => {
    const page = await stage.open({ host: planHost(() => stateOf(planOf([[24]])), 'ridge-9') });
    await shown(page, /Run canary first/);
    await page.page.locator('vscode-button', { hasText: 'Run canary first' }).click();
    assert.deepEqual((await page.heard('request', ({ name }) => name === 'submit')).input, { canary: true, again: false });
    await page.heard('subscribe', ({ route }) => route?.view === 'run' && route.params.run === 'ridge-9');
    await page.page.close();
  });

  it('does not offer to submit what would be refused, nor what ran before', async () => {
    const refused = await stage.open({ host: planHost(() => stateOf(planOf([[24]], { verdict: 'fail', findings: [{ severity: 'error', message: 'hoffman2 has no partition gpu.', suggested_fix: 'Use one of: cpu.' }] }))) });
    await shown(refused, /In the way:\s*hoffman2 has no partition gpu/);
    assert.equal(await refused.page.locator('vscode-button[disabled]').count(), 2);
    await fine(refused);
    await refused.page.close();
    const before = await stage.open({ host: planHost(() => stateOf(planOf([[24]], { prior_run: { run_id: 'ridge-1', lifecycle_state: 'complete', submitted_at: '2026-02-28T09:12:00Z', complete: 24, total_tasks: 24 } }))) });
    await shown(before, /These very tasks were submitted to hoffman2 before, on 2026-02-28: 24 of 24 done/);
    await before.page.locator('vscode-button', { hasText: 'Submit again as a new run' }).click();
    assert.deepEqual((await before.heard('request', ({ name }) => name === 'submit')).input, { canary: false, again: true });
    await before.picture('plan-earlier');
    await fine(before);
    await before.page.close();
  });

  it('says what it does not know, and the next step where there is nothing', async () => {
    const unknown = { task_s: null, spin_up_s: 30, queue_wait_s: null, concurrent_tasks: null };
    const states: readonly (readonly [string, State, RegExp])[] = [
      ['limit', stateOf(planOf([[40, 40], [20]], { timing: { ...unknown, time_limit_s: 600 }, max_node_hours: null })), /every bar is the time limit/],
      ['order', stateOf(planOf([[40, 40], [20]], { timing: { ...unknown, time_limit_s: null }, max_core_hours: null, max_node_hours: null, limits: [] })), /Give a time limit, or run a canary/],
      ['choose', stateOf(null), /Choose a cluster/],
      ['no-tasks', stateOf(null, { tasks: false }), /There is no \.hpc\/tasks\.py/],
      ['many', stateOf(planOf(Array.from({ length: 9 }, () => Array.from({ length: 100 }, () => 100)))), /90,000/],
    ];
    for (const [name, state, words] of states) {
      const page = await stage.open({ host: planHost(() => state) });
      await shown(page, words);
      assert.ok((await page.page.locator('.plan vscode-button').count()) > 0);
      await page.picture(`plan-${name}`);
      await fine(page);
      await page.page.close();
    }
  });
});
