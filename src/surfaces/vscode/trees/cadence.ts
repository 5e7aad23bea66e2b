/** How old what is shown may be before the clusters are asked again. Nothing is asked that has ended. */

export interface CadenceFacts {
  readonly visible: boolean;
  /** Whether the window has the user's attention. */
  readonly focused: boolean;
  /** Whether the cluster is this machine, where asking costs nothing. */
  readonly isLocal: boolean;
  /** The user's setting for clusters. */
  readonly intervalS: number;
}

export const localIntervalMs = 5000;

/** A window that nobody looks at only wants to tell when something ends. */
const hiddenFactor = 10;
const unfocusedFactor = 4;

export function refreshIntervalMs(facts: CadenceFacts): number {
  const base = facts.isLocal ? localIntervalMs : Math.max(5, facts.intervalS) * 1000;
  return base * (facts.visible ? (facts.focused ? 1 : unfocusedFactor) : hiddenFactor);
}
