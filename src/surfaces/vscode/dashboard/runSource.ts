/** What the Run view shows. */
import type { ViewSource } from './viewSource.ts';

export const runSource: ViewSource<'run'> = {
  open(context) {
    context.publish({ ready: true });
    return { requests: {}, dispose: () => undefined };
  },
};
