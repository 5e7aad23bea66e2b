/** The end of the New Sweep guide: what would happen and what it may cost, then the one act that spends. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { CancelledError } from '../../../foundation/abort.ts';
import { toHpcError, type HpcError } from '../../../foundation/errors.ts';
import type { PlanOutput } from '../../../operations/schemas.ts';
import { withProgress } from '../cancellation.ts';
import { planText } from '../documents/planText.ts';
import { showDocument } from '../documents/textDocuments.ts';
import type { Editor } from '../editor.ts';
import { askText, pickOne } from '../quickInput.ts';
import { offerToFinish } from './interrupted.ts';
import { reviewRows, type ReviewAction } from './review.ts';
import { runSpecOf, type SweepDraft } from './draft.ts';
import type { Place, Step, StepAnswer } from './wizard.ts';

/** What the guide ends in. */
export interface Outcome {
  runId?: string;
}

export interface ReviewContext {
  readonly editor: Editor;
  readonly folder: string;
  readonly title: string;
  /** Puts tasks.py in place, where the guide made one. */
  readonly prepare: (draft: SweepDraft, signal: AbortSignal) => Promise<void>;
  readonly outcome: Outcome;
}

export function reviewStep(context: ReviewContext): Step<SweepDraft> {
  const { editor, folder, title } = context;
  return {
    name: 'review',
    ask: async (start, place): Promise<StepAnswer<SweepDraft>> => {
      let draft = start;
      let planned = await planFor(context, draft);
      for (;;) {
        if (planned === 'cancelled') return { kind: 'back', state: draft };
        const result = planned;
        const rows = reviewRows(result, draft);
        const placeholder = 'headline' in result ? l10n.t('What would happen') : l10n.t('The plan could not be made');
        const items = rows.map(({ separator, icon, ...row }) => ({ ...row, label: icon === undefined ? row.label : `$(${icon}) ${row.label}`, ...(separator ? { kind: vscode.QuickPickItemKind.Separator } : {}) }));
        const answer = await pickOne({ title: l10n.t('{0}: review', title), place, placeholder, items });
        if (answer.kind !== 'accept') return answer.kind === 'back' ? { kind: 'back', state: draft } : { kind: 'leave' };
        const done = await act(answer.value.action, result);
        if (done) return done;
      }

      async function act(action: ReviewAction, result: PlanOutput | HpcError): Promise<StepAnswer<SweepDraft> | undefined> {
        if (action === 'back') return { kind: 'back', state: draft };
        if (action === 'retry') planned = await planFor(context, draft);
        if (action === 'rename') {
          const renamed = await askName(title, place, draft, 'run_name' in result ? result.run_name : '');
          if (renamed === undefined) return { kind: 'leave' };
          if (renamed.runName !== draft.runName) {
            draft = renamed;
            planned = await planFor(context, draft);
          }
        }
        if (!('headline' in result)) return undefined;
        if (action === 'script') await showDocument(`plan/${result.run_name}.job.sh`, result.job_script, { language: 'shellscript', keepFocus: true });
        if (action === 'plan') await showDocument(`plan/${result.run_name}.md`, planText(result), { language: 'markdown', keepFocus: true });
        if (action === 'drawn') {
          // The guide ends here: the page has the buttons that it would have had, and a quick pick over it would hide it.
          void vscode.commands.executeCommand('hpc-agent.plan', { folder, spec: runSpecOf(draft), plan: result });
          return { kind: 'next', state: draft };
        }
        if (action === 'earlier' && result.prior_run) {
          context.outcome.runId = result.prior_run.run_id;
          return { kind: 'next', state: draft };
        }
        if (action === 'submit' || action === 'submitNew') return submitNow(action === 'submitNew' ? 'new' : 'reuse', result);
        return undefined;
      }

      async function submitNow(prior: 'reuse' | 'new', result: PlanOutput): Promise<StepAnswer<SweepDraft> | undefined> {
        const { submit } = await import('../../../operations/submit.ts');
        try {
          const answer = await withProgress(l10n.t('Submitting {0} to {1}', result.run_name, result.cluster), (signal, progress) => editor.core.call(submit, { ...runSpecOf(draft), if_prior: prior }, { folder, signal, progress }));
          context.outcome.runId = answer.run_id;
          void vscode.window.showInformationMessage(answer.headline);
          return { kind: 'next', state: draft };
        } catch (error) {
          // Whether anything reached the cluster is on record: the tree shows it, with the way to finish it.
          void editor.runs.refreshQuietly(false);
          if (CancelledError.is(error)) {
            void offerToFinish();
            return { kind: 'leave' };
          }
          throw error;
        }
      }
    },
  };
}

/** The plan, or why there is none; `cancelled` where the user did not want to wait. */
async function planFor({ editor, folder, prepare }: ReviewContext, draft: SweepDraft): Promise<PlanOutput | HpcError | 'cancelled'> {
  const { plan } = await import('../../../operations/plan.ts');
  try {
    return await withProgress(draft.cluster === undefined ? l10n.t('Planning') : l10n.t('Planning on {0}', draft.cluster), async (signal, progress) => {
      await prepare(draft, signal);
      const planned = await editor.core.call(plan, runSpecOf(draft), { folder, signal, progress });
      editor.milestones.reached('choosePlace', 'describeSweep', 'plan');
      return planned;
    });
  } catch (error) {
    if (CancelledError.is(error)) return 'cancelled';
    const typed = toHpcError(error);
    editor.log.warn(`No plan: ${typed.message}`, { code: typed.code });
    return typed;
  }
}

async function askName(title: string, place: Place, draft: SweepDraft, current: string): Promise<SweepDraft | undefined> {
  const answer = await askText({
    title: l10n.t('{0}: name of the run', title),
    place: { ...place, canGoBack: true },
    prompt: l10n.t('A name for people; empty: the folder’s.'),
    value: draft.runName ?? current,
    check: (text) => (text.trim() === '' || /^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$/.test(text.trim()) ? {} : { error: l10n.t('Letters, digits, dots, dashes and underscores, 48 at most, beginning with a letter or digit.') }),
  });
  if (answer.kind === 'leave') return undefined;
  if (answer.kind === 'back') return draft;
  const { runName: _, ...others } = draft;
  return answer.value === '' ? others : { ...others, runName: answer.value };
}
