/** What the Plan view shows. */
import type { ViewSource } from './viewSource.ts';

export const planSource: ViewSource<'plan'> = {
  open(context) {
    context.publish({ ready: true });
    return { requests: {}, dispose: () => undefined };
  },
};
