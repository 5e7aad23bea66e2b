/** Why a job of PBS waits, from the remark that its scheduler left on it. What is not known is given as written. */

const sentences: readonly (readonly [pattern: RegExp, words: string])[] = [
  [/^Dependency$/, 'It waits for another job to end.'],
  [/Job held/i, 'It is held: it starts only after it is released.'],
  [/Insufficient amount of (server |queue )?resource:? *(?<what>\w+)/i, 'Not enough is free of'],
  [/Not enough (total |free )?(nodes|cpus|resources)/i, 'It waits until enough nodes or cores are free.'],
  [/would exceed .*(queue|server).*(run|running|max_run)|limit on (running )?jobs|User has reached|per-user limit/i, 'You run as many jobs at once as you may.'],
  [/Can Never Run|not enough total/i, 'Nothing here can ever fulfil what it asks for: it will not start.'],
  [/starving|higher priority|topjob|Draining/i, 'Jobs of higher priority go first.'],
  [/Queue not started|not in a state to run/i, 'Its queue starts no jobs now.'],
  [/dedicated time|Reservation/i, 'The nodes are kept for a reservation or for maintenance.'],
];

export function explainPbsWait(state: 'pending' | 'held', comment: string): string {
  if (/Can Never Run/i.test(comment)) return `Nothing here can ever fulfil what it asks for: ${comment.replace(/^Can Never Run: */i, '')}.`;
  for (const [pattern, words] of sentences) {
    const match = pattern.exec(comment);
    if (match) return match.groups?.what === undefined ? words : `${words} ${match.groups.what}.`;
  }
  if (comment !== '') return `PBS says: ${comment}.`;
  return state === 'held' ? 'It is held: it starts only after it is released.' : 'The scheduler has not looked at it yet.';
}
