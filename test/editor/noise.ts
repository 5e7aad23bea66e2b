/** Complaints of code-server that mean nothing here: it runs without its native addons, without a marketplace and offline. */
const noise = /vsda|open-vsx|No signed-in session|ERR_NETWORK|ERR_NAME_NOT_RESOLVED|marketplace|spdlog|product\.json|bindings file|^\s+(→|at )/;

export function isNoise(text: string): boolean {
  return noise.test(text);
}

export function withoutNoise(text: string): string {
  return text
    .split('\n')
    .filter((line) => !isNoise(line))
    .join('\n');
}
