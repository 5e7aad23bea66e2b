/** The first half of the New Sweep guide: which scripts, which values, and what to do with a tasks.py that is there already. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { previewValues } from '../../../operations/previewValues.ts';
import { withProgress } from '../cancellation.ts';
import { putDocument } from '../documents/textDocuments.ts';
import type { Editor } from '../editor.ts';
import { askText, pickMany, pickOne } from '../quickInput.ts';
import { buildInputOf, hasDefault, missingParameters, parametersOf, pruned, sweepSize, withValue, type CountOf, type Executor, type Parameter, type SweepDraft } from './draft.ts';
import type { Place, Step, StepAnswer } from './wizard.ts';

export interface SweepContext {
  readonly editor: Editor;
  readonly folder: string;
  readonly executors: readonly Executor[];
  /** The text that this guide wrote to tasks.py itself, if it did: replacing that needs no question. */
  ownText: string | undefined;
}

const title = (): string => l10n.t('New sweep');
const leave = { kind: 'leave' } as const;

export function countIn(folder: string): CountOf {
  return (text) => {
    const preview = previewValues(text, folder);
    return preview.error === undefined ? preview.count : undefined;
  };
}

export function chosenParameters(context: SweepContext, draft: SweepDraft): readonly Parameter[] {
  return parametersOf(context.executors.filter(({ path }) => draft.executors.includes(path)));
}

export function executorsStep(context: SweepContext): Step<SweepDraft> {
  return {
    name: 'executors',
    ask: async (draft, place) => {
      const items = context.executors.map((executor) => ({
        label: executor.path,
        description: executor.summary,
        detail: executor.flags.length === 0 ? l10n.t('no flags found') : executor.flags.map(flagWords).join('  '),
        path: executor.path,
      }));
      const answer = await pickMany({ title: title(), place, placeholder: l10n.t('Scripts to run. Check several to compare them.'), items }, ({ path }) => items.length === 1 || draft.executors.includes(path));
      if (answer.kind !== 'accept') return answer.kind === 'back' ? { kind: 'back', state: draft } : leave;
      return { kind: 'next', state: pruned({ ...draft, executors: answer.value.map(({ path }) => path) }, context.executors) };
    },
  };
}

function flagWords(flag: Executor['flags'][number]): string {
  return flag.default === null || flag.default === undefined ? `--${flag.name}` : `--${flag.name} ${valueWords(flag.default)}`;
}

