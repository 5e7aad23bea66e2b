/**
 * `.hpc/playbook.yaml`: what a project knows of its own runs (hpc-agent's file). Rules on the time limit, and combinations of a GPU
 * and a kind of work that are known to go wrong. A file that cannot be read is told with its line, and none of it is used.
 */
import * as path from 'node:path';
import type { Document, LineCounter, Node } from 'yaml';
import { readTextIfThere } from '../foundation/atomicFile.ts';
import { messageOf } from '../foundation/errors.ts';
import { hpcDirectory } from './workspace.ts';

export type Severity = 'error' | 'warning' | 'info';

export interface WalltimeRule {
  readonly belowQuantile: number;
  readonly severity: Severity;
  readonly message: string;
}

export interface KnownBadCombination {
  readonly gpu: string;
  readonly workloadTag: string;
  readonly severity: Severity;
  readonly reason: string;
}

export interface Playbook {
  readonly walltimeRules: readonly WalltimeRule[];
  readonly knownBad: readonly KnownBadCombination[];
}

export interface PlaybookProblem {
  readonly file: string;
  /** From 1; null where the whole file could not be read. */
  readonly line: number | null;
  readonly message: string;
}

/** Where the project has no rules of its own. */
export const defaultWalltimeRules: readonly WalltimeRule[] = [{ belowQuantile: 0.95, severity: 'warning', message: 'The time limit is below what the slowest tasks took before.' }];

class Fault extends Error {
  constructor(
    message: string,
    readonly path: readonly (string | number)[],
  ) {
    super(message);
  }
}

export async function readPlaybook(experimentDir: string): Promise<Playbook | PlaybookProblem> {
  const file = path.join(hpcDirectory(experimentDir), 'playbook.yaml');
  try {
    return await parsePlaybook((await readTextIfThere(file)) ?? '', file);
  } catch (error) {
    return { file, line: null, message: messageOf(error) };
  }
}

export async function parsePlaybook(text: string, file: string): Promise<Playbook | PlaybookProblem> {
  const { LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  // Python's reader takes YAML 1.1.
  const document = parseDocument(text, { lineCounter: lines, version: '1.1', prettyErrors: false });
  const [error] = document.errors;
  if (error) return { file, line: lines.linePos(error.pos[0]).line, message: error.message };
  try {
    const whole: unknown = document.toJS({ maxAliasCount: 100 });
    if (whole === null || whole === undefined) return { walltimeRules: [], knownBad: [] };
    if (!isMap(whole)) throw new Fault('the file must be a mapping', []);
    return { walltimeRules: listOf(whole, 'walltime_rules').map(walltimeRule), knownBad: listOf(whole, 'known_bad_combinations').map(knownBad) };
  } catch (fault) {
    if (!(fault instanceof Fault)) return { file, line: null, message: messageOf(fault) };
    return { file, line: lineOf(document, fault.path, lines), message: fault.message };
  }
}

type Map_ = Readonly<Record<string, unknown>>;
const isMap = (value: unknown): value is Map_ => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Of the value itself, or of the nearest thing around it that is there. */
function lineOf(document: Document, place: readonly (string | number)[], lines: LineCounter): number {
  for (let length = place.length; length > 0; length -= 1) {
    const node = document.getIn(place.slice(0, length), true) as Node | undefined;
    if (node?.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

function listOf(whole: Map_, name: string): readonly { readonly name: string; readonly index: number; readonly entry: Map_ }[] {
  const value = whole[name];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new Fault(`${name} must be a list`, [name]);
  return value.map((entry: unknown, index) => {
    if (!isMap(entry)) throw new Fault(`${name}[${index}] must be a mapping`, [name, index]);
    return { name, index, entry };
  });
}

function severityOf(value: unknown, place: readonly (string | number)[]): Severity {
  if (value === 'error' || value === 'warning' || value === 'info') return value;
  throw new Fault(`severity must be error, warning or info${value === undefined ? ', and is missing' : `, not ${JSON.stringify(value)}`}`, [...place, 'severity']);
}

function walltimeRule({ name, index, entry }: ReturnType<typeof listOf>[number]): WalltimeRule {
  const quantile = typeof entry.below_quantile === 'string' && entry.below_quantile.trim() !== '' ? Number(entry.below_quantile) : entry.below_quantile;
  if (typeof quantile !== 'number' || !(quantile >= 0 && quantile <= 1)) throw new Fault(`${name}[${index}].below_quantile must be a number from 0 to 1`, [name, index, 'below_quantile']);
  return {
    belowQuantile: quantile,
    severity: severityOf(entry.severity ?? 'warning', [name, index]),
    message: typeof entry.message === 'string' ? entry.message : (defaultWalltimeRules[0]?.message ?? ''),
  };
}

function knownBad({ name, index, entry }: ReturnType<typeof listOf>[number]): KnownBadCombination {
  const text = (key: string): string => {
    const value = entry[key];
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    throw new Fault(`${name}[${index}] needs ${key}`, [name, index, key]);
  };
  return { gpu: text('gpu'), workloadTag: text('workload_tag'), severity: severityOf(entry.severity, [name, index]), reason: typeof entry.reason === 'string' ? entry.reason : '' };
}
