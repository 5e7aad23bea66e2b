/** How operations are called where language models see them. */

export const toolPrefix = 'hpc_';

export function toolNameOf(operation: string): string {
  return `${toolPrefix}${operation.replaceAll('-', '_')}`;
}

export function operationNameOf(tool: string): string {
  return tool.slice(toolPrefix.length).replaceAll('_', '-');
}

/** `Show the end …` as what is going on: without its full stop, for a progress line. */
export function presentSummary(summary: string): string {
  return summary.replace(/\.$/, '');
}
