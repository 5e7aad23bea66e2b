import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseClustersYaml, type ClustersFile, type YamlTree } from '../../../src/cluster/clustersYaml.ts';

const read = (text: string): Promise<ClustersFile> => parseClustersYaml(text, 'c.yaml');
const names = (file: ClustersFile): string[] => file.clusters.map(({ name, tree }) => (tree ? name : `!${name}`));
const valueAt = (file: ClustersFile, cluster: string, key: string): YamlTree | undefined => file.clusters.find(({ name }) => name === cluster)?.tree?.entries.get(key)?.value;
const scalar = (tree: YamlTree | undefined): unknown => (tree?.kind === 'scalar' ? tree.value : tree);

describe('clusters.yaml as a tree (unit)', () => {
  for (const text of ['', '\n', '# nothing yet\n', '---\n', 'null\n', '\uFEFF# bom\n']) {
    it(`takes ${JSON.stringify(text)} as no clusters`, async () => assert.deepEqual(await read(text), { file: 'c.yaml', clusters: [], problems: [], unreadable: false }));
  }
  it('reads the bare mapping and the one below "clusters:" alike', async () => {
    const bare = await read('a: {host: x}\nb:\n  host: y\n');
    const wrapped = await read('clusters:\n  a: {host: x}\n  b:\n    host: y\n');
    assert.deepEqual(names(bare), ['a', 'b']);
    assert.deepEqual(names(wrapped), ['a', 'b']);
    assert.equal(scalar(valueAt(wrapped, 'b', 'host')), 'y');
  });
  it('takes a cluster that is itself called clusters for what it is', async () => {
    assert.deepEqual(names(await read('clusters:\n  scheduler: slurm\n  host: x\nb: {host: y}\n')), ['clusters', 'b']);
  });
  it('warns of what stands beside the wrapper, but not of anchor holders', async () => {
    const file = await read('x-base: &b {modules: [a]}\nclusters:\n  a: {<<: *b}\nlost: {host: x}\n');
    assert.deepEqual(names(file), ['a']);
    assert.deepEqual(file.problems.map(({ severity, line, key }) => ({ severity, line, key })), [{ severity: 'warning', line: 4, key: 'lost' }]);
  });
  it('knows line and column of every value, also through Windows line ends', async () => {
    assert.deepEqual(valueAt(await read('a:\r\n  host: x\r\n  user:  me\r\n'), 'a', 'user')?.place, { line: 3, column: 10 });
  });
  it('keeps the spelling of numbers that say more than their value', async () => {
    const file = await read('a: {account: 00123, module: 3.10, port: 22, big: 123456789012345678901, ratio: 0.15}\n');
    assert.deepEqual(['account', 'module', 'port', 'big', 'ratio'].map((key) => scalar(valueAt(file, 'a', key))), ['00123', '3.10', 22, '123456789012345678901', 0.15]);
  });
  it('follows anchors and merge keys; what is written wins over what is merged', async () => {
    const file = await read('x-a: &a {host: h, user: u}\nx-b: &b {user: v, port: 1}\nc:\n  user: me\n  <<: [*a, *b]\n');
    assert.deepEqual(['host', 'user', 'port'].map((key) => scalar(valueAt(file, 'c', key))), ['h', 'me', 1]);
    assert.equal(valueAt(file, 'c', 'host')?.place.line, 1);
  });
  it('refuses aliases that unfold into gigabytes, and keeps the other clusters', async () => {
    const bomb = ['x-0: &l0 [a, a, a, a, a, a, a, a, a, a]', ...Array.from({ length: 9 }, (_, i) => `x-${i + 1}: &l${i + 1} [${Array(10).fill(`*l${i}`).join(', ')}]`), 'evil: {modules: *l9}', 'good: {host: x}'].join('\n');
    const file = await read(bomb);
    assert.deepEqual(names(file), ['!evil', 'good']);
    assert.match(file.problems[0]?.message ?? '', /unfolds/);
  });
  it('refuses shallow but wide unfolding, too', async () => {
    const wide = ['x-0: &l0 [a]', ...Array.from({ length: 4 }, (_, i) => `x-${i + 1}: &l${i + 1} [${Array(20).fill(`*l${i}`).join(', ')}]`), 'evil: {modules: *l4}', 'good: {host: x}'].join('\n');
    assert.deepEqual(names(await read(wide)), ['!evil', 'good']);
  });
  it('refuses an alias that holds itself', async () => assert.deepEqual(names(await read('a: &a {b: *a}\ngood: {host: x}\n')), ['!a', 'good']));
  it('names an alias without an anchor', async () => assert.match((await read('a: {host: *nowhere}\n')).problems[0]?.message ?? '', /\*nowhere has no anchor/));
  for (const tag of ['!foo', '!!python/object:os.system', '!!binary', '!!timestamp']) {
    it(`refuses the tag ${tag}`, async () => {
      const file = await read(`a:\n  host: ${tag} "x"\ngood: {host: x}\n`);
      assert.deepEqual(names(file), ['!a', 'good']);
      assert.equal(file.problems[0]?.line, 2);
    });
  }
  it('finds a tab in the indentation, with its line', async () => {
    const file = await read('good:\n  host: x\nbad:\n\thost: y\n');
    assert.deepEqual(names(file), ['good', '!bad']);
    assert.deepEqual([file.problems[0]?.line, (file.problems[0]?.remediation ?? '').includes('spaces')], [4, true]);
  });
  for (const [what, broken] of [['an open quote', 'bad:\n  host: "x\n  user: u\n'], ['an open bracket', 'bad:\n  modules: [a\n'], ['a bad indentation', 'bad:\n  host: x\n    user: y\n']] as const) {
    it(`keeps the clusters around ${what}, bare and wrapped`, async () => {
      for (const text of [`one: {host: x}\n${broken}two:\n  host: y\n`, `clusters:\n  one: {host: x}\n${broken.replaceAll(/^/gm, '  ').trimEnd()}\n  two:\n    host: y\n`]) {
        const file = await read(text);
        assert.deepEqual(names(file), ['one', '!bad', 'two'], text);
        assert.equal(file.unreadable, false);
        assert.ok(file.problems.every(({ cluster, line }) => cluster === 'bad' && (line ?? 0) >= 2), JSON.stringify(file.problems));
        assert.deepEqual(valueAt(file, 'two', 'host')?.place.line, text.split('\n').findIndex((line) => line.includes('host: y')) + 1);
      }
    });
  }
  it('says a key that stands twice, and where', async () => {
    const file = await read('a:\n  host: x\n  host: y\ngood: {host: z}\n');
    assert.deepEqual(names(file), ['!a', 'good']);
    assert.deepEqual([file.problems[0]?.line, file.problems[0]?.column], [3, 3]);
    assert.match(file.problems[0]?.message ?? '', /"host".*second time/);
  });
  it('believes neither of two clusters with one name', async () => {
    const file = await read('a: {host: x}\nb: {host: y}\na: {host: z}\n');
    assert.deepEqual(names(file).sort(), ['!a', 'b']);
    assert.match(file.problems[0]?.message ?? '', /two clusters with the name "a"/);
  });
  for (const text of ['- a\n- b\n', 'just a word\n', 'a: {host: x}\n---\nb: {host: y}\n', '{a: {host: x}, b: [}\n', `${'#'.repeat(1_000_001)}`]) {
    it(`calls ${JSON.stringify(text.slice(0, 40))} unreadable`, async () => {
      const file = await read(text);
      assert.deepEqual([file.unreadable, file.clusters.length, file.problems[0]?.severity], [true, 0, 'error']);
      assert.ok((file.problems[0]?.line ?? 0) >= 1);
    });
  }
  it('refuses names that could not go into a path or a job name', async () => {
    const file = await read('"a b": {host: x}\n"../up": {host: x}\n12: {host: x}\n');
    assert.deepEqual(names(file), ['!a b', '!../up', '12']);
  });
  it('never throws, whatever the text', async () => {
    const piece = fc.constantFrom('a', 'clusters', ':', ' ', '\n', '  ', '-', '[', ']', '{', '}', '"', "'", '&x', '*x', '<<', '!t', '#', '\t', '|', '>', '---', '?', ',', 'host: x', '__proto__: {a: 1}');
    await fc.assert(fc.asyncProperty(fc.array(piece, { maxLength: 25 }).map((parts) => parts.join('')), async (text) => {
      const file = await read(text);
      // What was not read is always explained.
      if (file.unreadable || file.clusters.some(({ tree }) => !tree)) assert.ok(file.problems.some(({ severity }) => severity === 'error'));
    }), { numRuns: 400 });
    assert.equal(({} as Record<string, unknown>).a, undefined);
  });
});
