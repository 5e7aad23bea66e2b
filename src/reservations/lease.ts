/**
 * A lease: the file that names a reservation, `~/.scitex/hpc/leases/<host>-<name>.json`, in scitex-hpc's form.
 *
 * Rules: its nine keys keep their meaning, and what we know besides lies in `extras.hpc_agent`, since readers of that product refuse further
 * keys at the top. Keys that we do not know are kept. Files are replaced whole, under a lock; a torn or foreign file never hides
 * the others.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as z from 'zod/mini';
import { readTextIfThere, writeFileAtomic } from '../foundation/atomicFile.ts';
import { HpcError, messageOf, systemCodeOf } from '../foundation/errors.ts';
import { withFileLock } from '../foundation/fileLock.ts';

const ownSchema = z.looseObject({
  schema: z.literal(1),
  cluster: z.string(),
  scheduler: z.string(),
  origin: z.enum(['booked', 'adopted']),
  /** Of the booking; empty where the job is not ours. */
  token: z.string(),
  /** Absolute folder on the cluster; empty where the job is not ours. */
  state_dir: z.string(),
  /** Job names are `<job_prefix>-h<hop>-<token10>`; of an adopted job the whole name. */
  job_prefix: z.string(),
  resources: z.record(z.string(), z.unknown()),
  nodes: z.number(),
  stage: z.enum(['booking', 'booked', 'releasing']),
  problem: z.nullable(z.string()),
  release_after_idle_s: z.nullable(z.number()),
  renew_before_s: z.nullable(z.number()),
});
export type OwnFacts = z.output<typeof ownSchema>;

const text = z._default(z.string(), '');
const leaseSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  host: z.string(),
  job_id: text,
  node: text,
  submitted_at: text,
  walltime_end: text,
  persistent: z._default(z.boolean(), false),
  extras: z._default(z.record(z.string(), z.unknown()), {}),
});
export type Lease = z.output<typeof leaseSchema>;

/** What is recorded of a lease by us; undefined for one that only scitex-hpc wrote, or that a newer version of ours did. */
export function ownFacts(lease: Lease): OwnFacts | undefined {
  const parsed = ownSchema.safeParse(lease.extras.hpc_agent);
  return parsed.success ? parsed.data : undefined;
}

export function withOwnFacts(lease: Lease, facts: OwnFacts): Lease {
  return { ...lease, extras: { ...lease.extras, hpc_agent: facts } };
}

export function parseLease(content: string): Lease | undefined {
  try {
    const parsed = leaseSchema.safeParse(JSON.parse(content));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** `<host>-<name>`, the name made plain; a name that carries its host already gets it once. scitex-hpc's rule, found by trying every character. */
export function leaseId(host: string, name: string): string {
  // Only the name is changed there; of the host we keep out what would leave the folder.
  const safeHost = host.replaceAll(/[/\\]/g, '-');
  const safeName = name.replaceAll(/[^A-Za-z0-9._-]/g, '-');
  return safeName === safeHost || safeName.startsWith(`${safeHost}-`) ? safeName : `${safeHost}-${safeName}`;
}

/** Python's `json.dumps(…, sort_keys=True, indent=2)`, as the other product writes it. */
function serialize(value: Lease): string {
  const sorted = (item: unknown): unknown =>
    Array.isArray(item) ? item.map(sorted) : typeof item === 'object' && item !== null ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)])) : item;
  return `${JSON.stringify(sorted(value), undefined, 2)}\n`;
}

export interface LeaseListing {
  readonly leases: readonly Lease[];
  /** Files that are there and are no lease. */
  readonly problems: readonly { readonly file: string; readonly message: string }[];
}

export class LeaseStore {
  constructor(readonly directory: string) {}

  fileOf(id: string): string {
    return path.join(this.directory, `${id}.json`);
  }

