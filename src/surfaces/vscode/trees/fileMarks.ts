/**
 * A mark on `.hpc/tasks.py` wherever files are listed: that its newest run goes on, or wants a person. A run that ended well leaves none.
 */
import * as path from 'node:path';
import type { RunSummary } from '../../../operations/schemas.ts';
import { isOpen, needsAttention, runDescription } from './runWords.ts';
import type { FolderRuns } from './runsTree.ts';

export interface FileMark {
  readonly badge: string;
  readonly tooltip: string;
  readonly color: string;
}

/** By the path of the file. */
export function fileMarks(folders: readonly FolderRuns[], now: Date): ReadonlyMap<string, FileMark> {
  return new Map(
    folders.flatMap(({ folder, runs }) => {
      const newest = [...runs].sort((a, b) => Date.parse(b.submitted_at) - Date.parse(a.submitted_at))[0];
      const mark = newest && markOf(newest, now);
      return mark ? [[path.join(folder, '.hpc', 'tasks.py'), mark] as const] : [];
    }),
  );
}

function markOf(run: RunSummary, now: Date): FileMark | undefined {
  const tooltip = `${run.run_name}: ${runDescription(run, now)}`;
  if (needsAttention(run)) return { badge: '!', tooltip, color: 'list.warningForeground' };
  return isOpen(run) ? { badge: '▶', tooltip, color: 'charts.blue' } : undefined;
}
