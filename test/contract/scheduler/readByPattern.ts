/** What a program on the cluster makes of an answer by a dialect's patterns must be what the dialect's own parser makes of it. */
import assert from 'node:assert/strict';
import { HpcError } from '../../../src/foundation/errors.ts';
import type { CommandOutput, FindQuery, Query } from '../../../src/scheduler/port.ts';

const isFind = (query: Query<unknown>): query is FindQuery => 'patterns' in query;

/** As `ask_for_name` of `hpc_renewal.py`. */
export function readByPattern(query: FindQuery, output: CommandOutput): 'absent' | 'no answer' | 'no source' | { readonly jobId: string | undefined } {
  assert.ok(query.patterns);
  const { jobId, whole, noSource } = query.patterns;
  const text = `${output.stdout.replaceAll('\r\n', '\n').replaceAll('\n\t', '')}\n${output.stderr}`;
  const match = new RegExp(jobId, 'm').exec(text);
  if (match) return { jobId: match[1] };
  if (new RegExp(noSource, 'm').test(text)) return 'no source';
  return output.exitCode === 0 && new RegExp(whole, 'm').test(text) ? 'absent' : 'no answer';
}

/** Parses, and holds the patterns of a question after a name against the outcome. */
export function parseBothWays<T>(query: Query<T>, output: CommandOutput): T {
  if (!isFind(query) || query.patterns === undefined) return query.parse(output, true);
  const seen = readByPattern(query, output);
  let parsed: T;
  try {
    parsed = query.parse(output, true);
  } catch (error) {
    assert.equal(seen, HpcError.is(error) && error.details?.reason === 'accounting_disabled' ? 'no source' : 'no answer', String(error));
    throw error;
  }
  const ids = (parsed as readonly { readonly jobId: string }[]).map(({ jobId }) => jobId);
  assert.ok(typeof seen === 'object' ? ids.includes(seen.jobId ?? '') : ids.length === 0 && seen === 'absent', `${JSON.stringify(seen)} by the patterns, ${ids.join()} by the parser:\n${output.stdout.slice(0, 2000)}`);
  return parsed;
}
