/**
 * Log paths with the placeholders `%A` (array job), `%a` (element) and `%j` (plain job): Slurm's, which `background` speaks too.
 *
 * Rule: `%` in a folder's name is doubled, or it would be expanded.
 */
export function logPattern(directory: string, key: string, stream: 'out' | 'err', array: boolean): string {
  return `${`${directory.replace(/\/+$/, '')}/${key}`.replaceAll('%', '%%')}${array ? '.%A_%a' : '.%j'}.${stream}`;
}

export function resolveLogPattern(pattern: string, jobId: string, index: number | undefined): string {
  return pattern.replaceAll(/%([%Aaj])/g, (whole, placeholder: string) => {
    if (placeholder === '%') return '%';
    // In an array `%j` is the element's own job id, which only Slurm knows; our array patterns do not hold it.
    if (placeholder === 'A' || (placeholder === 'j' && index === undefined)) return jobId;
    return placeholder === 'a' && index !== undefined ? String(index) : whole;
  });
}
