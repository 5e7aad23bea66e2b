/** What a transfer is asked and what it answers. */
import type { Log } from '../../foundation/log.ts';
import type { ProgressReport } from '../../foundation/progress.ts';
import type { SkippedFile } from './walk.ts';

export interface TransferProgress extends ProgressReport {
  /** `done` and `total` count bytes. */
  readonly filesDone: number;
  readonly filesTotal: number;
}

interface CommonOptions {
  readonly localRoot: string;
  /** Absolute, or below `~/`. */
  readonly remoteRoot: string;
  /** The folder of `hpc_manifest.py`: `templates/runtime` of the product. */
  readonly runtimeDir: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TransferProgress) => void;
  readonly log?: Log;
}

/** Goes into `.hpc/owner.json`: whose folder it is. */
export interface WorkspaceOwner {
  readonly workspaceId: string;
  /** Of the person and machine that pushes; for people who wonder whose folder it is. */
  readonly user: string;
  readonly host: string;
}

/** A file that exists only in memory: a sidecar, a job script. */
export interface ExtraFile {
  readonly path: string;
  readonly data: string | Uint8Array;
  /** As for chmod; only the executable bit and whether others may read it matter. Default 0644. */
  readonly mode?: number;
}

export interface PushOptions extends CommonOptions {
  readonly owner: WorkspaceOwner;
  readonly mode: 'additive' | 'mirror';
  /** Folder for remembered hashes; may be emptied at any time. */
  readonly cacheDir: string;
  readonly extraFiles?: readonly ExtraFile[];
  /** Additive mode: allows a folder that is not empty and carries no marker. */
  readonly adopt?: boolean;
  /** Home and scratch folders of the site, besides those that the far side's environment names: never a target themselves. */
  readonly refuseRoots?: readonly string[];
  /** Patterns of what stays here besides the ignored: a folder or files below one (`results`, `results/**`). */
  readonly exclude?: readonly string[];
  /** Mirror mode never deletes what these match. Default `results/**`, `_combiner/**`, `logs/**`. */
  readonly protect?: readonly string[];
  /** Mirror mode asks before anything is changed; without a yes nothing is, and the push ends as cancelled. */
  readonly confirmDeletions?: (deletions: { readonly count: number; readonly paths: readonly string[] }) => Promise<boolean>;
  /** Says what would be done, and does nothing: neither asks about deletions nor changes anything. */
  readonly dryRun?: boolean;
  /** How long to wait for another push to the same folder; default 30. */
  readonly lockWaitS?: number;
}

export interface PushResult {
  /** The real absolute path on the far side. */
  readonly remoteRoot: string;
  readonly sentFiles: number;
  readonly sentBytes: number;
  /** Same content, other time or mode: corrected without sending. */
  readonly touchedFiles: number;
  readonly unchangedFiles: number;
  readonly deleted: readonly string[];
  /** What could not travel, with the reason. Ignored files are not listed. */
  readonly skipped: readonly SkippedFile[];
}

export interface PullOptions extends CommonOptions {
  /** Paths relative to the remote root … */
  readonly files?: readonly string[];
  /** … or patterns, or both: `results/**`, `_combiner/*.json`. */
  readonly patterns?: readonly string[];
  /** Default 1,000,000. */
  readonly maxFiles?: number;
  /** Default 100 GiB. */
  readonly maxBytes?: number;
}

export interface PullResult {
  readonly pulled: readonly string[];
  readonly pulledBytes: number;
  readonly unchangedFiles: number;
  /** Explicitly asked for, and not there. */
  readonly missing: readonly string[];
  /** Symbolic links and other things that are not files, and files that changed while they were read. */
  readonly skipped: readonly { readonly path: string; readonly message: string }[];
}
