/** The order of the table. Rules: what has no value comes last in both directions; equal ones keep the order of their tasks. */
import { compareValues } from './axis.ts';
import type { Point } from './points.ts';

export interface Order {
  readonly kind: 'parameter' | 'metric' | 'tasks';
  readonly name: string;
  readonly descending: boolean;
}

function keyOf(point: Point, order: Order): unknown {
  if (order.kind === 'parameter') return point.parameters[order.name];
  if (order.kind === 'metric') return point.metrics[order.name];
  return point.tasks[0];
}

export function ordered(points: readonly Point[], order: Order | undefined): readonly Point[] {
  if (!order) return points;
  const sign = order.descending ? -1 : 1;
  return points
    .map((point, index) => ({ point, index, key: keyOf(point, order) ?? undefined }))
    .sort((a, b) => {
      if (a.key === undefined || b.key === undefined) return Number(a.key === undefined) - Number(b.key === undefined) || a.index - b.index;
      return sign * compareValues(a.key, b.key) || a.index - b.index;
    })
    .map(({ point }) => point);
}

/** The next order when a column's head is pressed: its own direction first, then the other, then none. */
export function nextOrder(current: Order | undefined, pressed: Pick<Order, 'kind' | 'name'>, firstDescending: boolean): Order | undefined {
  if (current?.kind !== pressed.kind || current.name !== pressed.name) return { ...pressed, descending: firstDescending };
  return current.descending === firstDescending ? { ...pressed, descending: !firstDescending } : undefined;
}
