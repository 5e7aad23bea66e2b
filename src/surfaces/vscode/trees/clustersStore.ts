/** The configured clusters as last read, with the checks of this window. Reading connects to nothing. */
import * as vscode from 'vscode';
import type { Log } from '../../../foundation/log.ts';
import { messageOf } from '../../../foundation/errors.ts';
import type { Core } from '../core.ts';
import { inTurn } from '../inTurn.ts';
import { detailNodes } from './clusterDetails.ts';
import { clustersOf } from './clustersOfFolders.ts';
import { partitionNodes, partitionsFailure, type CheckReport, type ClusterProblem, type ClusterRow } from './clustersTree.ts';
import type { TreeNode } from './node.ts';

export class ClustersStore implements vscode.Disposable {
  rows: readonly ClusterRow[] = [];
  problems: readonly ClusterProblem[] = [];
  failure: string | undefined;
  loaded = false;
  readonly reports = new Map<string, CheckReport>();
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private readonly core: Core;
  private readonly log: Log;
  private readonly folders: () => readonly string[];
  /** Where what is shown of a cluster was written: the same name may mean another host in another folder. */
  private homes: ReadonlyMap<string, string> = new Map();
  readonly refresh = inTurn(() => this.read());

  constructor(core: Core, log: Log, folders: () => readonly string[]) {
    this.core = core;
    this.log = log;
    this.folders = folders;
  }

  private async read(): Promise<void> {
    try {
      const { homes, rows, problems } = await clustersOf(this.folders(), (folder) => this.listOf(folder));
      this.homes = homes;
      this.rows = rows;
      this.problems = problems;
      this.failure = undefined;
    } catch (error) {
      this.failure = messageOf(error);
      this.log.warn(`Clusters could not be read: ${this.failure}`);
    }
    this.loaded = true;
    this.changed.fire();
  }

  /** The clusters as this folder has them. */
  async listOf(folder: string): Promise<{ readonly clusters: readonly ClusterRow[]; readonly problems: readonly ClusterProblem[] }> {
    const { clustersList } = await import('../../../operations/clusters.ts');
    return this.core.call(clustersList, {}, { folder });
  }

  /** The folder whose definition of the cluster is shown. */
  folderOf(cluster: string): string {
    return this.homes.get(cluster) ?? this.folders()[0] ?? '';
  }

  /** The rows below a cluster's “Partitions”, “Nodes”, “Your queue”, “Limits”; asks the cluster, at most once a minute for all windows. */
  async details(node: TreeNode): Promise<readonly TreeNode[]> {
    if (node.subject.kind !== 'cluster') return [];
    try {
      const { resources } = await import('../../../operations/resources.ts');
      const found = await this.core.call(resources, { cluster: node.subject.name }, { folder: this.folderOf(node.subject.name) });
      return detailNodes(node, found, new Date()) ?? partitionNodes(node, found, new Date());
    } catch (error) {
      return partitionsFailure(node, messageOf(error));
    }
  }

  setReport(cluster: string, report: CheckReport): void {
    this.reports.set(cluster, report);
    this.changed.fire();
  }

  dispose(): void {
    this.changed.dispose();
  }
}
