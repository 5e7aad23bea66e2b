/** The source of each view, loaded when the page first shows it. */
import type { ViewName } from '../../../../webview/protocol.ts';
import type { ViewSource } from './viewSource.ts';

export const sources: { readonly [Name in ViewName]: () => Promise<ViewSource<Name>> } = {
  overview: async () => (await import('./overviewSource.ts')).overviewSource,
  run: async () => (await import('./runSource.ts')).runSource,
  results: async () => (await import('./resultsSource.ts')).resultsSource,
  plan: async () => (await import('./planSource.ts')).planSource,
};
