/**
 * Copies a workspace to the far side.
 *
 * Rules:
 * - An unchanged tree costs one round trip, a changed one two. The first asks what lies there, while the local tree is
 *   walked; the answer names a generation of the far side's manifest, whose content is remembered here. A tree that was never
 *   pushed from here will hardly be unchanged: one program answers, waits for the stream and takes it.
 * - Two files are the same when their content hashes are equal, never because size and time agree by chance; hashes are
 *   remembered on both sides and believed while size, times and inode stay.
 * - The far side changes nothing before the whole stream has arrived and been verified, and only if the generation is still
 *   the one that the plan was made for; otherwise everything is asked again.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as z from 'zod/mini';
import { CancelledError, throwIfAborted } from '../../foundation/abort.ts';
import { writeFileAtomic } from '../../foundation/atomicFile.ts';
import { HpcError } from '../../foundation/errors.ts';
import { newToken } from '../../foundation/ids.ts';
import { silentLog } from '../../foundation/log.ts';
import type { Connection, ExecOptions } from '../port.ts';
import { packBlocks } from './blocks.ts';
import { compilePattern, matcherOf } from './glob.ts';
import { hashFile, openBaseCache, openHashCache, type BaseCache, type HashCache, type RemoteBase } from './hashCache.ts';
import { createPushStream, untilFailure } from './payload.ts';
import { planDeletions, planPush, planRow, type ListedFile, type PushPlan, type RemoteEntry } from './pushPlan.ts';
import { openRemoteProgram, type Conversation, type RemoteProgram } from './remoteProgram.ts';
import type { ExtraFile, PushOptions, PushResult } from './transferOptions.ts';
import { entryFromRow, entryRowSchema, isSafeRelativePath, modeClassSchema, type TreeEntry } from './tree.ts';
import { walkTree, type LocalFile, type LocalTree } from './walk.ts';

export const defaultProtect: readonly string[] = ['results/**', '_combiner/**', 'logs/**'];
const listingLimit = 500_000;
const attempts = 4;

const deviationSchema = z.union([z.tuple([z.string()]), z.tuple([z.string(), z.string(), z.number(), modeClassSchema, z.nullable(z.string())])]);
const statusSchema = z.object({
  ok: z.literal(true),
  root: z.string(),
  state: z.enum(['missing', 'empty', 'ours', 'foreign', 'other']),
  generation: z.string(),
  deviations: z.array(deviationSchema),
  marker: z.optional(z.record(z.string(), z.unknown())),
  entries: z.optional(z.array(entryRowSchema)),
  listing: z.optional(z.array(z.tuple([z.string(), z.string(), z.number(), z.string()]))),
});
type Status = z.infer<typeof statusSchema>;
const compareSchema = z.object({ ok: z.literal(true), found: z.array(z.tuple([z.string(), z.literal('f'), z.number(), modeClassSchema, z.string()])) });
const appliedSchema = z.object({ ok: z.literal(true), root: z.string(), placed: z.number(), deleted: z.array(z.string()) });

export async function pushTree(connection: Connection, options: PushOptions): Promise<PushResult> {
  throwIfAborted(options.signal);
  checkExtras(options.extraFiles ?? []);
  if (isSameFolder(connection, options)) return options.dryRun === true ? nothingToDo(options) : writeExtrasHere(options);
  const push = await Push.open(connection, options);
  let steadied = false;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const result = await push.once();
      // A file that was saved just while it was read deserves a second look; one that never rests is reported.
      if (steadied || !result.skipped.some(({ reason }) => reason === 'changed_while_reading')) return result;
      steadied = true;
    } catch (error) {
      if (!(HpcError.is(error) && error.details?.reason === 'stale' && attempt < attempts)) throw error;
      (options.log ?? silentLog).info('the remote folder changed while the push was planned; planning again', { remoteRoot: options.remoteRoot, attempt });
    }
  }
}

function checkExtras(extras: readonly ExtraFile[]): void {
  const bad = extras.find(({ path: name }) => !isSafeRelativePath(name) || /^\.hpc\/(staging|manifest|owner\.json|transfer\.lock)([./]|$)/.test(name));
  if (bad) throw new HpcError('spec_invalid', `${JSON.stringify(bad.path)} cannot be the path of a file to push.`, { remediation: 'Use a path relative to the remote folder, without `..`, outside our own state.' });
}

function isSameFolder(connection: Connection, { localRoot, remoteRoot }: PushOptions): boolean {
  if (connection.kind !== 'local' || !path.isAbsolute(remoteRoot)) return false;
  try {
    return fs.realpathSync(localRoot) === fs.realpathSync(remoteRoot);
  } catch {
    return false;
  }
}

function nothingToDo({ localRoot }: PushOptions): PushResult {
  return { remoteRoot: fs.realpathSync(localRoot), sentFiles: 0, sentBytes: 0, touchedFiles: 0, unchangedFiles: 0, deleted: [], skipped: [] };
}

/** The workspace is already where it should go: only the files made in memory are written. */
async function writeExtrasHere({ localRoot, extraFiles = [], signal }: PushOptions): Promise<PushResult> {
  const root = fs.realpathSync(localRoot);
  let sentBytes = 0;
  let sentFiles = 0;
  for (const { path: name, data, mode } of extraFiles) {
    throwIfAborted(signal);
    const target = path.join(root, name);
    const bytes = Buffer.from(typeof data === 'string' ? data : data);
    const current = fs.existsSync(target) ? fs.readFileSync(target) : undefined;
    if (current?.equals(bytes) && (mode === undefined || (fs.statSync(target).mode & 0o100) === (mode & 0o100))) continue;
    await writeFileAtomic(target, bytes, mode === undefined ? {} : { mode });
    sentFiles += 1;
    sentBytes += bytes.length;
  }
  return { remoteRoot: root, sentFiles, sentBytes, touchedFiles: 0, unchangedFiles: extraFiles.length - sentFiles, deleted: [], skipped: [] };
}

