/**
 * Who asks a cluster, of all windows and command lines of one user: whoever holds the lease. The others read what it stored.
 *
 * Rules:
 * - The lease is a file lock: it dies with its process, and is then anybody's at their next look.
 * - The holder tells how it goes about it (`ObserverNote`); who needs answers more often leaves a wish, and the holder takes the
 *   shortest wish that is not out of date as its pace. So a window that is looked at is served by one that is not, over the
 *   connection that is already there.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as z from 'zod/mini';
import { readTextIfThere } from '../../foundation/atomicFile.ts';
import type { Clock } from '../../foundation/clock.ts';
import type { Disposable } from '../../foundation/disposable.ts';
import { tryFileLock, type FileLock } from '../../foundation/fileLock.ts';
import { newsFile } from '../observeCluster.ts';
import { writeRebuildable } from '../rebuildableFile.ts';

const noteSchema = z.object({
  at: z.string(),
  interval_ms: z.number(),
  /** When it looks again; later than usual after failures. */
  next_at: z.string(),
  /** Workspace folders whose failed tasks it submits again, where their runs ask for that. */
  retries: z.array(z.string()),
});
export type ObserverNote = z.output<typeof noteSchema>;

const wishSchema = z.object({ at: z.string(), interval_ms: z.number() });

/** A wish holds for so many of its intervals, and at least so long. */
const wishIntervals = 3;
const wishAtLeastMs = 10_000;

export class ObserverLease implements Disposable {
  private lock: FileLock | undefined;
  private ending: Promise<unknown> = Promise.resolve();
  private disposed = false;
  private readonly watchers = new Set<fs.FSWatcher>();

  /** `key` tells clusters of one name apart that are not the same machine. */
  constructor(private readonly directory: string, private readonly key: string, private readonly clock: Clock) {}

  private file(name: string): string {
    return path.join(this.directory, `observer-${this.key}.${name}`);
  }

  /** True when this process is the observer now. */
  async take(): Promise<boolean> {
    if (this.lock && !(await this.lock.isHeld())) await this.yield();
    if (this.disposed) return false;
    this.lock ??= await tryFileLock(this.file('lock'));
    // Ended while it was being taken: nobody would give it back.
    if (this.disposed) await this.yield();
    return this.lock !== undefined;
  }

  /** Lets another one be the observer. */
  async yield(): Promise<void> {
    const { lock } = this;
    this.lock = undefined;
    this.ending = Promise.all([this.ending, lock?.release()]);
    await this.ending;
  }

  async readNote(): Promise<ObserverNote | undefined> {
    const parsed = z.safeParse(noteSchema, await this.json('note.json'));
    return parsed.success ? parsed.data : undefined;
  }

  async writeNote(note: Omit<ObserverNote, 'at'>): Promise<void> {
    await writeRebuildable(this.file('note.json'), { at: this.clock.now().toISOString(), ...note });
  }

  /** The interval that somebody else needs, in milliseconds; undefined where nobody says so any more. */
  async wish(): Promise<number | undefined> {
    const parsed = z.safeParse(wishSchema, await this.json('wish.json'));
    if (!parsed.success) return undefined;
    const { at, interval_ms } = parsed.data;
    const ageMs = this.clock.now().getTime() - Date.parse(at);
    return ageMs >= 0 && ageMs <= Math.max(wishAtLeastMs, wishIntervals * interval_ms) ? interval_ms : undefined;
  }

  async leaveWish(intervalMs: number): Promise<void> {
    const other = await this.wish();
    if (other !== undefined && other < intervalMs) return;
    await writeRebuildable(this.file('wish.json'), { at: this.clock.now().toISOString(), interval_ms: intervalMs });
  }

  /** Calls `listener` when somebody asked the cluster, or wishes for more. Where files cannot be watched, ticks are all there is. */
  onNews(listener: () => void): Disposable {
    const names: readonly string[] = [newsFile, path.basename(this.file('wish.json'))];
    let watcher: fs.FSWatcher | undefined;
    try {
      fs.mkdirSync(this.directory, { recursive: true });
      watcher = fs.watch(this.directory, { persistent: false }, (_event, name) => {
        if (name !== null && names.includes(name)) listener();
      });
      watcher.on('error', () => watcher?.close());
      this.watchers.add(watcher);
    } catch {
      // As on a file system without notice of changes.
    }
    return {
      dispose: () => {
        if (!watcher) return;
        watcher.close();
        this.watchers.delete(watcher);
      },
    };
  }

  dispose(): void {
    this.disposed = true;
    for (const watcher of this.watchers) watcher.close();
    this.watchers.clear();
    void this.yield().catch(() => undefined);
  }

  private async json(name: string): Promise<unknown> {
    const text = await readTextIfThere(this.file(name));
    try {
      return text === undefined ? undefined : JSON.parse(text);
    } catch {
      return undefined;
    }
  }
}
