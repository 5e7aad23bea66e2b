/**
 * The software of a cluster's jobs for commands and terminals in a held node: the very text that job scripts have, sent with each command,
 * so that what the profile says now counts, and not what it said when the node was booked.
 */
import * as path from 'node:path';
import { profileHash } from '../cluster/profile.ts';
import type { ClusterFacts, ClusterSession } from '../cluster/session.ts';
import { softwareScript } from '../cluster/software.ts';
import type { ResourceRequest } from '../scheduler/port.ts';
import { ownFacts, type Lease } from './lease.ts';

/** As `hpc_shells.py` reads it. */
export interface SoftwareOnWire {
  readonly text: string;
  readonly wrap: readonly string[];
  readonly per_folder: boolean;
}

/** Rendered once per profile, folder and number of cores. */
export class SoftwareScripts {
  private readonly known = new Map<string, Promise<SoftwareOnWire>>();

  constructor(private readonly assetsDirectory: string) {}

  for(lease: Lease, folder: string, session: ClusterSession, cluster: ClusterFacts): Promise<SoftwareOnWire> {
    const cpus = (ownFacts(lease)?.resources as ResourceRequest | undefined)?.cpus ?? 1;
    const key = JSON.stringify([profileHash(session.profile), folder, cpus]);
    const known = this.known.get(key);
    if (known) return known;
    const made = this.render(folder, cpus, session, cluster);
    this.known.set(key, made);
    made.catch(() => this.known.delete(key));
    return made;
  }

  private async render(folder: string, cpus: number, session: ClusterSession, cluster: ClusterFacts): Promise<SoftwareOnWire> {
    const { profile, dialect } = session;
    const { text, wrap, perFolder } = await softwareScript(profile, cluster.environment, { scheduler: dialect.name, cpus, folder }, { templatesDirectory: path.join(this.assetsDirectory, 'templates') });
    return { text, wrap, per_folder: perFolder };
  }
}
