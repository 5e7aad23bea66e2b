/** The Overview view. */
import { html } from 'lit';
import { l10n } from '../app/words.ts';
import type { ViewDefinition } from '../app/view.ts';

export const overviewView: ViewDefinition<'overview'> = {
  name: 'overview',
  open: () => ({
    draw: (state) => html`<h1>${l10n.t('Overview')}</h1>
        <p>${state === undefined ? l10n.t('Reading…') : l10n.t('Nothing to show yet.')}</p>`,
  }),
};
