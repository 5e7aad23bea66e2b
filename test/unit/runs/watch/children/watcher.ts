/** A window, as far as watching goes: `watcher.ts <place> <workspace> <interval in ms> [deaf]` looks at the cluster until it is ended, and prints every look. */
import { sleep } from '../../../../../src/foundation/abort.ts';
import { RunWatch } from '../../../../../src/runs/watch/runWatch.ts';
import { makePlace } from '../../place.ts';

const [directory = '', workspace = 'work', interval = '500'] = process.argv.slice(2);
const place = await makePlace({ directory, workspace });
const watch = new RunWatch(place.deps.clock);
let wake = new AbortController();
watch.onNews(() => wake.abort());
for (;;) {
  wake = new AbortController();
  const outcome = await watch.tick({ cluster: 'bed', folders: [{ deps: place.deps, retries: true }], intervalMs: Number(interval) }, place.call);
  process.stdout.write(`${JSON.stringify({ role: outcome?.role ?? 'none', asked: outcome?.asked ?? false, problem: outcome?.problem?.message })}\n`);
  await sleep(outcome?.nextMs ?? 500, wake.signal).catch(() => undefined);
}
