/** How durations are written, for surfaces that check them while they are typed. */
import { parseDurationS as parse } from '../../cluster/units.ts';

export function parseDurationS(text: string): number | undefined {
  return parse(text);
}
