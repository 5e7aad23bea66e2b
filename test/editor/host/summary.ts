/**
 * Figures that suites add to the summary. Each suite is bundled by itself, so they meet on `globalThis`, under a key that
 * nothing else uses.
 */
const key = Symbol.for('hpc-agent.test.measurements');
const shared = globalThis as { [key]?: Record<string, number> };

export function measure(name: string, value: number): void {
  (shared[key] ??= {})[name] = value;
}

export function measurements(): Readonly<Record<string, number>> {
  return shared[key] ?? {};
}
