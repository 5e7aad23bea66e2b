/**
 * The one protocol between the dashboard's page and its host. Every message is parsed by these schemas where it arrives.
 *
 * Rules: no DOM, no vscode and no Node in here or in protocol/; nothing of the page but this file and its folder may be
 * imported by the host. A view's own part lies in protocol/<view>.ts.
 */
import * as z from 'zod/mini';
import { difference } from './protocol/differences.ts';
import { overviewProtocol } from './protocol/overview.ts';
import { planProtocol } from './protocol/plan.ts';
import { resultsProtocol } from './protocol/results.ts';
import { runProtocol } from './protocol/run.ts';
import { pageCommand, pageSubject } from './protocol/subjects.ts';
import type { ViewProtocol } from './protocol/viewProtocol.ts';

export const views = { overview: overviewProtocol, run: runProtocol, results: resultsProtocol, plan: planProtocol } as const satisfies Readonly<Record<string, ViewProtocol>>;
export const viewNames = ['overview', 'run', 'results', 'plan'] as const satisfies readonly (keyof typeof views)[];

export type ViewName = keyof typeof views;
export type ParamsOf<Name extends ViewName> = z.output<(typeof views)[Name]['params']>;
export type StateOf<Name extends ViewName> = z.output<(typeof views)[Name]['state']>;
export type EventOf<Name extends ViewName> = z.output<(typeof views)[Name]['event']>;
export type RequestsOf<Name extends ViewName> = (typeof views)[Name]['requests'];
export type RequestName<Name extends ViewName> = keyof RequestsOf<Name> & string;
type Asked<Part> = Part extends { readonly input: z.ZodMiniType; readonly output: z.ZodMiniType } ? Part : never;
export type RequestInput<Name extends ViewName, Request extends RequestName<Name>> = z.input<Asked<RequestsOf<Name>[Request]>['input']>;
export type RequestOutput<Name extends ViewName, Request extends RequestName<Name>> = z.output<Asked<RequestsOf<Name>[Request]>['output']>;

/** Which view, and what it is about. */
export const route = z.object({ view: z.enum(viewNames), params: z.record(z.string(), z.string()) });
export type Route = z.output<typeof route>;

/** What the frame around the views shows. */
export const shellState = z.object({
  /** Newest first. */
  runs: z.array(z.object({ run_id: z.string(), run_name: z.string(), words: z.string() })),
  trusted: z.boolean(),
  hasFolder: z.boolean(),
});
export type ShellState = z.output<typeof shellState>;

export const toPage = z.discriminatedUnion('type', [
  /** Answers `ready`. `words`: the editor's translations, by English sentence. `route`: where to go instead of where the page was. */
  z.object({ type: z.literal('start'), words: z.record(z.string(), z.string()), language: z.string(), route: z.nullable(route) }),
  z.object({ type: z.literal('go'), route }),
  z.object({ type: z.literal('shell'), difference }),
  z.object({ type: z.literal('state'), subscription: z.number(), difference }),
  z.object({ type: z.literal('event'), subscription: z.number(), event: z.unknown() }),
  /** Why there is nothing to show, or nothing newer; null: it is well again. */
  z.object({ type: z.literal('problem'), subscription: z.number(), message: z.nullable(z.string()) }),
  z.object({ type: z.literal('answer'), id: z.number(), value: z.unknown() }),
  z.object({ type: z.literal('refusal'), id: z.number(), message: z.string() }),
]);
export type ToPage = z.output<typeof toPage>;

export const toHost = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  /** From now on this view's state, numbered by the page; null: nobody looks. */
  z.object({ type: z.literal('subscribe'), subscription: z.number(), route: z.nullable(route) }),
  z.object({ type: z.literal('action'), command: pageCommand, subject: z.optional(pageSubject) }),
  z.object({ type: z.literal('request'), id: z.number(), subscription: z.number(), name: z.string(), input: z.unknown() }),
  z.object({ type: z.literal('cancel'), id: z.number() }),
  /** A defect of the page, for the log. */
  z.object({ type: z.literal('defect'), message: z.string(), stack: z.string() }),
]);
export type ToHost = z.output<typeof toHost>;
