/** Why a job of Grid Engine waits, from its letters and from what `qstat -j` says where the site lets its scheduler explain itself. */

export interface JobWords {
  readonly errors: readonly string[];
  /** The lines of `scheduling info`. */
  readonly scheduling: readonly string[];
}

/** `qstat -j` of several jobs, reduced to what matters here. */
export function parseJobWords(text: string): ReadonlyMap<string, JobWords> {
  const words = new Map<string, { errors: string[]; scheduling: string[] }>();
  let current: { errors: string[]; scheduling: string[] } | undefined;
  let scheduling = false;
  for (const line of text.split('\n')) {
    const key = /^([a-z][a-z_ ]*?)(?:\s+\d+)?:\s*(.*)$/.exec(line);
    const id = key?.[1] === 'job_number' ? key[2]?.trim() : undefined;
    if (id !== undefined) words.set(id, (current = { errors: [], scheduling: [] }));
    if (key) scheduling = key[1] === 'scheduling info';
    if (!current) continue;
    if (key?.[1] === 'error reason' && key[2]) current.errors.push(key[2].trim());
    else if (scheduling && (key?.[2] ?? line).trim() !== '') current.scheduling.push((key?.[2] ?? line).trim());
  }
  return words;
}

const unfit = /cannot run in|because it offers only|does not (offer|match)|has no permission|no suitable/i;

export function explainSgeWait(letters: string, reason: string, words: JobWords | undefined): string {
  if (letters.includes('E')) return `It failed to start and waits for somebody: ${words?.errors[0] ?? 'see qstat -j'}. Correct that, then clear it with qmod -cj, or delete it.`;
  if (reason === 'Dependency') return 'It waits for another job to end.';
  if (letters.includes('h')) return 'It is held: it starts only after it is released.';
  const lines = words?.scheduling ?? [];
  const telling = lines.find((line) => unfit.test(line));
  const passed = lines.flatMap((line) => /^queue instance "([^"]*)" dropped because it is (.*)$/.exec(line)?.slice(1).join(' is ') ?? []);
  // Grid Engine itself then sums it up as "overload or full".
  if (passed.length > 0 && !telling && !passed.some((line) => / is (full|overloaded)/.test(line))) return `No queue takes jobs at the moment: ${passed.slice(0, 3).join(', ')}${passed.length > 3 ? `, and ${passed.length - 3} more` : ''}.`;
  if (lines.some((line) => /overload or full|because it is full/i.test(line)) && !telling) return 'All queues that it may use are full.';
  if (lines.some((line) => /exceeds limit|quota/i.test(line))) return `A quota is reached: ${lines.find((line) => /exceeds limit|quota/i.test(line)) ?? ''}.`;
  if (telling) return `No queue fits at the moment: ${telling.replace(/^\(-l [^)]*\) /, '')}${lines.length > 1 ? `, and ${lines.length - 1} more such remarks` : ''}.`;
  return lines[0] ?? 'It waits for its turn; this Grid Engine does not say why.';
}
