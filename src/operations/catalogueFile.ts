/** What `schemas/catalogue.json` says of each operation; written by `npm run schemas`, in the catalogue's order. */
import * as z from 'zod/mini';
import type { Operation } from './operation.ts';

export const catalogueEntry = z.object({
  name: z.string(),
  kind: z.string(),
  summary: z.string(),
  guidance: z.string(),
  idempotent: z.boolean(),
  confirms: z.boolean(),
  tool: z.boolean(),
});

export function catalogueEntryOf({ name, kind, summary, guidance, idempotent, confirms, tool }: Operation): z.output<typeof catalogueEntry> {
  return { name, kind, summary, guidance, idempotent, confirms, tool };
}
