/** The pause before the next automatic attempt: 1, 2, 4, … 60 s, each shifted by up to a fifth so that windows do not march in step. */
const longestS = 60;

export function backoffMs(failures: number, random: () => number): number {
  const baseS = Math.min(longestS, 2 ** Math.max(0, Math.min(failures, 16) - 1));
  return Math.round(baseS * 1000 * (0.8 + 0.4 * random()));
}
