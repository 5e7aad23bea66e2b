/** What VS Code itself says of our activation, and the size of the package. The suites in the editor write it; here it is only shown. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { figure } from './measure.ts';
import { root, type Places } from './places.ts';
import { oursAtMost, type Row } from './report.ts';

interface Summary {
  readonly measurements?: Readonly<Record<string, number>>;
}

export async function editor(_places: Places, short: boolean): Promise<readonly Row[]> {
  const group = 'editor';
  const one = (what: string, unit: Row['unit'], value: number, atMost: number | undefined, note: string): Row => ({ group, what, unit, ours: figure([value]), ...(atMost === undefined ? {} : { budget: oursAtMost(atMost) }), note });
  const rows: Row[] = [];
  const file = path.join(root, 'test-results', 'editor-host.json');
  const vsix = path.join(root, 'hpc-agent.vsix');
  const size = await fs.stat(vsix).then((stat) => stat.size, () => undefined);
  let summary = await fs.readFile(file, 'utf8').then((text) => JSON.parse(text) as Summary, () => undefined);
  let age = await fs.stat(file).then((stat) => `measured ${Math.round((Date.now() - stat.mtimeMs) / 60_000)} min ago by test/editor`, () => '');
  if (summary?.measurements === undefined && size !== undefined && !short) {
    const { runHostSuites } = await import('../editor/runHost.ts');
    summary = await runHostSuites();
    age = 'measured now by test/editor';
  }
  const found = summary?.measurements ?? {};
  const parts = (['loadCodeMs', 'callActivateMs', 'finishActivateMs'] as const).map((name) => found[name]);
  const [load, call, finish] = parts;
  if (call !== undefined && finish !== undefined) {
    rows.push(one('activate() by VS Code’s own table', 'ms', call + finish, 20, age));
    if (load !== undefined) rows.push(one('loading the code for it', 'ms', load, undefined, age));
    const empty = ['loadCodeMs', 'callActivateMs', 'finishActivateMs'].map((name) => found[`empty.${name}`] ?? 0);
    const [emptyLoad = 0, emptyCall = 0, emptyFinish = 0] = empty;
    if (found['empty.callActivateMs'] !== undefined) {
      rows.push(one('activate() of an extension that does nothing, beside it', 'ms', emptyCall + emptyFinish, undefined, `ours takes ${((call + finish) / Math.max(1, emptyCall + emptyFinish)).toFixed(1)} times that`));
      if (load !== undefined) rows.push(one('loading the code of an extension that does nothing', 'ms', emptyLoad, undefined, `ours takes ${(load / Math.max(1, emptyLoad)).toFixed(1)} times that`));
    }
  } else console.log('editor: no figures of the activation; run `npx tsx test/editor/runHost.ts`');
  if (size !== undefined) rows.push(one('size of the .vsix', 'KB', size / 1000, 1000, path.basename(vsix)));
  else console.log('editor: there is no hpc-agent.vsix; run `npm run package`');
  return rows;
}
