/**
 * One reading at a time. Rule: who asks while one goes on gets the next, since what was changed may be missing in this one; all who ask meanwhile
 * share that next one. So an older answer never takes the place of a newer one.
 */
export function inTurn(read: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  return () => {
    next ??= current
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        current = read();
        return current;
      });
    return next;
  };
}
