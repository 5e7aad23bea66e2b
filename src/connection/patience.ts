/** A time limit that stands still while a person is being asked: it is for hosts that do not answer, not for people who think. */
export interface Patience {
  whileAsking<T>(answer: Promise<T>): Promise<T>;
  dispose(): void;
}

export function createPatience(limitMs: number, onEnd: () => void): Patience {
  let asking = 0;
  let disposed = false;
  let timer: NodeJS.Timeout | undefined;
  const watch = (): void => {
    clearTimeout(timer);
    if (!disposed && asking === 0) timer = setTimeout(onEnd, limitMs);
  };
  watch();
  return {
    whileAsking: async (answer) => {
      asking += 1;
      watch();
      try {
        return await answer;
      } finally {
        asking -= 1;
        watch();
      }
    },
    dispose: () => {
      disposed = true;
      clearTimeout(timer);
    },
  };
}
