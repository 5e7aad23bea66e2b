/**
 * What the Plan view shows: the plan of one specification, made by the plan operation and by nothing else.
 *
 * Rules: looking at a plan submits nothing; submitting asks once more, in a dialog of the editor, with the plan's own sentence; the plan that the
 * New Sweep guide has made is shown as it is and not made again.
 */
import * as path from 'node:path';
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import * as z from 'zod/mini';
import type { QueueNow, WirePlan } from '../../../../webview/protocol/plan.ts';
import { CancelledError } from '../../../foundation/abort.ts';
import { HpcError, messageOf } from '../../../foundation/errors.ts';
import { runSpec, type PlanOutput, type RunSpec } from '../../../operations/schemas.ts';
import { withProgress } from '../cancellation.ts';
import { planText } from '../documents/planText.ts';
import { showDocument } from '../documents/textDocuments.ts';
import { likelyFolder, workspaceFolders, type Editor } from '../editor.ts';
import { canaryWords } from '../sweep/canaryWords.ts';
import { schedulerWord, type ClusterRow } from '../trees/clustersTree.ts';
import { queueNowOf } from './planQueue.ts';
import type { OpenSource, SourceContext, ViewSource } from './viewSource.ts';

/** Plans by folder and specification, so that a page that is shown again does not evaluate tasks.py again. */
const plans = new WeakMap<Editor, Map<string, PlanOutput>>();

function plansOf(editor: Editor): Map<string, PlanOutput> {
  const known = plans.get(editor) ?? new Map<string, PlanOutput>();
  plans.set(editor, known);
  return known;
}

const keyOf = (folder: string, spec: RunSpec): string => JSON.stringify([folder, spec]);

/** For a plan that was made elsewhere in the editor. */
export function rememberPlan(editor: Editor, folder: string, spec: RunSpec, plan: PlanOutput): void {
  plansOf(editor).set(keyOf(folder, spec), plan);
}

export const planSource: ViewSource<'plan'> = {
  open: (context) => new PlanSource(context),
};

class PlanSource implements OpenSource<'plan'> {
  private readonly context: SourceContext<'plan'>;
  private readonly folder: string | undefined;
  private readonly subscription: { dispose(): void };
  private clusters: readonly ClusterRow[] = [];
  private spec: RunSpec | undefined;
  private plan: PlanOutput | undefined;
  private queue: QueueNow | null = null;
  private tasks = false;
  private busy: 'planning' | 'submitting' | 'canary' | null = null;

  readonly requests: OpenSource<'plan'>['requests'] = {
    choose: async ({ cluster }, signal) => {
      await this.make({ ...this.spec, cluster }, signal, false);
      return {};
    },
    planAgain: async (_input, signal) => {
      if (this.spec) await this.make(this.spec, signal, true);
      return {};
    },
    submit: async ({ canary, again }) => ({ run_id: await this.submit(canary, again) }),
    showScript: async () => {
      if (this.plan) await showDocument(`plan/${this.plan.run_name}.job.sh`, this.plan.job_script, { language: 'shellscript', beside: true });
      return {};
    },
    showText: async () => {
      if (this.plan) await showDocument(`plan/${this.plan.run_name}.md`, planText(this.plan), { language: 'markdown', beside: true });
      return {};
    },
  };

  constructor(context: SourceContext<'plan'>) {
    this.context = context;
    const { editor, params } = context;
    // The page may name a folder of this window, no other.
    this.folder = params.folder !== undefined && workspaceFolders().includes(params.folder) ? params.folder : likelyFolder();
    this.subscription = editor.clusters.onDidChange(() => void this.readClusters().then(() => this.publish()).catch(() => undefined));
    const read = params.spec === undefined ? undefined : z.safeParse(runSpec, parseJson(params.spec));
    void this.start(read?.success ? read.data : undefined);
  }

  dispose(): void {
    this.subscription.dispose();
  }

  private async start(spec: RunSpec | undefined): Promise<void> {
    const { signal } = this.context;
    try {
      this.tasks = this.folder !== undefined && (await exists(path.join(this.folder, '.hpc', 'tasks.py')));
      await this.readClusters();
      this.publish();
      if (spec && this.tasks) await this.make(spec, signal, false);
    } catch (error) {
      if (!CancelledError.is(error) && !signal.aborted) this.context.problem(wordsOf(error));
    }
  }

  private async readClusters(): Promise<void> {
    if (this.folder !== undefined) this.clusters = (await this.context.editor.clusters.listOf(this.folder)).clusters;
  }

  private publish(): void {
    this.context.title(this.plan ? l10n.t('Plan: {0}', this.plan.run_name) : l10n.t('Plan'));
    this.context.publish({
      tasks: this.tasks,
      clusters: this.clusters.map((row) => ({ name: row.name, scheduler: schedulerWord(row.scheduler) })),
      cluster: this.spec?.cluster ?? null,
      plan: this.plan ? wirePlanOf(this.plan) : null,
      queue: this.plan ? this.queue : null,
      busy: this.busy,
    });
  }

