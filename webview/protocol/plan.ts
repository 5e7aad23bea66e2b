/** What the Plan view shows and asks. */
import * as z from 'zod/mini';
import type { ViewProtocol } from './viewProtocol.ts';

export const planProtocol = {
  params: z.object({ run: z.optional(z.string()) }),
  state: z.object({ ready: z.boolean() }),
  event: z.never(),
  requests: {},
} as const satisfies ViewProtocol;
