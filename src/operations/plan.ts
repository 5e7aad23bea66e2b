import { defineOperation } from './operation.ts';
import { planOutput, runSpec } from './schemas.ts';
import { planOutputOf, requestOf } from './runRequest.ts';

export const plan = defineOperation({
  name: 'plan',
  kind: 'validate',
  summary: 'Show what submitting would do: tasks, arrays, waves, cost, and what is wrong with it. Submits nothing.',
  guidance: 'Use before submit and show the person the headline, the findings and any earlier run of the same tasks. A verdict of fail means that submit would refuse.',
  input: runSpec,
  output: planOutput,
  idempotent: true,
  tool: true,
  run: async (spec, context) => {
    const { planRun } = await import('../runs/planRun.ts');
    const { deps, request } = await requestOf(spec, context);
    return planOutputOf(await planRun(request, deps, context), deps);
  },
});