  private async make(spec: RunSpec, signal: AbortSignal, anew: boolean): Promise<void> {
    const { editor } = this.context;
    const folder = this.folder;
    if (folder === undefined || this.busy !== null) return;
    const key = keyOf(folder, spec);
    const known = anew ? undefined : plansOf(editor).get(key);
    this.spec = spec;
    this.queue = null;
    if (known) {
      this.plan = known;
      this.publish();
      return this.lookAtQueue(known);
    }
    if (this.plan && this.plan.cluster !== spec.cluster) this.plan = undefined;
    await this.during('planning', async () => {
      const { plan } = await import('../../../operations/plan.ts');
      this.plan = await editor.core.call(plan, spec, { folder, signal });
      plansOf(editor).set(key, this.plan);
    });
    if (this.plan) await this.lookAtQueue(this.plan);
  }

  /** Looking connects to nothing: asked only where the plan's own question has left a connection. What it does not find is not missed. */
  private async lookAtQueue(plan: PlanOutput): Promise<void> {
    const { editor, signal } = this.context;
    try {
      await this.readClusters();
      const row = this.clusters.find(({ name }) => name === plan.cluster);
      if (!row || (row.connection !== 'local' && row.state !== 'connected')) return;
      const { resources } = await import('../../../operations/resources.ts');
      const found = await editor.core.call(resources, { cluster: plan.cluster }, { folder: this.folder ?? '', signal });
      if (this.plan !== plan) return;
      this.queue = queueNowOf(found, plan.resources.partition);
      this.publish();
    } catch (error) {
      if (!CancelledError.is(error)) editor.log.debug(`The queue of ${plan.cluster} could not be looked at: ${messageOf(error)}`);
    }
  }

  private async submit(canary: boolean, again: boolean): Promise<string | null> {
    const { editor } = this.context;
    const { folder, spec, plan } = this;
    if (folder === undefined || !spec || !plan || this.busy !== null) return null;
    const go: vscode.MessageItem = { title: canary ? l10n.t('Run canary first') : l10n.t('Submit') };
    const detail = canary ? canaryWords(plan.sample_tasks) : undefined;
    if ((await vscode.window.showWarningMessage(plan.confirm_prompt, { modal: true, ...(detail === undefined ? {} : { detail }) }, go)) !== go) return null;
    const { submit } = await import('../../../operations/submit.ts');
    try {
      // The submission goes on when the page is left: only its own notification cancels it.
      const outcome = await this.during(canary ? 'canary' : 'submitting', async () =>
        withProgress(l10n.t('Submitting {0} to {1}', plan.run_name, plan.cluster), (signal, progress) => editor.core.call(submit, { ...spec, if_prior: again ? 'new' : 'reuse', ...(canary ? { canary: true } : {}) }, { folder, signal, progress })),
      );
      plansOf(editor).delete(keyOf(folder, spec));
      void vscode.window.showInformationMessage(outcome.headline);
      await editor.runs.refresh(false);
      void editor.runs.refreshQuietly(true);
      return outcome.run_id;
    } catch (error) {
      // Whether anything reached the cluster is on record: the tree shows it, with the way to finish it.
      void editor.runs.refreshQuietly(false);
      if (CancelledError.is(error)) return null;
      throw new Error(wordsOf(error), { cause: error });
    }
  }

  private async during<T>(busy: NonNullable<PlanSource['busy']>, body: () => Promise<T>): Promise<T> {
    this.busy = busy;
    this.publish();
    try {
      return await body();
    } catch (error) {
      throw HpcError.is(error) ? new HpcError(error.code, wordsOf(error), { cause: error }) : error;
    } finally {
      this.busy = null;
      this.publish();
    }
  }
}

/** Without the job script, which is shown as a document. */
function wirePlanOf(plan: PlanOutput): WirePlan {
  const { cluster, scheduler, run_name, executor, total_tasks, arrays, waves, limits, resources, max_core_hours, max_node_hours, timing, remote_path, sample_tasks, findings, verdict, prior_run } = plan;
  const given = Object.fromEntries(Object.entries(resources).filter((entry): entry is [string, string | number] => entry[1] !== undefined));
  return { cluster, scheduler, run_name, executor, total_tasks, arrays, waves, limits, resources: given, max_core_hours, max_node_hours, timing, remote_path, sample_tasks, findings, verdict, prior_run };
}

function wordsOf(error: unknown): string {
  return HpcError.is(error) && error.remediation !== undefined && !error.message.endsWith(error.remediation) ? `${error.message} ${error.remediation}` : messageOf(error);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await vscode.workspace.fs.stat(vscode.Uri.file(file));
    return true;
  } catch {
    return false;
  }
}
