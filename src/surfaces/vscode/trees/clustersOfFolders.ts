/** The clusters of a window with several folders: each folder has its own; where two mean different hosts by one name, the first folder's is shown. */
import type { ClusterProblem, ClusterRow } from './clustersTree.ts';

export interface ClustersOfFolder {
  readonly clusters: readonly ClusterRow[];
  readonly problems: readonly ClusterProblem[];
}

export interface ClustersOfWindow {
  readonly rows: readonly ClusterRow[];
  readonly problems: readonly ClusterProblem[];
  /** By cluster: the folder whose definition is shown. */
  readonly homes: ReadonlyMap<string, string>;
}

export async function clustersOf(folders: readonly string[], listOf: (folder: string) => Promise<ClustersOfFolder>): Promise<ClustersOfWindow> {
  const homes = new Map<string, string>();
  const rows: ClusterRow[] = [];
  // The user's own file is read for each folder, and says the same each time.
  const problems = new Map<string, ClusterProblem>();
  for (const folder of folders) {
    const found = await listOf(folder);
    for (const problem of found.problems) problems.set(JSON.stringify(problem), problem);
    for (const row of found.clusters) {
      if (homes.has(row.name)) continue;
      homes.set(row.name, folder);
      rows.push(row);
    }
  }
  return { rows, problems: [...problems.values()], homes };
}
