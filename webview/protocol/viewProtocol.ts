/** What a view and its source may say to each other, as schemas: parsed where it arrives, on both sides. No DOM and no vscode in here. */
import type * as z from 'zod/mini';

/** A question of the page that is answered once. */
export interface RequestProtocol {
  readonly input: z.ZodMiniType;
  readonly output: z.ZodMiniType;
}

export interface ViewProtocol {
  /** What the view is about: the parameters of its route, all optional strings. */
  readonly params: z.ZodMiniType;
  /** What it shows: plain JSON, sent whole once and then as differences. Keep it small: what is large goes by events. */
  readonly state: z.ZodMiniType;
  /** What is sent as it is and not compared: packed columns, pieces of a log. */
  readonly event: z.ZodMiniType;
  readonly requests: Readonly<Record<string, RequestProtocol>>;
}
