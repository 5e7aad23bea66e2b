/**
 * Jobs as `qstat -f` describes them, from its text or its JSON form.
 *
 * Rules: attributes are flat (`resources_used.mem`), values are text as printed. A record counts only when it is whole: closed by
 * the next one or by an empty line in text, by its brace in JSON. Whatever is not is listed as malformed and decides nothing.
 */
import { readJsonForm } from './jsonForm.ts';
import { readTextForm } from './textForm.ts';

export interface PbsRecord {
  /** As printed: `123[4].server`. */
  readonly id: string;
  readonly attributes: ReadonlyMap<string, string>;
}

export interface PbsRecords {
  readonly records: readonly PbsRecord[];
  readonly malformed: readonly string[];
}

/** Queues, servers and nodes have the same forms under other headings. */
export type PbsSubject = 'Job Id' | 'Queue' | 'Server';

/** Either form, told apart by its first character: a site's wrapper may choose for everybody. */
export function readRecords(text: string, subject: PbsSubject = 'Job Id'): PbsRecords {
  const trimmed = text.trimStart();
  return trimmed.startsWith('{') ? readJsonForm(trimmed, subject) : readTextForm(text, subject);
}