class Push {
  private readonly exec: ExecOptions;
  private readonly targetWords: readonly string[];

  private constructor(
    private readonly connection: Connection,
    private readonly options: PushOptions,
    private readonly program: RemoteProgram,
    private readonly hashes: HashCache,
    private readonly bases: BaseCache,
  ) {
    this.exec = options.signal ? { signal: options.signal } : {};
    this.targetWords = [`root=${options.remoteRoot}`, `workspace=${options.owner.workspaceId}`, ...(options.refuseRoots ?? []).map((root) => `refuse=${root}`)];
  }

  static async open(connection: Connection, options: PushOptions): Promise<Push> {
    const [program, hashes] = await Promise.all([
      openRemoteProgram(connection, options.runtimeDir, options.signal ? { signal: options.signal } : {}),
      openHashCache(options.cacheDir, options.localRoot),
    ]);
    return new Push(connection, options, program, hashes, openBaseCache(options.cacheDir, connection.label, options.remoteRoot));
  }

  async once(): Promise<PushResult> {
    const { options } = this;
    const cached = await this.bases.read();
    this.report('Comparing with the cluster', 0, 0, 0, 0);
    // A mirror may ask a person about deletions: too long to let a program wait.
    const conversation = cached === undefined && options.mode === 'additive' && options.dryRun !== true ? this.program.converse('push', [...this.statusWords(cached), this.lockWord], statusSchema, this.exec) : undefined;
    try {
      return await this.compared(conversation, cached);
    } finally {
      await conversation?.close().catch(() => undefined);
    }
  }

  private async compared(conversation: Conversation<Status> | undefined, cached: RemoteBase | undefined): Promise<PushResult> {
    const { options } = this;
    const extras = options.extraFiles ?? [];
    const asked = conversation ? conversation.first : this.program.call('status', this.statusWords(cached), statusSchema, this.exec);
    asked.catch(() => undefined);
    const tree = await walkTree(options.localRoot, { ...(options.signal ? { signal: options.signal } : {}), ...(options.exclude ? { isExcluded: matcherOf(options.exclude.map(compilePattern)) } : {}) });
    refuseUnreadable(tree);
    const status = await asked;
    this.judge(status);
    const { remote, gone, base } = await this.remoteSide(status, cached, tree);
    const plan = await planPush(tree, extras, remote, gone, (file) => this.hashes.known(file) ?? this.hash(file));
    if (options.dryRun === true) {
      const deleted = this.planned(status, tree, extras).map(([name]) => name);
      return { remoteRoot: status.root, sentFiles: plan.send.length, sentBytes: plan.send.reduce((sum, { entry }) => sum + entry.size, 0), touchedFiles: plan.touch.length, unchangedFiles: plan.unchanged, deleted, skipped: tree.skipped };
    }
    const deletions = await this.deletions(status, tree, extras);
    if (plan.send.length === 0 && plan.touch.length === 0 && deletions.length === 0 && status.generation !== '') {
      await this.hashes.save(tree.files);
      if (status.entries) await this.bases.write({ generation: status.generation, entries: base });
      return { remoteRoot: status.root, sentFiles: 0, sentBytes: 0, touchedFiles: 0, unchangedFiles: plan.unchanged, deleted: [], skipped: tree.skipped };
    }
    return this.apply(conversation, status, tree, plan, deletions, base);
  }

