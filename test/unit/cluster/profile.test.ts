import assert from 'node:assert/strict';
import { expandRemotePath, profileHash, withDefaultResources, type ClusterProfile } from '../../../src/cluster/profile.ts';
import { clustersJsonSchema, topLevelKeys } from '../../../src/cluster/profileSchema.ts';
import { HpcError } from '../../../src/foundation/errors.ts';
import { TestFiles } from './testFiles.ts';

const facts = { user: 'me', home: '/home/me', variables: { SCRATCH: '/scratch/me', EMPTY: '', HOME: '/wrong', REL: 'rel' } };

describe('profile (unit)', () => {
  const paths: readonly [string, string][] = [
    ['/a/b', '/a/b'], ['/a//b/', '/a/b'], ['/', '/'], ['~', '/home/me'], ['~/x', '/home/me/x'], ['$HOME/x', '/home/me/x'], ['${SCRATCH}/x y', '/scratch/me/x y'], ['/s/$USER', '/s/me'], ["/it's/$USER.d", "/it's/me.d"],
  ];
  for (const [pattern, expected] of paths) it(`${pattern} is ${expected} there`, () => assert.equal(expandRemotePath(pattern, facts), expected));
  for (const [pattern, message] of [['$UNSET/x', /\$UNSET is not set/], ['$EMPTY/x', /\$EMPTY is not set/], ['$REL/x', /no absolute folder/], ['rel', /no absolute folder/], ['~bob/x', /another user/], ['<your_scratch>', /no absolute folder/]] as const) {
    it(`${pattern} is refused, naming what it is for`, () => {
      assert.throws(() => expandRemotePath(pattern, facts, 'scratch of c'), (error) => HpcError.is(error, 'config_invalid') && message.test(error.message) && error.message.startsWith('scratch of c is '));
    });
  }

  it('gives the GPU constraint only to tasks with GPUs', () => {
    const profile = { defaults: { cpus: 2, partition: 'p' }, gpuConstraint: 'a100|a40' };
    assert.deepEqual(withDefaultResources(profile, { memoryMiB: 1 }), { cpus: 2, partition: 'p', memoryMiB: 1 });
    assert.deepEqual(withDefaultResources(profile, { cpus: 4, gpus: 1 }), { cpus: 4, partition: 'p', gpus: 1, constraint: 'a100|a40' });
    assert.equal(withDefaultResources(profile, { gpus: 1, constraint: 'h100' }).constraint, 'h100');
    const { cpus: nothing } = {} as { cpus?: number };
    assert.equal(withDefaultResources(profile, { ...(nothing !== undefined && { cpus: nothing }), gpus: 0 }).cpus, 2);
  });

  describe('its hash', () => {
    const files = new TestFiles();
    beforeEach(() => files.setUp());
    afterEach(() => files.tearDown());
    const hash = async (text: string): Promise<string> => {
      await files.write(files.userFile, text);
      return profileHash(await files.store().get('c'));
    };
    it('changes with a setting, not with where or in which order it stands', async () => {
      const first = await hash('c: {scheduler: slurm, host: h, env: {A: 1, B: 2}}\n');
      assert.equal(await hash('# moved\n\nc:\n  env: {B: 2, A: 1}\n  host: h\n  scheduler: slurm\n'), first);
      assert.notEqual(await hash('c: {scheduler: slurm, host: h, env: {A: 1, B: 3}}\n'), first);
      const profile: ClusterProfile = await files.store().get('c');
      assert.equal(profileHash({ ...profile, origins: {} }), profileHash(profile));
    });
  });

  it('has a JSON schema with every key and its description', () => {
    const schema = clustersJsonSchema() as { $defs: { cluster: { properties: Record<string, { description?: string; properties?: Record<string, unknown> }>; additionalProperties: boolean } } };
    const { properties, additionalProperties } = schema.$defs.cluster;
    assert.deepEqual(Object.keys(properties).sort(), [...topLevelKeys].sort());
    assert.equal(additionalProperties, false);
    for (const [key, value] of Object.entries(properties)) assert.ok(value.description ?? value.properties, key);
    assert.ok(Object.keys(properties.constraints?.properties ?? {}).includes('max_array_size'));
    assert.doesNotThrow(() => JSON.stringify(schema));
  });
});
