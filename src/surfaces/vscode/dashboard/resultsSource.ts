/** What the Results view shows. */
import type { ViewSource } from './viewSource.ts';

export const resultsSource: ViewSource<'results'> = {
  open(context) {
    context.publish({ ready: true });
    return { requests: {}, dispose: () => undefined };
  },
};
