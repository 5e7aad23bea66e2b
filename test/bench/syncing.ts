/** Copying a workspace: `sync.ts` measures it in processes of its own, here its lines become rows. */
import * as path from 'node:path';
import { program } from './measure.ts';
import { root, type Places } from './places.ts';
import { compared, ratioAtMost, type Budget, type Row } from './report.ts';

const line = /^(.+?)\s{2,}(.+?)\s{2,}(cold|changed|unchanged)\s+rsync -az\s+(\d+) ms\s+ours\s+(\d+) ms/;

function budgetOf(route: string, what: string, kind: string): Budget | undefined {
  if (!what.includes('small files')) return undefined;
  const onLoopback = route === 'loopback';
  if (kind === 'unchanged') return ratioAtMost(onLoopback ? 0.5 : 0.2);
  return kind === 'cold' ? ratioAtMost(onLoopback ? 1 : 0.6) : undefined;
}

export async function sync(_places: Places, short: boolean): Promise<readonly Row[]> {
  const found = new Map<string, { route: string; what: string; kind: string; ours: number[]; peer: number[] }>();
  // Each process prints medians of its rounds; several of them show how far these move.
  for (let process_ = 0; process_ < (short ? 1 : 2); process_ += 1) {
    const words = short ? ['--rtt', '0', '--files', '500', '--big', '10', '--runs', '1'] : ['--rtt', '0,100', '--runs', '3'];
    const output = await program([process.execPath, '--import', 'tsx', path.join(root, 'test', 'bench', 'sync.ts'), ...words], { cwd: root });
    const matches = output.split('\n').flatMap((text) => line.exec(text) ?? []).length;
    if (matches === 0) throw new Error(`sync.ts printed nothing that can be read:\n${output.slice(-500)}`);
    for (const text of output.split('\n')) {
      const match = line.exec(text);
      if (!match) continue;
      const [, route = '', what = '', kind = '', peer = '', ours = ''] = match;
      const key = `${route}|${what}|${kind}`;
      const entry = found.get(key) ?? { route: route.trim(), what: what.trim(), kind, ours: [], peer: [] };
      entry.ours.push(Number(ours));
      entry.peer.push(Number(peer));
      found.set(key, entry);
    }
  }
  return [...found.values()].map(({ route, what, kind, ours, peer }) => {
    const budget = budgetOf(route, what, kind);
    return compared('sync of a workspace', `${what}, ${kind}, ${route === 'loopback' ? 'on loopback' : `at ${route}`}`, ours, { name: 'rsync -az', values: peer }, budget ? { budget } : {});
  });
}
