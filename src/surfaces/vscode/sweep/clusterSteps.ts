/** The middle of the New Sweep guide: where to run, and with what resources. Answers are remembered per cluster. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { withProgress } from '../cancellation.ts';
import { messageOf } from '../../../foundation/errors.ts';
import { CancelledError } from '../../../foundation/abort.ts';
import type { Editor } from '../editor.ts';
import { askText, pickOne, type Answer } from '../quickInput.ts';
import { clusterStateWord, schedulerWord } from '../trees/clustersTree.ts';
import { resourceKeys, type ResourceKey, type ResourceTexts, type SweepDraft } from './draft.ts';
import type { Step } from './wizard.ts';

const leave = { kind: 'leave' } as const;

export function rememberedResources(editor: Editor, cluster: string): ResourceTexts {
  return editor.context.workspaceState.get<ResourceTexts>(`resources:${cluster}`, {});
}

export function clusterStep(editor: Editor, folder: string, title: string): Step<SweepDraft> {
  return {
    name: 'cluster',
    ask: async (draft, place) => {
      const refusals = new Map<string, string>();
      let last = draft.cluster ?? vscode.workspace.getConfiguration('hpcAgent', vscode.Uri.file(folder)).get<string>('defaultCluster', '');
      for (;;) {
        const rows = (await editor.clusters.listOf(folder)).clusters.map((row) => {
          const why = refusals.get(row.name) ?? row.state_reason;
          return {
            label: `$(${row.connection === 'local' ? 'device-desktop' : why === null ? 'vm' : 'warning'}) ${row.name}`,
            description: [schedulerWord(row.scheduler), row.target, ...(row.connection === 'local' ? [] : [clusterStateWord(row)])].join(' · '),
            ...(why === null ? {} : { detail: why }),
            name: row.name,
          };
        });
        const add = { label: l10n.t('$(add) Add a cluster…'), alwaysShow: true, name: undefined };
        const current = last;
        const answer = await pickOne({ title, place, placeholder: l10n.t('Where to run'), items: [...rows, add], active: ({ name }) => name === current });
        if (answer.kind !== 'accept') return answer.kind === 'back' ? { kind: 'back', state: draft } : leave;
        const { name } = answer.value;
        if (name === undefined) {
          const { addCluster } = await import('../commands/clusterCommands.ts');
          last = (await addCluster(editor)) ?? last;
          continue;
        }
        last = name;
        const why = await whyUnusable(editor, folder, name);
        if (why === undefined) return { kind: 'next', state: { ...draft, cluster: name, resources: draft.cluster === name ? draft.resources : rememberedResources(editor, name) } };
        refusals.set(name, why);
      }
    },
  };
}

/** The reason in words, undefined where the cluster can be used. A good answer is remembered by the operation for a day. */
async function whyUnusable(editor: Editor, folder: string, cluster: string): Promise<string | undefined> {
  const { preflight } = await import('../../../operations/preflight.ts');
  try {
    const report = await withProgress(l10n.t('Checking {0}', cluster), (signal, progress) => editor.core.call(preflight, { cluster }, { folder, signal, progress }));
    editor.clusters.setReport(cluster, report);
    if (report.all_ok) return undefined;
    const bad = report.checks.find(({ ok }) => ok === false) ?? report.checks.find(({ ok }) => ok === null);
    return bad === undefined ? l10n.t('The check failed.') : [bad.detail, bad.remediation ?? ''].join(' ').trim();
  } catch (error) {
    return CancelledError.is(error) ? l10n.t('The check was cancelled.') : messageOf(error);
  }
}

interface ResourceWords {
  readonly label: string;
  readonly prompt: string;
  readonly pattern: RegExp;
  readonly wrong: string;
}

