/** Task ids as hpc-agent writes them: `3,7,12-14`. */

/** Of ascending ids without repetition. */
export function compactTaskIds(tasks: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < tasks.length; ) {
    const first = tasks[at] ?? 0;
    let last = first;
    for (at += 1; tasks[at] === last + 1; at += 1) last += 1;
    parts.push(first === last ? String(first) : `${first}-${last}`);
  }
  return parts.join(',');
}
