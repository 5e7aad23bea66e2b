/** What people were told of a run: once per event, over all windows and restarts. */
import * as path from 'node:path';
import { claimEvents } from '../foundation/toldOnce.ts';
import type { Journal } from './journal.ts';

export interface NoticeClaim {
  readonly experimentDir: string;
  readonly runId: string;
  readonly isOpen: boolean;
  readonly events: readonly string[];
}

/** Those of the events that nobody was told of yet; from now on they count as told. */
export function claimNotices({ experimentDir, runId, isOpen, events }: NoticeClaim, journal: Journal, now: Date): Promise<readonly string[]> {
  return claimEvents({ file: path.join(journal.observationDirectory(experimentDir, runId), 'notices.json'), isOpen, events }, now);
}
