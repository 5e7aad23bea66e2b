/** The Run view. */
import { html } from 'lit';
import { l10n } from '../app/words.ts';
import type { ViewDefinition } from '../app/view.ts';

export const runView: ViewDefinition<'run'> = {
  name: 'run',
  open: () => ({
    draw: (state) => html`<h1>${l10n.t('Run')}</h1>
        <p>${state === undefined ? l10n.t('Reading…') : l10n.t('Nothing to show yet.')}</p>`,
  }),
};
