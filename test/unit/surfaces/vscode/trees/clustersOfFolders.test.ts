import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { silentLog } from '../../../../../src/foundation/log.ts';
import { systemClock } from '../../../../../src/foundation/clock.ts';
import { clustersList } from '../../../../../src/operations/clusters.ts';
import { Core } from '../../../../../src/surfaces/vscode/core.ts';
import { clustersOf } from '../../../../../src/surfaces/vscode/trees/clustersOfFolders.ts';

describe('The clusters of a window (unit)', () => {
  let base: string;
  let core: Core;
  let told: number;

  beforeEach(async () => {
    base = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-agent-window-'));
    told = 0;
    core = new Core({ version: '0.0.0', assetsDirectory: path.resolve('.'), userHome: base, home: path.join(base, 'agent'), env: {}, prompts: { secret: () => Promise.resolve(undefined), trustHostKey: () => Promise.resolve('refuse') }, log: silentLog, clock: systemClock, trusted: () => true, connectionChanged: () => (told += 1) });
  });

  afterEach(async () => {
    core.dispose();
    await fs.rm(base, { recursive: true });
  });

  const folderWith = async (name: string, clusters: string): Promise<string> => {
    await fs.mkdir(path.join(base, name, '.hpc'), { recursive: true });
    await fs.writeFile(path.join(base, name, '.hpc', 'clusters.yaml'), clusters);
    return path.join(base, name);
  };
  const read = (folders: readonly string[]): ReturnType<typeof clustersOf> => clustersOf(folders, (folder) => core.call(clustersList, {}, { folder }));

  it('are those of each of its folders; of two with one name the first folder’s, with its host', async () => {
    const one = await folderWith('one', 'alpha: {scheduler: slurm, host: a.invalid, scratch: /x}\nboth: {scheduler: slurm, host: one.invalid, scratch: /x}\n');
    const two = await folderWith('two', 'beta: {scheduler: slurm, host: b.invalid, scratch: /x}\nboth: {scheduler: sge, host: two.invalid, scratch: /x}\n');
    const { rows, homes } = await read([one, two]);
    assert.deepEqual(rows.map(({ name }) => name).sort(), ['alpha', 'beta', 'both', 'this-computer']);
    assert.match(rows.find(({ name }) => name === 'both')?.target ?? '', /one\.invalid/);
    assert.deepEqual([homes.get('alpha'), homes.get('beta'), homes.get('both')], [one, two, one]);
    assert.match((await read([two, one])).rows.find(({ name }) => name === 'both')?.target ?? '', /two\.invalid/);
  });

  it('a problem of the user’s file is told once, and each folder’s own beside it', async () => {
    await fs.mkdir(path.join(base, 'agent'));
    await fs.writeFile(path.join(base, 'agent', 'clusters.yaml'), 'mine: {scheduler: slurm, host: m.invalid, scratch: /x, colour: red}\n');
    const one = await folderWith('one', 'alpha: {scheduler: slurm, host: a.invalid, scratch: /x, taste: salt}\n');
    const two = await folderWith('two', 'beta: {scheduler: slurm, host: b.invalid, scratch: /x}\n');
    const { problems } = await read([one, two]);
    assert.deepEqual(problems.map(({ file }) => path.relative(base, file)).sort(), ['agent/clusters.yaml', 'one/.hpc/clusters.yaml']);
  });

  it('are told of at every change of what they say of a connection: no other look is needed', async () => {
    const folder = await folderWith('one', 'here: {scheduler: background, connection: local, scratch: /tmp}\n');
    const state = async (): Promise<string | undefined> => (await read([folder])).rows.find(({ name }) => name === 'here')?.state;
    assert.deepEqual([await state(), told], ['idle', 0]);
    const signal = new AbortController().signal;
    await core.within('acts', { folder, signal }, async ({ services }) => {
      const { profiles } = await services.store(folder).list();
      const profile = profiles.find(({ name }) => name === 'here');
      assert.ok(profile);
      await services.reconnect(profile, signal);
    });
    assert.equal(await state(), 'connected');
    assert.ok(told > 0);
  });
});
