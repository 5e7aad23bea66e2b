/** Pieces of the patterns by which a program on the cluster finds a job by its name (`FindQuery`). */

/** A job name within a regular expression of Python's: of what a name may hold, only the dot means something there. */
export function patternOf(name: string): string {
  return name.replaceAll('.', String.raw`\.`);
}

/** Matches nothing. */
export const noPattern = '(?!)';
