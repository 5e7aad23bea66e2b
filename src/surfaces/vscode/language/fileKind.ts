/** Which of our files a document is, by its path alone. Rule: only what lies in a folder of ours is ours; there are other clusters.yaml in the world. */

export type FileKind = 'tasks' | 'clusters' | 'axes' | 'playbook' | 'script';

export interface Whereabouts {
  /** With forward slashes. */
  readonly path: string;
  /** Where HPC_CLUSTERS_CONFIG says that the user's clusters are. */
  readonly ownClusters?: string;
}

export function fileKindOf({ path, ownClusters }: Whereabouts): FileKind | undefined {
  if (ownClusters !== undefined && path === ownClusters) return 'clusters';
  const ours = /\/(\.hpc|\.hpc-agent)\/([^/]+)$/.exec(path);
  if (ours) {
    const [, folder, name] = ours;
    if (folder === '.hpc' && name === 'tasks.py') return 'tasks';
    const yaml = /^(clusters|axes|playbook)\.ya?ml$/.exec(name ?? '')?.[1];
    if (yaml === 'clusters') return 'clusters';
    return folder === '.hpc' && (yaml === 'axes' || yaml === 'playbook') ? yaml : undefined;
  }
  return path.endsWith('.py') && !/\/(\.[^/]+|node_modules|site-packages|__pycache__)\//.test(path) ? 'script' : undefined;
}
