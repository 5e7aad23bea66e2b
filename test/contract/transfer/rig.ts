/** What the suites of this folder share: temporary trees, their pictures, and the connections under test. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { systemClock } from '../../../src/foundation/clock.ts';
import { silentLog } from '../../../src/foundation/log.ts';
import { createHostGate } from '../../../src/connection/hostGate.ts';
import { createLocalConnection } from '../../../src/connection/local/createLocalConnection.ts';
import type { Connection } from '../../../src/connection/port.ts';
import type { PushOptions } from '../../../src/connection/transfer/transferOptions.ts';

export const runtimeDir = path.resolve('templates/runtime');

export function openLocal(): Connection {
  return createLocalConnection({ log: silentLog, clock: systemClock, gate: createHostGate({ clock: systemClock }) });
}

export interface Rig {
  readonly folder: string;
  readonly local: string;
  readonly remote: string;
  options(more?: Partial<PushOptions>): PushOptions;
  remove(): void;
}

export function makeRig(base = os.tmpdir()): Rig {
  const folder = fs.mkdtempSync(path.join(base, 'hpc-transfer-'));
  const local = path.join(folder, 'local');
  const remote = path.join(folder, 'far', 'proj');
  fs.mkdirSync(local);
  fs.mkdirSync(path.dirname(remote));
  return {
    folder,
    local,
    remote,
    options: (more = {}) => ({
      localRoot: local,
      remoteRoot: remote,
      runtimeDir,
      cacheDir: path.join(folder, 'cache'),
      mode: 'additive',
      owner: { workspaceId: 'workspace-1', user: 'alice', host: 'laptop' },
      ...more,
    }),
    remove: () => fs.rmSync(folder, { recursive: true, force: true }),
  };
}

export function write(root: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, data] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), data);
  }
}

/** Every file and link with its content; `.hpc` only when asked for. */
export function picture(root: string, options: { state?: boolean } = {}): Record<string, string> {
  const seen: Record<string, string> = {};
  const visit = (folder: string): void => {
    for (const entry of fs.readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (name === '.hpc' && !options.state) continue;
      const full = path.join(root, name);
      if (entry.isDirectory()) visit(name);
      else if (entry.isSymbolicLink()) seen[name] = `-> ${fs.readlinkSync(full)}`;
      else seen[name] = fs.readFileSync(full, 'latin1');
    }
  };
  if (fs.existsSync(root)) visit('');
  return seen;
}

export const isExecutable = (file: string): boolean => (fs.statSync(file).mode & 0o100) !== 0;
