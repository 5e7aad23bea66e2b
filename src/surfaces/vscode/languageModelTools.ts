/**
 * The catalogue's tools for language models. Which there are stands in the manifest (generated from the catalogue), so
 * that registering them loads nothing.
 *
 * Rules: what spends or changes is confirmed with values resolved by the operation itself, never with the model's words;
 * a failure is an answer that the model can act on, not an exception.
 */
import * as vscode from 'vscode';
import { l10n } from '../../../l10n/words.ts';
import { HpcError } from '../../foundation/errors.ts';
import type { Operation } from '../../operations/operation.ts';
import { signalOf } from './cancellation.ts';
import { likelyFolder, type Editor } from './editor.ts';
import { escapeMarkdown } from './markdown.ts';
import { operationNameOf, presentSummary } from './toolNames.ts';

interface ManifestTool {
  readonly name: string;
  /** The summary in the language of the window. */
  readonly userDescription?: string;
}

export function registerTools(editor: Editor): vscode.Disposable {
  const manifest = editor.context.extension.packageJSON as { contributes?: { languageModelTools?: readonly ManifestTool[] } };
  const tools = manifest.contributes?.languageModelTools ?? [];
  return vscode.Disposable.from(...tools.map(({ name, userDescription }) => vscode.lm.registerTool(name, new OperationTool(editor, operationNameOf(name), userDescription))));
}

async function operationNamed(name: string): Promise<Operation> {
  const { loadOperation } = await import('../../operations/catalogue.ts');
  const operation = await loadOperation(name);
  if (!operation) throw new HpcError('internal', `There is no operation ${name}.`);
  return operation;
}

function folderForTools(): string {
  const folder = likelyFolder();
  if (folder === undefined) throw new HpcError('spec_invalid', 'No folder is open.', { remediation: 'Ask the user to open the folder that holds the scripts to run.' });
  return folder;
}

class OperationTool implements vscode.LanguageModelTool<object> {
  private readonly editor: Editor;
  private readonly name: string;
  private readonly title: string | undefined;

  constructor(editor: Editor, name: string, title: string | undefined) {
    this.editor = editor;
    this.name = name;
    this.title = title;
  }

  async prepareInvocation({ input }: vscode.LanguageModelToolInvocationPrepareOptions<object>, token: vscode.CancellationToken): Promise<vscode.PreparedToolInvocation> {
    const operation = await operationNamed(this.name);
    const { signal, dispose } = signalOf(token);
    const title = this.title ?? operation.summary;
    const invocationMessage = presentSummary(title);
    try {
      const sentence = await this.editor.core.confirmation(operation, input, { folder: folderForTools(), signal });
      if (sentence === undefined) return { invocationMessage };
      return { invocationMessage, confirmationMessages: { title, message: new vscode.MarkdownString(escapeMarkdown(sentence)) } };
    } catch (error) {
      // Invoking will fail for the same reason and tell the model; nothing happens unconfirmed.
      this.editor.log.info(`The confirmation of ${this.name} could not be worded`, { error: error instanceof Error ? error.message : String(error) });
      return operation.confirms
        ? { invocationMessage, confirmationMessages: { title, message: new vscode.MarkdownString(l10n.t('It is not clear what this would do: {0}', escapeMarkdown(error instanceof Error ? error.message : String(error)))) } }
        : { invocationMessage };
    } finally {
      dispose();
    }
  }

  async invoke({ input }: vscode.LanguageModelToolInvocationOptions<object>, token: vscode.CancellationToken): Promise<vscode.LanguageModelToolResult> {
    const { signal, dispose } = signalOf(token);
    try {
      const operation = await operationNamed(this.name);
      const data = await this.editor.core.invoke(operation, input, { folder: folderForTools(), signal });
      // What was submitted, changed or seen anew shows in the tree at once.
      if (operation.kind === 'submit' || operation.kind === 'mutate' || operation.name === 'status') void this.editor.runs.refreshQuietly(false);
      return textResult(data);
    } catch (error) {
      if (signal.aborted) throw new vscode.CancellationError();
      const { errorEnvelope } = await import('../../operations/envelope.ts');
      return textResult(errorEnvelope(error));
    } finally {
      dispose();
    }
  }
}

function textResult(value: unknown): vscode.LanguageModelToolResult {
  return new vscode.LanguageModelToolResult([new vscode.LanguageModelTextPart(JSON.stringify(value))]);
}