function valueWords(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

type Row = vscode.QuickPickItem & ({ readonly action: 'continue' } | { readonly action: 'edit'; readonly parameter: Parameter } | { readonly action: 'none' });

export function parametersStep(context: SweepContext): Step<SweepDraft> {
  return {
    name: 'parameters',
    applies: (draft) => draft.executors.length === 0 || chosenParameters(context, draft).length > 0,
    ask: async (start, place) => {
      const countOf = countIn(context.folder);
      let draft = start;
      let last: string | undefined;
      for (;;) {
        const parameters = chosenParameters(context, draft);
        const missing = missingParameters(draft, parameters);
        const size = sweepSize(draft, parameters, countOf);
        const rows: Row[] = [
          { label: l10n.t('$(arrow-right) Continue'), description: size.words, ...(missing.length > 0 ? { detail: l10n.t('First give a value for {0}.', missing.join(', ')) } : {}), action: 'continue', alwaysShow: true },
          { label: l10n.t('Parameters'), kind: vscode.QuickPickItemKind.Separator, action: 'none' },
          ...parameters.map((parameter) => parameterRow(draft, parameter, countOf)),
        ];
        const current = last;
        const answer = await pickOne<Row>({ title: title(), place, placeholder: l10n.t('Choose a parameter to sweep it, or continue.'), items: rows, active: (row) => row.action === 'edit' && row.parameter.name === current });
        if (answer.kind !== 'accept') return answer.kind === 'back' ? { kind: 'back', state: draft } : leave;
        const row = answer.value;
        if (row.action === 'continue' && missing.length === 0 && size.total !== undefined) return { kind: 'next', state: draft };
        const parameter = row.action === 'edit' ? row.parameter : parameters.find(({ name }) => name === missing[0]);
        if (!parameter) continue;
        const edited = await editParameter(draft, parameter, parameters, place, context.folder);
        if (edited === undefined) return leave;
        draft = edited;
        last = parameter.name;
      }
    },
  };
}

function parameterRow(draft: SweepDraft, parameter: Parameter, countOf: CountOf): Row {
  const { name, flag, owners, shared } = parameter;
  const text = draft.values[name];
  const count = text === undefined ? undefined : countOf(text);
  const withCount = text !== undefined && count !== undefined && count > 1 ? l10n.t('{0}   ({1, plural, one {# value} other {# values}})', text, count) : text;
  const value = withCount ?? (!hasDefault(flag) ? l10n.t('needs a value') : flag.default === null || flag.default === undefined ? l10n.t('not set') : l10n.t('{0}   (default)', valueWords(flag.default)));
  const detail = [flag.help, ...(shared ? [] : [l10n.t('only {0}', owners.join(', '))])].filter((part) => part !== '').join(' · ');
  const icon = text !== undefined ? (count !== undefined && count > 1 ? '$(list-ordered)' : '$(edit)') : hasDefault(flag) ? '$(blank)' : '$(warning)';
  return { label: `${icon} ${name}`, description: value, ...(detail === '' ? {} : { detail }), action: 'edit', parameter };
}

/** The draft with the new values, the same draft after Back, undefined after leaving. */
async function editParameter(draft: SweepDraft, parameter: Parameter, parameters: readonly Parameter[], place: Place, folder: string): Promise<SweepDraft | undefined> {
  const { name, flag } = parameter;
  const frame = { title: l10n.t('{0}: {1}', title(), name), place: { ...place, canGoBack: true } };
  const choices = flag.choices ?? (/^(bool|boolean|flag|store_true|store_false)$/.test(flag.type) ? [true, false] : undefined);
  if (choices?.every((choice) => !/[,:()\s"']/.test(valueWords(choice)))) {
    const chosen = new Set((draft.values[name] ?? valueWords(flag.default ?? '')).split(',').map((text) => text.trim()));
    const items = choices.map((choice) => ({ label: valueWords(choice), ...(choice === flag.default ? { description: l10n.t('default') } : {}) }));
    const answer = await pickMany({ ...frame, placeholder: l10n.t('Values of {0}', name), items }, ({ label }) => chosen.has(label));
    if (answer.kind !== 'accept') return answer.kind === 'back' ? draft : undefined;
    const labels = answer.value.map(({ label }) => label);
    return withValue(draft, name, labels.length === 1 && labels[0] === valueWords(flag.default ?? '') ? '' : labels.join(','));
  }
  const fallback = flag.default === null || flag.default === undefined ? l10n.t('Empty: not set.') : l10n.t('Empty: {0}.', valueWords(flag.default));
  const sentences = [
    ...(flag.help === '' ? [] : [`${flag.help}.`]),
    ...(flag.type === '' ? [] : [l10n.t('Type: {0}.', flag.type)]),
    l10n.t('Write 1,5,25 or 0:1:0.1 or logspace(1e-4,1,5).'),
    ...(hasDefault(flag) ? [fallback] : []),
  ];
  const answer = await askText({
    ...frame,
    prompt: sentences.join(' '),
    value: draft.values[name] ?? (flag.default === null || flag.default === undefined ? '' : valueWords(flag.default)),
    check: (text) => {
      if (text.trim() === '') return hasDefault(flag) ? {} : { error: l10n.t('{0} needs a value.', name) };
      const preview = previewValues(text, folder);
      if (preview.error !== undefined) return { error: preview.position > 0 ? l10n.t('{0} After “{1}”.', preview.error, text.slice(Math.max(0, preview.position - 20), preview.position)) : preview.error };
      const { words } = sweepSize(withValue(draft, name, text), parameters, countIn(folder));
      return { info: l10n.t('{0, plural, one {# value} other {# values: {1}}}  →  {2}', preview.count, preview.preview, words) };
    },
  });
  if (answer.kind !== 'accept') return answer.kind === 'back' ? draft : undefined;
  return withValue(draft, name, answer.value === valueWords(flag.default ?? '') ? '' : answer.value);
}

/** Asks what to do with a tasks.py that is there, differs from what would be written, and is not this guide's own. */
export function existingTasksStep(context: SweepContext): Step<SweepDraft> {
  const { editor, folder } = context;
  const file = vscode.Uri.joinPath(vscode.Uri.file(folder), '.hpc', 'tasks.py');
  return {
    name: 'existing tasks.py',
    rare: true,
    ask: async (draft, place): Promise<StepAnswer<SweepDraft>> => {
      const { buildTasksPy } = await import('../../../operations/buildTasksPy.ts');
      const input = { ...buildInputOf(draft, chosenParameters(context, draft)), dry_run: true };
      const proposed = await withProgress(l10n.t('Preparing the sweep'), (signal, progress) => editor.core.call(buildTasksPy, input, { folder, signal, progress }));
      const present = proposed.exists ? await readText(file) : undefined;
      if (present === undefined || present === proposed.text || present === context.ownText) return { kind: 'pass', state: { ...draft, existing: 'replace' } };
      for (;;) {
        const use = { label: l10n.t('$(file-code) Use it as it is'), description: l10n.t('the values chosen here are not used'), choice: 'use' as const };
        const replace = { label: l10n.t('$(replace-all) Replace it'), description: l10n.t('{0, plural, one {# task} other {# tasks}}; the old file is kept as a backup', proposed.task_count), choice: 'replace' as const };
        const difference = { label: l10n.t('$(diff) Show the difference'), description: l10n.t('then choose'), choice: 'difference' as const };
        const answer = await pickOne({ title: title(), place, placeholder: l10n.t('There is a .hpc/tasks.py already, and it is different.'), items: [use, replace, difference], active: ({ choice }) => choice === draft.existing });
        if (answer.kind !== 'accept') return answer.kind === 'back' ? { kind: 'back', state: draft } : leave;
        if (answer.value.choice !== 'difference') return { kind: 'next', state: { ...draft, existing: answer.value.choice } };
        await vscode.commands.executeCommand('vscode.diff', file, putDocument('proposed/tasks.py', proposed.text), 'tasks.py: as it is ↔ proposed');
      }
    },
  };
}

async function readText(uri: vscode.Uri): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
  } catch {
    return undefined;
  }
}
