/**
 * Which run is meant by what was typed: its id, its name, or the beginning of its id.
 *
 * Rule: an id that exists is taken as it stands; a word that fits several runs is refused with all of them, never guessed.
 */
import * as fs from 'node:fs/promises';
import { HpcError } from '../foundation/errors.ts';
import { listRunIds, readSidecar } from '../runs/sidecar.ts';
import { sidecarFile } from '../runs/workspace.ts';

/** A shorter beginning would fit by accident. */
const leastPrefix = 8;
const listed = 10;

/** The id of the run; the word itself where it fits none, since the operation says that in its own words. */
export async function runIdMeantBy(word: string, experimentDir: string): Promise<string> {
  if (await fs.access(sidecarFile(experimentDir, word)).then(() => true, () => false)) return word;
  const ids = await listRunIds(experimentDir);
  // A sidecar that cannot be read has no name; it is still there by its id.
  const names = await Promise.all(ids.map((id) => readSidecar(experimentDir, id).then((sidecar) => sidecar?.extra?.submission?.run_name, () => undefined)));
  const byName = ids.filter((_, index) => names[index] === word);
  const fitting = byName.length > 0 || word.length < leastPrefix ? byName : ids.filter((id) => id.startsWith(word));
  if (fitting.length <= 1) return fitting[0] ?? word;
  throw new HpcError('spec_invalid', `${fitting.length} runs ${byName.length > 0 ? 'are called' : 'begin with'} ${word}: ${fitting.slice(0, listed).join(', ')}${fitting.length > listed ? ', …' : ''} (newest first).`, { remediation: 'Name the one that you mean by its whole id.' });
}
