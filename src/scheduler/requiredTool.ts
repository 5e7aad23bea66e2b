/** The absolute path of a scheduler's program, or the typed error that says it is not there. */
import { HpcError } from '../foundation/errors.ts';
import type { SchedulerTools } from './port.ts';

export function requiredTool(name: string, tools: SchedulerTools): string {
  const path = tools.tools[name];
  if (path !== undefined && path !== '') return path;
  throw new HpcError('config_invalid', `The login environment has no program ${name}.`, {
    remediation: `Load the module that provides ${name} in your login shell's start-up files, or choose another scheduler for this cluster; then reconnect.`,
  });
}