  async list(): Promise<LeaseListing> {
    let names: string[];
    try {
      names = await fs.readdir(this.directory);
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return { leases: [], problems: [] };
      throw new HpcError('config_invalid', `Cannot read ${this.directory}: ${messageOf(error)}.`, { cause: error, remediation: 'Check that the folder may be read.' });
    }
    const leases: Lease[] = [];
    const problems: { file: string; message: string }[] = [];
    for (const name of names.filter((candidate) => candidate.endsWith('.json') && !candidate.startsWith('.')).sort()) {
      const file = path.join(this.directory, name);
      try {
        const content = await readTextIfThere(file);
        const lease = content === undefined ? undefined : parseLease(content);
        if (lease) leases.push(lease);
        else if (content !== undefined) problems.push({ file, message: 'This is not a lease: it is torn, or of a form that is not known. It is left as it is.' });
      } catch (error) {
        problems.push({ file, message: messageOf(error) });
      }
    }
    return { leases, problems };
  }

  /** By id, or by name where only one host has it. */
  async find(nameOrId: string): Promise<Lease | undefined> {
    const { leases } = await this.list();
    const byId = leases.find(({ id }) => id === nameOrId);
    if (byId) return byId;
    const named = leases.filter(({ name }) => name === nameOrId);
    if (named.length > 1) throw new HpcError('spec_invalid', `There are ${named.length} reservations named ${nameOrId}: ${named.map(({ id }) => id).join(', ')}.`, { remediation: 'Give the id instead of the name.' });
    return named[0];
  }

  async require(nameOrId: string): Promise<Lease> {
    const lease = await this.find(nameOrId);
    if (lease) return lease;
    const names = (await this.list()).leases.map(({ name }) => name);
    throw new HpcError('spec_invalid', `There is no reservation ${JSON.stringify(nameOrId)}.`, { remediation: names.length > 0 ? `There are: ${names.join(', ')}.` : 'Book one with `hpc-agent reservation book`.' });
  }

  /** Makes the file; false where there is one of that id already. */
  async create(lease: Lease): Promise<boolean> {
    try {
      await writeFileAtomic(this.fileOf(lease.id), serialize(lease), { exclusive: true, mode: 0o600 });
      return true;
    } catch (error) {
      if (systemCodeOf(error) === 'EEXIST') return false;
      throw error;
    }
  }

  /** Changes the file under its lock; undefined where it is gone. What another program wrote since is what `change` sees. */
  async update(id: string, change: (lease: Lease) => Lease): Promise<Lease | undefined> {
    const file = this.fileOf(id);
    return withFileLock(`${file}.lock`, async () => {
      const content = await readTextIfThere(file);
      const lease = content === undefined ? undefined : parseLease(content);
      if (!lease) return undefined;
      const changed = change(lease);
      const next = serialize(changed);
      if (next !== content) await writeFileAtomic(file, next, { mode: 0o600 });
      return changed;
    });
  }

  /** Removes the file if it still is the same lease. */
  async remove(lease: Lease): Promise<void> {
    const file = this.fileOf(lease.id);
    await withFileLock(`${file}.lock`, async () => {
      const content = await readTextIfThere(file);
      const there = content === undefined ? undefined : parseLease(content);
      if (there && ownFacts(there)?.token === ownFacts(lease)?.token) await fs.rm(file, { force: true });
    });
  }

  /** Runs body while no other process books, releases or follows this reservation. */
  async exclusively<T>(id: string, body: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return withFileLock(path.join(this.directory, `.${id}.work`), body, { ...(signal ? { signal } : {}), timeoutMs: 120_000 });
  }
}

/** Where leases lie: scitex-hpc's own rule. */
export function leaseDirectory(userHome: string, env: Readonly<Record<string, string | undefined>>): string {
  const { SCITEX_HPC_LEASE_DIR: chosen } = env;
  return chosen !== undefined && chosen !== '' ? chosen : path.join(userHome, '.scitex', 'hpc', 'leases');
}
