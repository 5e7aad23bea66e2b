/**
 * What a job carries with it so that it is found and known again: its whole name and its comment, as two variables.
 *
 * Rules: PBS has no comment of the user's, and older ones refuse names above 15 characters. So both travel in the job's
 * Variable_List, written with letters that no form of qstat's output changes; a name that was refused is replaced by a short
 * one that is made from it and nothing else.
 */
import { sha256Hex } from '../../foundation/ids.ts';
import type { PbsRecord } from './records.ts';

export const nameVariable = 'HPC_AGENT_NAME';
export const commentVariable = 'HPC_AGENT_COMMENT';

/** 15 characters, the same for the same name. All jobs of one held node share one: what submits the next knows the name only with `NEXT` in it. */
export function shortJobName(name: string): string {
  return name.length <= 15 ? name : `h${sha256Hex(name.replace(hop, '-hNEXT-')).slice(0, 14)}`;
}

const hop = /-h\d+-/;

/** Whether the short name stands for this name alone. */
export function isShortNameItsOwn(name: string): boolean {
  return !hop.test(name);
}

/** The word for `-v`. The leading `c-` keeps a comment of digits from being read as a number. */
export function carriedVariables(name: string, comment: string): string {
  const safe = encodeURIComponent(comment).replaceAll(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
  return `${nameVariable}=${name},${commentVariable}=c-${safe}`;
}

/** A variable of the job, from either form; undefined where the list does not hold it. */
function variableOf(record: PbsRecord, name: string): string | undefined {
  const own = record.attributes.get(`Variable_List.${name}`);
  if (own !== undefined) return own;
  return new RegExp(`(?:^|,)${name}=([^,\\s]*)`).exec(record.attributes.get('Variable_List') ?? '')?.[1];
}

export function nameOf(record: PbsRecord): string {
  return variableOf(record, nameVariable) ?? record.attributes.get('Job_Name') ?? '';
}

export function commentOf(record: PbsRecord): string {
  const text = variableOf(record, commentVariable);
  if (text?.startsWith('c-') !== true) return '';
  try {
    return decodeURIComponent(text.slice(2));
  } catch {
    return '';
  }
}
