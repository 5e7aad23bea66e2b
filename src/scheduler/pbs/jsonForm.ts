/**
 * The JSON form of `qstat -f -F json`, read leniently.
 *
 * Rules: a user's environment can break the document (unquoted NaN, raw control characters, invalid UTF-8, variables swallowed by an
 * empty one), so each job stands for itself: one that cannot be read is listed and skipped, never guessed. Numbers keep their text. One
 * generation of clients prints only the first of several ids, so a missing job means nothing here.
 */
import type { PbsRecord, PbsRecords, PbsSubject } from './records.ts';

type Json = string | readonly Json[] | { readonly [key: string]: Json };

const sections: Readonly<Record<PbsSubject, string>> = { 'Job Id': 'Jobs', Queue: 'Queue', Server: 'Server' };

class Unreadable extends Error {}

class Reader {
  at = 0;
  constructor(readonly text: string) {}

  space(): void {
    while (/\s/.test(this.text[this.at] ?? '')) this.at += 1;
  }
  peek(): string {
    this.space();
    return this.text[this.at] ?? '';
  }
  take(mark: string): void {
    if (this.peek() !== mark) throw new Unreadable();
    this.at += 1;
  }
  string(): string {
    this.take('"');
    let value = '';
    for (;;) {
      const letter = this.text[this.at];
      if (letter === undefined) throw new Unreadable();
      this.at += 1;
      if (letter === '"') return value;
      if (letter !== '\\') {
        value += letter;
        continue;
      }
      const escaped = this.text[this.at] ?? '';
      this.at += 1;
      const hex = escaped === 'u' ? /^[0-9a-fA-F]{4}/.exec(this.text.slice(this.at, this.at + 4))?.[0] : undefined;
      if (hex !== undefined) this.at += 4;
      value += hex === undefined ? ({ n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' }[escaped] ?? escaped) : String.fromCharCode(Number.parseInt(hex, 16));
    }
  }
  value(): Json {
    const mark = this.peek();
    if (mark === '"') return this.string();
    if (mark === '{') return Object.fromEntries(this.entries());
    if (mark === '[') {
      const list: Json[] = [];
      this.take('[');
      while (this.peek() !== ']') {
        list.push(this.value());
        if (this.peek() === ',') this.at += 1;
      }
      this.at += 1;
      return list;
    }
    // A number, true, null, NaN: kept as it is written.
    const word = /^[^\s,{}[\]":]+/.exec(this.text.slice(this.at, this.at + 400))?.[0];
    if (word === undefined) throw new Unreadable();
    this.at += word.length;
    return word;
  }
  entries(): [string, Json][] {
    const found: [string, Json][] = [];
    this.take('{');
    while (this.peek() !== '}') {
      const key = this.string();
      this.take(':');
      found.push([key, this.value()]);
      if (this.peek() === ',') this.at += 1;
      else if (this.peek() !== '}') throw new Unreadable();
    }
    this.at += 1;
    return found;
  }
}

function flatten(value: Json, prefix: string, into: Map<string, string>): Map<string, string> {
  for (const [key, item] of Object.entries(value)) {
    const name = prefix === '' ? key : `${prefix}.${key}`;
    if (typeof item === 'string') into.set(name, item);
    else if (Array.isArray(item)) into.set(name, JSON.stringify(item));
    else flatten(item, name, into);
  }
  return into;
}

/** Where the next entry of the section begins: a line with nothing but a key and an opening brace, indented as the first one is. */
function nextEntry(text: string, from: number, indent: string): number {
  const found = new RegExp(`\\n${indent}"[^"\\n]*":\\s*\\{`).exec(text.slice(from));
  return found === null ? -1 : from + found.index + 1;
}

export function readJsonForm(text: string, subject: PbsSubject): PbsRecords {
  const records: PbsRecord[] = [];
  const malformed: string[] = [];
  const start = new RegExp(`^\\s*"${sections[subject]}":\\s*\\{`, 'm').exec(text);
  if (!start) return { records, malformed };
  const reader = new Reader(text);
  reader.at = start.index + start[0].length;
  const indent = /\n([ \t]*)"/.exec(text.slice(reader.at))?.[1] ?? '';
  while (reader.peek() === '"') {
    const begin = reader.at;
    let id = '';
    try {
      id = reader.string();
      reader.take(':');
      const entries = Object.fromEntries(reader.entries());
      records.push({ id, attributes: flatten(entries, '', new Map()) });
      if (reader.peek() === ',') reader.at += 1;
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      malformed.push(`${subject}: ${id}`);
      const next = nextEntry(text, begin + 1, indent);
      if (next < 0) return { records, malformed };
      reader.at = next;
    }
  }
  return { records, malformed };
}
