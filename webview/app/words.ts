/** A count with its noun. */
import { l10n } from '../../l10n/words.ts';

export function counted(count: number, noun: 'task' | 'array' | 'wave' | 'changed file' | 'resubmission' | 'core' | 'node' | 'run'): string {
  switch (noun) {
    case 'task':
      return l10n.t('{0, plural, one {# task} other {# tasks}}', count);
    case 'array':
      return l10n.t('{0, plural, one {# array} other {# arrays}}', count);
    case 'wave':
      return l10n.t('{0, plural, one {# wave} other {# waves}}', count);
    case 'changed file':
      return l10n.t('{0, plural, one {# changed file} other {# changed files}}', count);
    case 'resubmission':
      return l10n.t('{0, plural, one {# resubmission} other {# resubmissions}}', count);
    case 'core':
      return l10n.t('{0, plural, one {# core} other {# cores}}', count);
    case 'node':
      return l10n.t('{0, plural, one {# node} other {# nodes}}', count);
    case 'run':
      return l10n.t('{0, plural, one {# run} other {# runs}}', count);
  }
}
