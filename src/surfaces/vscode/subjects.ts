/** What a command is about, from whatever the editor hands over: a tree element, a row, a subject, or nothing. */
import type { Subject } from './trees/node.ts';

export type SubjectOf<Kind extends Subject['kind']> = Extract<Subject, { kind: Kind }>;

const kinds: readonly string[] = ['run', 'wave', 'tasks', 'task', 'cluster', 'reservation', 'file', 'none'] satisfies readonly Subject['kind'][];

export function subjectOf(argument: unknown): Subject | undefined {
  if (typeof argument !== 'object' || argument === null) return undefined;
  if ('node' in argument) return subjectOf(argument.node);
  if ('subject' in argument) return subjectOf(argument.subject);
  return 'kind' in argument && typeof argument.kind === 'string' && kinds.includes(argument.kind) ? (argument as Subject) : undefined;
}

/** The subjects of all selected rows where the clicked one is among them, as lists do. */
export function selectedSubjects(argument: unknown, selected: unknown): readonly Subject[] {
  const rows: readonly unknown[] = Array.isArray(selected) && selected.includes(argument) ? selected : [argument];
  return rows.flatMap((row) => subjectOf(row) ?? []);
}

export function runIdOf(subject: Subject | undefined): string | undefined {
  return subject && 'runId' in subject ? subject.runId : undefined;
}
