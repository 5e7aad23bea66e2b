/** What the Overview view shows. */
import type { ViewSource } from './viewSource.ts';

export const overviewSource: ViewSource<'overview'> = {
  open(context) {
    context.publish({ ready: true });
    return { requests: {}, dispose: () => undefined };
  },
};
