/** When to ask the clusters again. Nothing is asked that nobody looks at, and nothing that has ended. */

export interface CadenceFacts {
  readonly visible: boolean;
  /** Whether the window has the user's attention. */
  readonly focused: boolean;
  readonly openRuns: number;
  /** Whether every open run is on this machine, where asking costs nothing. */
  readonly onlyLocal: boolean;
  readonly consecutiveFailures: number;
  /** The user's setting for clusters. */
  readonly intervalS: number;
}

export const localIntervalMs = 5000;
const longestMs = 15 * 60_000;

/** Milliseconds until the next refresh; undefined: do not ask until something changes. */
export function nextRefreshMs(facts: CadenceFacts): number | undefined {
  if (!facts.visible || facts.openRuns === 0) return undefined;
  const base = facts.onlyLocal ? localIntervalMs : Math.max(5, facts.intervalS) * 1000;
  const attention = facts.focused ? 1 : 4;
  return Math.min(longestMs, base * attention * 2 ** Math.min(facts.consecutiveFailures, 6));
}
