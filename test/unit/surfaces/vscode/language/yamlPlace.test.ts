import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { axesSchema, fileSchema, playbookSchema } from '../../../../../src/operations/editing/fileSchemas.ts';
import { describeKey, keyWords, valueWords } from '../../../../../src/surfaces/vscode/language/schemaWords.ts';
import { keyAt, yamlPlace, type YamlPlace } from '../../../../../src/surfaces/vscode/language/yamlPlace.ts';

/** The place at the mark `|`. */
function placeIn(text: string): YamlPlace | undefined {
  const before = text.slice(0, text.indexOf('|')).split('\n');
  return yamlPlace(text.replace('|', '').split('\n'), before.length - 1, (before.at(-1) ?? '').length);
}
const shown = (text: string): unknown => ((place) => place && [place.at, place.path.join('/'), place.key, place.prefix])(placeIn(text));

describe('The cursor in a YAML file (unit)', () => {
  it('is among the clusters, among the settings of one, in a value', () => {
    assert.deepEqual(shown('|'), ['key', '', undefined, '']);
    assert.deepEqual(shown('bed:\n  ho|'), ['key', 'bed', undefined, 'ho']);
    assert.deepEqual(shown('bed:\n  |\n'), ['key', 'bed', undefined, '']);
    assert.deepEqual(shown('bed:\n  scheduler: sl|'), ['value', 'bed', 'scheduler', 'sl']);
    assert.deepEqual(shown('clusters:\n  bed:\n    host: x\n\n    constraints:\n      # long\n      max|'), ['key', 'clusters/bed/constraints', undefined, 'max']);
    assert.deepEqual(shown('bed:\n  host: x\nother:\n  "connection": |'), ['value', 'other', 'connection', '']);
    assert.equal(shown('bed:\n  # ho|'), undefined);
  });

  it('is in an item of a list, wherever the list begins', () => {
    for (const text of ['axes:\n  - name: a\n    si|', 'axes:\n- name: a\n  si|']) assert.deepEqual(shown(text), ['key', 'axes/[]', undefined, 'si'], text);
    assert.deepEqual(shown('walltime_rules:\n  - sev|'), ['key', 'walltime_rules/[]', undefined, 'sev']);
    assert.deepEqual(shown('walltime_rules:\n  - severity: |'), ['value', 'walltime_rules/[]', 'severity', '']);
    assert.deepEqual(shown('axes:\n  - name: a\n    size: 2\nhomo|'), ['key', '', undefined, 'homo']);
  });

  it('knows what stands beside it', () => {
    assert.deepEqual([...(placeIn('a:\n  host: x\n  defaults:\n    cpus: 1\n  |\n  user: y\nb:\n  port: 1')?.siblings ?? [])].sort(), ['defaults', 'host', 'user']);
    assert.deepEqual([...(placeIn('axes:\n  - name: a\n    |\n  - size: 2')?.siblings ?? [])], ['name']);
  });

  it('is found in any text, in time', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('- ', '  ', 'a: ', 'b:', '\n', '"', '#', 'x', ':', '\t'), { maxLength: 60 }), fc.nat(60), (parts, at) => {
        const lines = parts.join('').split('\n');
        const line = at % lines.length;
        yamlPlace(lines, line, (lines[line] ?? '').length);
        keyAt(lines, line, 0);
      }),
    );
    const long = Array.from({ length: 50_000 }, (_, index) => `${' '.repeat(2 + (index % 2) * 2)}k${index}: v`);
    assert.equal(yamlPlace(['c:', ...long, '  '], long.length + 1, 2)?.path.join('/'), 'c');
  });
});

describe('What may be written there (unit)', () => {
  const clusters = fileSchema('clusters');

  it('is every setting that is not there yet, with what it means', () => {
    const words = keyWords(clusters, ['bed'], new Set(['host']));
    const names = words.map(({ text }) => text);
    assert.ok(names.includes('scheduler') && names.includes('constraints') && !names.includes('host'), names.join(' '));
    assert.deepEqual(keyWords(clusters, ['clusters', 'bed'], new Set(['host'])).map(({ text }) => text), names);
    assert.ok(words.every(({ text, description }) => description !== '' || ['constraints', 'defaults', 'container', 'templates'].includes(text)), words.filter(({ description }) => description === '').map(({ text }) => text).join(' '));
    assert.equal(words.find(({ text }) => text === 'constraints')?.holds, 'mapping');
    assert.equal(words.find(({ text }) => text === 'modules')?.holds, 'list');
    assert.ok(keyWords(clusters, ['bed', 'constraints'], new Set()).some(({ text }) => text === 'max_walltime'));
    assert.deepEqual(keyWords(clusters, ['bed', 'host'], new Set()), []);
  });

  it('is every word of a choice', () => {
    assert.ok(valueWords(clusters, ['bed', 'scheduler']).some(({ text }) => text === 'slurm'));
    assert.deepEqual(valueWords(clusters, ['bed', 'walltime_arbitrage']).map(({ text }) => text), ['true', 'false']);
    assert.deepEqual(valueWords(playbookSchema, ['walltime_rules', '[]', 'severity']).map(({ text }) => text), ['error', 'warning', 'info']);
    assert.deepEqual(keyWords(axesSchema, ['axes', '[]'], new Set(['name'])).map(({ text }) => text), ['size']);
  });

  it('is told of a key that is there, and of no other', () => {
    const lines = ['bed:', '  scheduler: slurm', '  nonsense: 1'];
    const at = keyAt(lines, 1, 4);
    assert.deepEqual(at, { path: ['bed', 'scheduler'], start: 2, end: 11 });
    assert.match(describeKey(clusters, at?.path ?? [])?.description ?? '', /scheduler/);
    assert.equal(describeKey(clusters, ['bed', 'nonsense']), undefined);
    assert.equal(keyAt(lines, 1, 15), undefined);
  });
});
