/**
 * The text form of `qstat -f`: a heading, attributes indented by four spaces, long lines folded by a line break and a tab.
 *
 * Rules: folding loses nothing, so unfolding is taking it out again. A value may hold a raw line break (a variable of the user's
 * environment does): a line that is neither an attribute nor folded belongs to the value before it. Where such a value names an attribute
 * twice, nobody can tell which is true, and the record decides nothing.
 */
import type { PbsRecord, PbsRecords, PbsSubject } from './records.ts';

const attributeLine = /^ {4}([A-Za-z_][\w.-]*) = ?(.*)$/;

export function readTextForm(text: string, subject: PbsSubject): PbsRecords {
  const records: PbsRecord[] = [];
  const malformed: string[] = [];
  let open: { id: string; attributes: Map<string, string>; last: string; doubled: boolean } | undefined;
  const close = (whole: boolean): void => {
    if (!open) return;
    if (whole && !open.doubled && open.id !== '') records.push({ id: open.id, attributes: open.attributes });
    else malformed.push(`${subject}: ${open.id}`);
    open = undefined;
  };
  const heading = `${subject}: `;
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  for (const [number, line] of lines.entries()) {
    if (line.startsWith(heading)) {
      close(true);
      open = { id: line.slice(heading.length).trim(), attributes: new Map(), last: '', doubled: false };
      continue;
    }
    if (!open) continue;
    const attribute = attributeLine.exec(line);
    if (attribute) {
      const [, name = '', value = ''] = attribute;
      if (open.attributes.has(name)) open.doubled = true;
      else open.attributes.set(name, value);
      open.last = name;
    } else if (line === '') {
      // The last piece of the split is no line: a record that ends with it was cut.
      close(number < lines.length - 1);
    } else if (open.last !== '') {
      open.attributes.set(open.last, `${open.attributes.get(open.last) ?? ''}${line.startsWith('\t') ? line.slice(1) : `\n${line}`}`);
    } else open.doubled = true;
  }
  close(false);
  return { records, malformed };
}
