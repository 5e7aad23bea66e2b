/** What each slash command asks of operations. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { HpcError } from '../../../foundation/errors.ts';
import type { RunSummary } from '../../../operations/schemas.ts';
import type { Editor } from '../editor.ts';
import { rememberedResources } from '../sweep/clusterSteps.ts';
import { runSpecOf } from '../sweep/draft.ts';
import { cancelAnswer, causesOf, discoverAnswer, helpAnswer, planAnswer, resultsAnswer, runMeant, runsAnswer, statusAnswer, whyAnswer, type ChatAnswer } from './answers.ts';

export interface AnswerContext {
  readonly editor: Editor;
  readonly folder: string;
  readonly signal: AbortSignal;
}

export async function answerTo(command: string | undefined, prompt: string, context: AnswerContext): Promise<ChatAnswer> {
  const { editor, ...options } = context;
  const { core } = editor;
  switch (command) {
    case 'discover': {
      const { discover } = await import('../../../operations/discover.ts');
      return discoverAnswer((await core.call(discover, {}, options)).executors);
    }
    case 'plan':
    case 'submit': {
      const { plan } = await import('../../../operations/plan.ts');
      const cluster = await clusterMeant(prompt, context);
      return planAnswer(await core.call(plan, runSpecOf({ executors: [], values: {}, cluster, resources: rememberedResources(editor, cluster) }), options));
    }
    case 'runs':
      return runsAnswer(await runsOf(context), new Date());
    case 'status': {
      const { status } = await import('../../../operations/status.ts');
      const run = await meant(prompt, context);
      return statusAnswer((await core.call(status, { run_id: run.run_id }, options)).run, new Date());
    }
    case 'why': {
      const { status } = await import('../../../operations/status.ts');
      const chosen = await meant(prompt, context);
      const { run, tasks } = await core.call(status, { run_id: chosen.run_id, task_states: ['failed', 'timeout', 'lost'] }, options);
      const example = causesOf(tasks)[0]?.tasks[0];
      const text = example && (await endOfError(context, run.run_id, example.task_id));
      return whyAnswer(run, tasks, example && text !== undefined ? { taskId: example.task_id, text } : undefined, context.folder);
    }
    case 'results': {
      const { results } = await import('../../../operations/results.ts');
      const run = await meant(prompt, context);
      return resultsAnswer(await core.call(results, { run_id: run.run_id }, options), run.run_name);
    }
    case 'cancel': {
      const { cancel } = await import('../../../operations/cancel.ts');
      const run = await meant(prompt, context);
      return cancelAnswer((await core.confirmation(cancel, { run_id: run.run_id }, options)) ?? l10n.t('Cancel {0}.', run.run_name), run);
    }
    default:
      return helpAnswer();
  }
}

async function endOfError({ editor, folder, signal }: AnswerContext, run_id: string, task_id: number): Promise<string | undefined> {
  const { logs } = await import('../../../operations/logs.ts');
  try {
    return (await editor.core.call(logs, { run_id, task_id, stream: 'stderr', lines: 8 }, { folder, signal })).text;
  } catch (error) {
    if (!HpcError.is(error)) throw error;
    // The answer stands without the excerpt.
    editor.log.info(`No log for the answer: ${error.message}`);
    return undefined;
  }
}

async function runsOf({ editor, folder, signal }: AnswerContext): Promise<readonly RunSummary[]> {
  const { listRuns } = await import('../../../operations/listRuns.ts');
  return (await editor.core.call(listRuns, { refresh: false }, { folder, signal })).runs;
}

async function meant(prompt: string, context: AnswerContext): Promise<RunSummary> {
  const run = runMeant(await runsOf(context), prompt);
  if (!run) throw new HpcError('spec_invalid', 'There are no runs in this workspace yet.', { remediation: 'Start one with “HPC Agent: New sweep…”.' });
  return run;
}

async function clusterMeant(prompt: string, { editor, folder }: AnswerContext): Promise<string> {
  const names = (await editor.clusters.listOf(folder)).clusters.map(({ name }) => name);
  const words = prompt.split(/[\s,]+/);
  return names.find((name) => words.includes(name)) ?? (vscode.workspace.getConfiguration('hpcAgent', vscode.Uri.file(folder)).get<string>('defaultCluster', '') || 'this-computer');
}
