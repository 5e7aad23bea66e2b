/**
 * Makes the two pictures of the README from the packaged extension in real VS Code: a sweep of the sample on this computer, some of
 * which fails, as a run and as results. Not part of the proof, since pictures that change with every run are nothing to compare.
 *
 *   npm run package && tsx test/editor/readmePictures.ts
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { until } from './driver/wait.ts';
import { root } from './paths.ts';
import { makePlace, quiet, runCli } from './place.ts';
import { openWorkbench } from './ui.ts';

const place = await makePlace({ workspace: 'sample' });
const workbench = await openWorkbench(place.workspace, { theme: 'dark', env: place.env, viewport: { width: 1360, height: 850 } });
try {
  await workbench.activityBar.open('HPC Agent');
  const spec = path.join(place.home, 'sweep.json');
  // Nobody can forecast 280 months ahead from a series that short: those tasks fail, and the picture shows what that looks like.
  await fs.writeFile(spec, JSON.stringify({ executors: ['executors/ml_ridge.py'], axes: { horizon: '1,3,6,12,24,280', alpha: '0.01,0.1,1,10,100,1000', lags: '24' }, overwrite: true }));
  await runCli(workbench, place, ['build-tasks-py', '--spec', spec, '--yes']);
  const { run_id: runId } = (await runCli(workbench, place, ['submit', '--cluster', 'this-computer', '--run-name', 'ridge-forecast', '--yes'])) as unknown as { run_id: string };
  await runCli(workbench, place, ['monitor', runId, '--poll-interval-seconds', '1']);
  await workbench.runCommand('HPC Agent: Refresh');
  await workbench.tree('Runs').row('ridge-forecast');
  await workbench.runCommand('HPC Agent: Open dashboard');
  const page = await workbench.editor.webview('#page main');
  const says = (wanted: RegExp): Promise<boolean> => until(`${String(wanted)} in the page`, async () => wanted.test(await page.locator('main').first().innerText()));
  await says(/ridge-forecast/);
  await page.locator('.rows a', { hasText: 'ridge-forecast' }).first().click();
  await says(/Needs attention[\s\S]*Error/);
  await page.locator('canvas.heat-map').focus();
  for (const key of ['n', 'Enter']) await workbench.page.keyboard.press(key);
  await until('the log', async () => (await page.locator('.log pre').innerText().catch(() => '')).includes('Error'));
  await workbench.notifications.clear();
  // Without the map's tooltip, which is shown as long as the keyboard is there.
  await page.evaluate('document.activeElement?.blur()');
  await fs.mkdir(path.join(root, 'docs'), { recursive: true });
  const picture = async (name: string): Promise<void> => fs.copyFile(await workbench.screenshot(`readme-${name}`), path.join(root, 'docs', `${name}.png`));
  await picture('run');
  await workbench.runCommand('HPC Agent: Explore results');
  await workbench.quickPick.step(/Run whose results/);
  await workbench.quickPick.accept();
  await workbench.editor.webview('.results table.heat');
  await workbench.notifications.clear();
  await picture('results');
} catch (error) {
  console.error(await workbench.screenshot('readme-failed'));
  throw error;
} finally {
  await workbench.dispose();
  await quiet(place);
  await place.remove();
}
