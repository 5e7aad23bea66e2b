/** Lends the room of the runs what the room of the executors knows. */
import { evaluateTasks, readEvaluator } from '../executors/evaluate.ts';
import { freezeParams } from '../executors/paramsFile.ts';
import { discoverExecutors } from '../executors/discover.ts';
import type { ExecutorPort } from '../runs/deps.ts';
import { mustTrust } from './trust.ts';

export function executorPort(experimentDir: string, assetsDirectory: string, trusted: () => boolean): ExecutorPort {
  return {
    evaluate: async ({ run, python, cwd, timeoutS, signal }) => {
      mustTrust(trusted(), 'tasks.py is not run in a workspace that is not trusted');
      const found = await evaluateTasks({ run, python, cwd, program: await readEvaluator(assetsDirectory), signal, ...(timeoutS === undefined ? {} : { timeoutS }) });
      return { ...found, flagModules: Object.keys(found.flags ?? {}) };
    },
    freeze: freezeParams,
    discover: async (signal) => (await discoverExecutors(experimentDir, { signal })).executors,
  };
}
