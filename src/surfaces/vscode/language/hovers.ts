/** What a parameter takes in the sweep, and what a key of our YAML files means. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { fileSchema } from '../../../operations/editing/fileSchemas.ts';
import { codeSpan, escapeMarkdown } from '../markdown.ts';
import { describeKey } from './schemaWords.ts';
import { parameterHover, parameterName } from './sweepWords.ts';
import type { Sweeps } from './sweeps.ts';
import { folderOf, kindOf } from './whereabouts.ts';
import { keyAt } from './yamlPlace.ts';

export async function hoverAt(sweeps: Sweeps, document: vscode.TextDocument, position: vscode.Position): Promise<vscode.Hover | undefined> {
  const kind = kindOf(document.uri);
  if (kind === undefined) return undefined;
  return kind === 'tasks' || kind === 'script' ? parameterAt(sweeps, kind, document, position) : keyHover(kind, document, position);
}

async function parameterAt(sweeps: Sweeps, kind: 'tasks' | 'script', document: vscode.TextDocument, position: vscode.Position): Promise<vscode.Hover | undefined> {
  const folder = folderOf(document.uri);
  const range = document.getWordRangeAtPosition(position, /args\.\w+|--?[A-Za-z][\w-]*|\w+/);
  if (folder === undefined || !range) return undefined;
  const { state } = sweeps.get(folder);
  if (state.kind !== 'known') return undefined;
  const word = document.getText(range);
  const parameter = state.sweep.parameters.find(({ name }) => name === parameterName(word));
  if (!parameter) return undefined;
  // A word that merely looks like a parameter is none: in a script it is an option, or where the option is declared.
  if (kind === 'script' && !/^(-|args\.)/.test(word)) {
    const { readScriptText } = await import('../../../operations/editing/checkPython.ts');
    const script = await readScriptText(path.relative(folder, document.uri.fsPath).split(path.sep).join('/'), document.getText());
    if (!script?.flags.some(({ name, line }) => name === parameter.name && line === position.line + 1)) return undefined;
  }
  return new vscode.Hover(new vscode.MarkdownString(parameterHover(parameter, state.sweep)), range);
}

function keyHover(file: 'clusters' | 'axes' | 'playbook', document: vscode.TextDocument, position: vscode.Position): vscode.Hover | undefined {
  const key = keyAt(document.getText().split(/\r?\n/), position.line, position.character);
  const word = key && describeKey(fileSchema(file), key.path);
  if (!key || !word) return undefined;
  const text = [`**${escapeMarkdown(word.text)}** — ${escapeMarkdown(word.description)}`, ...(word.values ? [l10n.t('One of {0}', word.values.map(codeSpan).join(', '))] : [])].join('\n\n');
  return new vscode.Hover(new vscode.MarkdownString(text), new vscode.Range(position.line, key.start, position.line, key.end));
}
