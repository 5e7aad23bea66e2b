/** What the page draws in another language: the words of the bundle that is shipped, in the right number, and no English left. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import { setWords, type Words } from '../../../l10n/words.ts';
import { etaWords } from '../../../webview/model/words.ts';
import { timelineOf } from '../../../webview/model/plan/timeline.ts';
import { failureCard } from '../../../webview/parts/failureCards.ts';
import { countWords } from '../../../webview/parts/progressBar.ts';
import { sentence } from '../../../webview/views/plan/timelineChart.ts';

/** The text of a template as lit would put it into the page. */
function textOf(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.map(textOf).join('');
  if (value === null || typeof value !== 'object' || !('strings' in value) || !('values' in value)) return '';
  const { strings, values } = value as { readonly strings: readonly string[]; readonly values: readonly unknown[] };
  return strings.map((text, at) => text + textOf(values[at])).join('').replaceAll(/<!--.*?-->|<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
}

describe('The page in German (unit)', () => {
  before(async () => setWords(JSON.parse(await fs.readFile('l10n/bundle.l10n.de.json', 'utf8')) as Words, 'de'));
  after(() => setWords({}, 'en'));

  const group = (count: number): Parameters<typeof failureCard>[0] => ({
    id: 'g', title: 'T', count, taskIds: [0], taskRanges: '0', sampleTask: 0, certainty: 'likely', message: 'm', culprit: null, advice: 'a', find: '', blocked: null,
    evidence: [{ source: 'log', text: 't', place: null }], proposal: { count, because: 'b', changes: [{ name: 'n', before: null, after: '6G' }] },
  });
  const actions: Parameters<typeof failureCard>[1] = { emphasised: undefined, trusted: true, emphasise: () => undefined, openLog: () => undefined, resubmit: () => undefined };

  it('says one task and two thousand in their own forms and figures', () => {
    assert.match(textOf(failureCard(group(1), actions)), /\b1 Task\b(?!s)/);
    assert.match(textOf(failureCard(group(2000), actions)), /2\.000 Tasks/);
    assert.match(textOf(countWords({ complete: 1200, running: 1, pending: 0, failed: 3, cancelled: 0, unknown: 0 }, true)), /1\.200 \S*.*\b1 \S+.*\b3 fehlgeschlagen/);
  });

  it('leaves no English on a card of failures', () => {
    const text = textOf(failureCard(group(2), actions));
    for (const word of ['Evidence', 'before', 'after', 'Submit', 'Log of', 'Show', 'likely', 'because', 'default']) assert.ok(!text.includes(word), `${word} in: ${text}`);
  });

  it('orders the words of a sentence as German does', () => {
    const arrays = [0, 1].map((wave) => ({ key: `a${wave}`, wave, first_task: wave * 10, task_count: 10 }));
    const timing = { task_s: null, time_limit_s: 600, queue_wait_s: null, spin_up_s: 0, concurrent_tasks: null };
    assert.equal(sentence(timelineOf({ arrays, timing })), '2 Wellen nacheinander nach unbekannter Wartezeit; höchstens 20 min vom ersten Start bis zum Ende.');
    assert.equal(sentence(timelineOf({ arrays: arrays.slice(0, 1), timing: { ...timing, time_limit_s: null } })), 'Eine Welle. Keine Zeit ist bekannt.');
    const now = new Date(2026, 10, 22, 14, 0);
    assert.equal(etaWords({ eta_s: 1200, eta_spread_s: 360, eta_from: now.toISOString() }, now), 'Ende 14:20 ± 6 min (in 20 min)');
  });
});
