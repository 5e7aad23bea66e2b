/** The results and the plan of a real sweep of the sample, drawn in the dashboard of the real editor. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { until } from '../driver/wait.ts';
import { pictures, runCli, type Place } from '../place.ts';
import type { Frame } from '../playwright.ts';
import type { Workbench } from '../ui.ts';
import { useWindow } from '../useWindow.ts';

describe('Results and plan in the dashboard (ui)', function () {
  this.timeout(6 * 60_000);
  let place: Place;
  let workbench: Workbench;

  useWindow({ workspace: 'sample' }, async (window) => {
    ({ place, workbench } = window);
    await workbench.activityBar.open('HPC Agent');
    const spec = path.join(place.home, 'sweep.json');
    await fs.writeFile(spec, JSON.stringify({ executors: ['executors/ml_ridge.py'], axes: { horizon: '1,6,12', alpha: '1,100,10000', seed: '1,2' } }));
    await runCli(workbench, place, ['build-tasks-py', '--spec', spec, '--yes']);
    const { run_id: runId } = (await runCli(workbench, place, ['submit', '--cluster', 'this-computer', '--yes'])) as unknown as { run_id: string };
    await runCli(workbench, place, ['monitor', runId, '--poll-interval-seconds', '1']);
  });

  const says = (frame: Frame, selector: string, wanted: RegExp): Promise<string> => until(`${String(wanted)} in the page`, async () => {
    const text = await frame.locator(selector).first().innerText().catch(() => '');
    return wanted.test(text) ? text : undefined;
  });

  it('shows best points, effects and the heat map of a finished run, averaged over its seeds', async () => {
    await workbench.runCommand('HPC Agent: Refresh');
    await workbench.tree('Runs').rowDescribed('co2-forecast', /^complete · 18 tasks/);
    await workbench.runCommand('HPC Agent: Explore results');
    await workbench.quickPick.step(/Run whose results/);
    await workbench.quickPick.accept();
    await workbench.notifications.clear();
    const page = await workbench.editor.webview('.results table.heat');
    assert.match(await says(page, '.results', /The best 5 points/), /all 18 tasks done · 9 grid points/);
    assert.equal(await page.locator('figure.effect').count(), 2);
    assert.equal(await page.locator('table.heat button').count(), 9);
    await pictures(workbench, 'results-1-overview', { highContrast: true });
  });

  it('opens a point’s tasks, their logs and files', async () => {
    let page = await workbench.editor.webview('.results table.heat');
    await page.locator('button.rank').first().click();
    await says(page, '[data-part="detail"]', /complete/);
    await page.locator('[data-part="detail"] vscode-button', { hasText: 'Files' }).first().click();
    await says(page, '[data-part="detail"] .files', /metrics\.json/);
    await workbench.screenshot('results-2-point-dark');
    await page.locator('.files vscode-button', { hasText: 'metrics.json' }).first().click();
    await workbench.editor.shows(/rmse/);
    await workbench.screenshot('results-3-file-dark');
    page = await workbench.editor.webview('.results table.heat');
    await page.locator('.results vscode-button', { hasText: 'Open in notebook' }).first().click();
    await workbench.editor.waitFor(/results\.ipynb/);
    await workbench.screenshot('results-4-notebook-dark');
    await workbench.runCommand('View: Close All Editors');
  });

  it('draws a plan to scale, from what the earlier run took, and offers the earlier run', async () => {
    await workbench.runCommand('HPC Agent: Plan');
    await workbench.quickPick.step(/Where to run/);
    await workbench.quickPick.accept(/this-computer/);
    const page = await workbench.editor.webview('.plan svg.timeline');
    const text = await says(page, '.plan', /Arrays and waves, to scale/);
    assert.match(text, /These very tasks were submitted to this-computer before/);
    assert.equal(await page.locator('svg.timeline .planned-bar').count(), 1);
    assert.match(text, /half of 18 earlier ones/);
    await pictures(workbench, 'results-5-plan', { highContrast: true });
  });
});