  private statusWords(cached: RemoteBase | undefined): readonly string[] {
    const words = [...this.targetWords, `known=${cached?.generation ?? ''}`];
    if (this.options.mode === 'mirror') words.push(`list=${listingLimit}`, ...this.protectedFolders().map((folder) => `prune=${folder}`));
    return words;
  }

  private get lockWord(): string {
    return `wait=${this.options.lockWaitS ?? 30}`;
  }

  private get protect(): readonly string[] {
    return this.options.protect ?? defaultProtect;
  }

  /** Protected folders as such, so that the far side need not list what lies in them. */
  private protectedFolders(): string[] {
    return this.protect.filter((pattern) => /^[^*?[\]]+\/\*\*$/.test(pattern)).map((pattern) => pattern.replace(/^\.?\//, '').slice(0, -3));
  }

  private judge(status: Status): void {
    const { label } = this.connection;
    if (status.state === 'other') {
      const owner = [status.marker?.user, status.marker?.host].filter((part) => typeof part === 'string').join(' on ');
      throw new HpcError('config_invalid', `${status.root} on ${label} belongs to another workspace${owner === '' ? '' : ` (of ${owner})`}.`, {
        remediation: 'Give each workspace a remote folder of its own. If that workspace is gone for good, remove .hpc/owner.json there.',
        details: { reason: 'other_owner' },
      });
    }
    if (status.state === 'foreign' && (this.options.mode === 'mirror' || this.options.adopt !== true)) {
      throw new HpcError('config_invalid', `${status.root} on ${label} is not empty and was not made by this workspace.`, {
        remediation:
          this.options.mode === 'mirror'
            ? 'A mirror deletes files, so it needs a folder of its own: choose a new or empty one, or copy additively first.'
            : 'Choose a new or empty folder, or adopt this one explicitly if its files may be overwritten.',
        details: { reason: 'not_ours' },
      });
    }
  }

  private async remoteSide(status: Status, cached: RemoteBase | undefined, tree: LocalTree): Promise<{ remote: Map<string, RemoteEntry>; gone: string[]; base: Map<string, TreeEntry> }> {
    const base = new Map<string, TreeEntry>();
    if (status.entries) for (const row of status.entries) base.set(row[0], entryFromRow(row));
    else if (cached?.generation === status.generation) for (const [name, entry] of cached.entries) base.set(name, entry);
    const remote = new Map<string, RemoteEntry>(base);
    const gone: string[] = [];
    for (const row of status.deviations) {
      gone.push(row[0]);
      if (row.length === 1) remote.delete(row[0]);
      else remote.set(row[0], { path: row[0], kind: row[1] === 'l' ? 'l' : 'f', size: row[1] === 'f' || row[1] === 'l' ? row[2] : -1, mtimeUs: -2, mode: row[3], content: row[4] ?? '', deviates: true });
    }
    // Something lies there of which no manifest tells: files of the same size are compared by content before they are sent.
    if (status.generation === '' && status.state !== 'missing' && status.state !== 'empty') {
      for (const [name, kind, size, mode, content] of await this.compare(tree)) remote.set(name, { path: name, kind, size, mtimeUs: -2, mode, content, deviates: true });
    }
    return { remote, gone, base };
  }

  private async compare(tree: LocalTree): Promise<z.infer<typeof compareSchema>['found']> {
    const request = Buffer.from(JSON.stringify([...tree.files.values()].filter(({ kind }) => kind === 'f').map(({ path: name, size }) => [name, size])));
    const payload = packBlocks(once(request));
    return (await this.program.call('compare', this.targetWords, compareSchema, { ...this.exec, payload })).found;
  }

  private async hash(file: LocalFile): Promise<string> {
    const startedAt = Date.now();
    const hash = await hashFile(path.join(this.options.localRoot, file.path), this.options.signal);
    this.hashes.remember(file, hash, startedAt);
    return hash;
  }

  private planned(status: Status, tree: LocalTree, extras: readonly ExtraFile[]): readonly ListedFile[] {
    return this.options.mode === 'mirror' ? planDeletions(status.listing ?? [], tree, extras, matcherOf(this.protect.map(compilePattern))) : [];
  }

  private async deletions(status: Status, tree: LocalTree, extras: readonly ExtraFile[]): Promise<readonly ListedFile[]> {
    const deletions = this.planned(status, tree, extras);
    if (deletions.length === 0) return [];
    const confirm = this.options.confirmDeletions;
    if (!confirm) {
      throw new HpcError('spec_invalid', `Mirroring would delete ${deletions.length} files in ${status.root}, and nobody was asked.`, {
        remediation: 'Confirm the deletions, or copy additively.',
        details: { reason: 'not_confirmed', count: deletions.length, paths: deletions.slice(0, 100).map(([name]) => name) },
      });
    }
    if (!(await confirm({ count: deletions.length, paths: deletions.map(([name]) => name) }))) throw new CancelledError('The deletions were declined; nothing was changed.');
    throwIfAborted(this.options.signal);
    return deletions;
  }

  private async apply(conversation: Conversation<Status> | undefined, status: Status, tree: LocalTree, plan: PushPlan, deletions: readonly ListedFile[], base: Map<string, TreeEntry>): Promise<PushResult> {
    const { options } = this;
    const { workspaceId, user, host } = options.owner;
    const generation = newToken(12);
    const total = plan.send.reduce((sum, { entry }) => sum + entry.size, 0);
    const header = {
      base: status.generation,
      generation,
      adopt: options.adopt === true && options.mode === 'additive',
      owner: { version: 1, workspace: workspaceId, user, host, created: new Date().toISOString() },
      files: plan.send.map(planRow),
      touch: plan.touch,
      delete: deletions,
      protect: this.protectedFolders(),
      forget: plan.forget,
    };
    const message = `Copying ${plan.send.length} ${plan.send.length === 1 ? 'file' : 'files'}`;
    const stream = createPushStream(options.localRoot, header, plan.send, this.hashes, {
      ...(options.signal ? { signal: options.signal } : {}),
      onBytes: (bytes, files) => this.report(message, bytes, total, files, plan.send.length),
    });
    const payload = untilFailure(packBlocks(stream.chunks));
    const sending = conversation ? conversation.send(payload, appliedSchema) : this.program.call('apply', [...this.targetWords, this.lockWord], appliedSchema, { ...this.exec, payload });
    const applied = await sending.catch((error: unknown) => {
      throw stream.failure() ?? error;
    });
    const entries = new Map(base);
    for (const name of [...applied.deleted, ...plan.forget]) entries.delete(name);
    for (const { entry } of plan.send) if (!stream.unsteady.has(entry.path)) entries.set(entry.path, { ...entry, content: stream.contents.get(entry.path) ?? '' });
    for (const [name, size, mtimeUs, mode, content] of plan.touch) entries.set(name, entryFromRow([name, 'f', size, mtimeUs, mode as TreeEntry['mode'], content]));
    await Promise.all([this.hashes.save(tree.files), this.bases.write({ generation, entries })]);
    const changed = [...stream.unsteady].map((name) => ({ path: name, reason: 'changed_while_reading' as const, message: 'The file was written while it was read; it was not copied.' }));
    const unsent = plan.send.filter(({ entry }) => stream.unsteady.has(entry.path)).reduce((sum, { entry }) => sum + entry.size, 0);
    return {
      remoteRoot: applied.root,
      sentFiles: applied.placed,
      sentBytes: total - unsent,
      touchedFiles: plan.touch.length,
      unchangedFiles: plan.unchanged,
      deleted: applied.deleted,
      skipped: [...tree.skipped, ...changed],
    };
  }

  private report(message: string, done: number, total: number, filesDone: number, filesTotal: number): void {
    this.options.onProgress?.({ message, done, total, filesDone, filesTotal });
  }
}

function refuseUnreadable(tree: LocalTree): void {
  const unreadable = tree.skipped.filter(({ reason }) => reason === 'unreadable');
  const [first] = unreadable;
  if (!first) return;
  // Going on without them would run an experiment that silently lacks a file.
  throw new HpcError('config_invalid', `${first.path} cannot be copied. ${first.message}${unreadable.length > 1 ? ` So cannot ${unreadable.length - 1} others.` : ''}`, {
    remediation: 'Make it readable, or exclude it in .hpcignore.',
    details: { paths: unreadable.map(({ path: name }) => name) },
  });
}

// oxlint-disable-next-line typescript/require-await
async function* once(data: Uint8Array): AsyncGenerator<Uint8Array> {
  yield data;
}
