import assert from 'node:assert/strict';
import { l10n, setWords } from '../../../l10n/words.ts';

describe('sentences for people (unit)', () => {
  afterEach(() => setWords({}, 'en'));

  it('puts values where the sentence wants them, numbers as the language writes them', () => {
    assert.equal(l10n.t('{0} of {1} on {0}', 'a', 1234), 'a of 1,234 on a');
    setWords({ '{0} of {1} on {0}': '{1} von {0}' }, 'de');
    assert.equal(l10n.t('{0} of {1} on {0}', 'a', 1234.5), '1.234,5 von a');
    assert.equal(l10n.t('port {0}', '8888'), 'port 8888');
  });

  it('does not read places in what is put in', () => {
    assert.equal(l10n.t('{0} and {1}', '{1}', '{0, plural, other {x}}'), '{1} and {0, plural, other {x}}');
  });

  it('takes the form of the language of the sentence', () => {
    const sentence = '{1}: {0, plural, one {# task of {1}} other {# tasks of {1}}}';
    assert.equal(l10n.t(sentence, 1, 'r'), 'r: 1 task of r');
    assert.equal(l10n.t(sentence, 2000, 'r'), 'r: 2,000 tasks of r');
    setWords({ [sentence]: '{0, plural, one {# zadanie} few {# zadania} many {# zadań} other {# zadania}}' }, 'pl');
    assert.deepEqual([1, 3, 5, 22].map((count) => l10n.t(sentence, count, 'r')), ['1 zadanie', '3 zadania', '5 zadań', '22 zadania']);
  });

  it('says in English what has no translation yet, by the forms of English', () => {
    const sentence = '{0, plural, one {# run} other {# runs}}';
    setWords({ [sentence]: '' }, 'fr');
    assert.equal(l10n.t(sentence, 0), '0 runs');
    assert.equal(l10n.t('toString'), 'toString');
  });

  it('bears a language name that is no language tag', () => {
    setWords({}, 'not a language');
    assert.equal(l10n.number(1234.5), '1,234.5');
    assert.equal(l10n.language, 'en');
  });

  it('lists as the language lists', () => {
    assert.equal(l10n.list(['a', 'b', 'c']), 'a, b, and c');
    setWords({}, 'de');
    assert.equal(l10n.list(['a', 'b', 'c']), 'a, b und c');
  });
});