const wordsOfResources = (): Readonly<Record<ResourceKey, ResourceWords>> => ({
  cpus: { label: l10n.t('CPU cores'), prompt: l10n.t('CPU cores per task, for example 4. Empty: the cluster’s default.'), pattern: /^[1-9]\d{0,5}$/, wrong: l10n.t('Write a whole number from 1.') },
  memory: { label: l10n.t('Memory'), prompt: l10n.t('Memory per task, for example 4G. Empty: the cluster’s default.'), pattern: /^\d+(\.\d+)?\s*([KMGT]i?B?|B)?$/i, wrong: l10n.t('Write an amount such as 4G or 800M.') },
  walltime: { label: l10n.t('Time limit'), prompt: l10n.t('Time limit per task, for example 1:30:00 or 90m. Empty: the cluster’s default.'), pattern: /^(\d+-)?\d+(:\d{1,2}){0,2}$|^(\d+\s*[dhms]\s*)+$/i, wrong: l10n.t('Write a time such as 1:30:00, 90m or 2h.') },
  gpus: { label: l10n.t('GPUs'), prompt: l10n.t('GPUs per task, for example 1. Empty: the cluster’s default.'), pattern: /^\d{1,4}$/, wrong: l10n.t('Write a whole number from 0.') },
  partition: { label: l10n.t('Partition'), prompt: l10n.t('Partition or queue, for example short. Empty: the cluster’s default.'), pattern: /^[\w.,@+-]+$/, wrong: l10n.t('A partition has letters, digits, dots, dashes and underscores.') },
  account: { label: l10n.t('Account'), prompt: l10n.t('Account that is charged, for example my-project. Empty: the cluster’s default.'), pattern: /^[\w.@+-]+$/, wrong: l10n.t('An account has letters, digits, dots, dashes and underscores.') },
});

type Row = vscode.QuickPickItem & { readonly key: ResourceKey | 'continue' | 'none' };

const isAt =
  (key: Row['key']) =>
  (row: Row): boolean =>
    row.key === key;

export function resourcesStep(editor: Editor, title: string): Step<SweepDraft> {
  return {
    name: 'resources',
    ask: async (start, place) => {
      let draft = start;
      let last: Row['key'] = 'continue';
      for (;;) {
        const resourceWords = wordsOfResources();
        const given = resourceKeys.filter((key) => draft.resources[key] !== undefined);
        const rows: Row[] = [
          { label: l10n.t('$(arrow-right) Continue'), description: given.length === 0 ? l10n.t('with the cluster’s defaults') : given.map((key) => `${resourceWords[key].label} ${draft.resources[key]}`).join(', '), key: 'continue', alwaysShow: true },
          { label: l10n.t('Per task'), kind: vscode.QuickPickItemKind.Separator, key: 'none' },
          ...resourceKeys.map((key) => ({ label: `$(${draft.resources[key] === undefined ? 'blank' : 'edit'}) ${resourceWords[key].label}`, description: draft.resources[key] ?? l10n.t('the cluster’s default'), key })),
        ];
        const active = isAt(last);
        const answer: Answer<Row> = await pickOne<Row>({ title, place, placeholder: draft.cluster === undefined ? l10n.t('Resources') : l10n.t('Resources on {0}', draft.cluster), items: rows, active });
        if (answer.kind !== 'accept') return answer.kind === 'back' ? { kind: 'back', state: draft } : leave;
        const key: Row['key'] = answer.value.key;
        if (key === 'none') continue;
        if (key === 'continue') {
          await editor.context.workspaceState.update(`resources:${draft.cluster}`, draft.resources);
          return { kind: 'next', state: draft };
        }
        last = key;
        const words = resourceWords[key];
        const typed = await askText({
          title: l10n.t('{0}: {1}', title, words.label),
          place: { ...place, canGoBack: true },
          prompt: words.prompt,
          value: draft.resources[key] ?? '',
          check: (text) => (text.trim() === '' || words.pattern.test(text.trim()) ? {} : { error: words.wrong }),
        });
        if (typed.kind === 'leave') return leave;
        if (typed.kind === 'back') continue;
        const { [key]: _, ...others } = draft.resources;
        draft = { ...draft, resources: typed.value === '' ? others : { ...others, [key]: typed.value } };
      }
    },
  };
}
