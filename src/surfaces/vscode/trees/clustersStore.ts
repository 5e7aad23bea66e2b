/** The configured clusters as last read, with the checks of this window. Reading connects to nothing. */
import * as vscode from 'vscode';
import type { Log } from '../../../foundation/log.ts';
import { messageOf } from '../../../foundation/errors.ts';
import type { Core } from '../core.ts';
import { detailNodes } from './clusterDetails.ts';
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
  private readonly folder: () => string;

  constructor(core: Core, log: Log, folder: () => string) {
    this.core = core;
    this.log = log;
    this.folder = folder;
  }

  async refresh(): Promise<void> {
    try {
      const { clustersList } = await import('../../../operations/clusters.ts');
      const answer = await this.core.call(clustersList, {}, { folder: this.folder() });
      this.rows = answer.clusters;
      this.problems = answer.problems;
      this.failure = undefined;
    } catch (error) {
      this.failure = messageOf(error);
      this.log.warn(`Clusters could not be read: ${this.failure}`);
    }
    this.loaded = true;
    this.changed.fire();
  }

  /** The rows below a cluster's “Partitions”, “Nodes”, “Your queue”, “Limits”; asks the cluster, at most once a minute for all windows. */
  async details(node: TreeNode): Promise<readonly TreeNode[]> {
    if (node.subject.kind !== 'cluster') return [];
    try {
      const { resources } = await import('../../../operations/resources.ts');
      const { name } = node.subject;
      const found = await this.core.call(resources, { cluster: name }, { folder: this.folder() });
      // Whoever asked is connected now.
      if (this.rows.some((row) => row.name === name && row.state === 'idle')) void this.refresh();
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
