/**
 * Where the page was: its route and what each view wants to find again. Kept by VS Code over hiding, reload and restart.
 *
 * Rule: what is read back is parsed; what does not fit is forgotten, never an error.
 */
import * as z from 'zod/mini';
import { route, type Route, type ViewName } from '../protocol.ts';
import type { VsCodeApi } from './vscodeApi.ts';

const stored = z.object({ version: z.literal(1), route: z.nullable(route), views: z.record(z.string(), z.unknown()) });
type Stored = z.output<typeof stored>;

export class PageMemory {
  private readonly api: VsCodeApi;
  private state: Stored;

  constructor(api: VsCodeApi) {
    this.api = api;
    const read = z.safeParse(stored, api.getState());
    this.state = read.success ? read.data : { version: 1, route: null, views: {} };
  }

  get route(): Route | null {
    return this.state.route;
  }

  setRoute(value: Route): void {
    this.keep({ ...this.state, route: value });
  }

  recall<T>(view: ViewName, schema: z.ZodMiniType<T>): T | undefined {
    const read = z.safeParse(schema, this.state.views[view]);
    return read.success ? read.data : undefined;
  }

  remember(view: ViewName, value: unknown): void {
    this.keep({ ...this.state, views: { ...this.state.views, [view]: value } });
  }

  private keep(state: Stored): void {
    this.state = state;
    this.api.setState(state);
  }
}
