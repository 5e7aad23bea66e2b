/** Every view of the page. A new one: its protocol (protocol/<name>.ts, protocol.ts), its file here, its source at the host. */
import type { ViewDefinition } from '../app/view.ts';
import type { ViewName } from '../protocol.ts';
import { overviewView } from './overview.ts';
import { planView } from './plan.ts';
import { resultsView } from './results.ts';
import { runView } from './run.ts';

export const definitions: { readonly [Name in ViewName]: ViewDefinition<Name> } = { overview: overviewView, run: runView, results: resultsView, plan: planView };
