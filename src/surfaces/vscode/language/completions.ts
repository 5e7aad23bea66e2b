/** Keys and values of clusters.yaml, axes.yaml and playbook.yaml, from their schemas; and a whole cluster where one may begin. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { fileSchema } from '../../../operations/editing/fileSchemas.ts';
import { keyWords, valueWords, type SchemaWord } from './schemaWords.ts';
import { kindOf } from './whereabouts.ts';
import { yamlPlace } from './yamlPlace.ts';

const newCluster = '${1:name}:\n  scheduler: ${2|slurm,sge,pbs,background|}\n  host: ${3:login.example.org}\n  user: ${4:$USER}\n  scratch: ${5:\\$HOME/scratch}\n';

export function completionsAt(document: vscode.TextDocument, position: vscode.Position): vscode.CompletionItem[] {
  const kind = kindOf(document.uri);
  if (kind === undefined || kind === 'tasks' || kind === 'script') return [];
  const place = yamlPlace(document.getText().split(/\r?\n/), position.line, position.character);
  if (!place) return [];
  const schema = fileSchema(kind);
  const range = new vscode.Range(position.line, place.start, position.line, position.character);
  if (place.at === 'value') return valueWords(schema, [...place.path, place.key ?? '']).map((word) => itemOf(word, range, vscode.CompletionItemKind.EnumMember, word.text));
  const isAmongClusters = kind === 'clusters' && (place.path.length === 0 ? !place.siblings.has('clusters') : place.path.length === 1 && place.path[0] === 'clusters');
  const keys = keyWords(schema, place.path, place.siblings).filter(({ text }) => !(kind === 'clusters' && place.path.length === 0 && text === 'clusters' && place.siblings.size > 0));
  return [
    ...keys.map((word) => itemOf(word, range, vscode.CompletionItemKind.Property, keySnippet(word))),
    ...(isAmongClusters && (place.path.length > 0 || place.indent === 0) ? [clusterItem(range)] : []),
  ];
}

function keySnippet(word: SchemaWord): vscode.SnippetString {
  const text = new vscode.SnippetString(`${word.text}:`);
  if (word.holds === 'mapping') return text.appendText('\n').appendText('  ').appendTabstop(0);
  if (word.holds === 'list') return text.appendText(' [').appendTabstop(0).appendText(']');
  if (word.values && word.values.length > 0) return text.appendText(' ').appendChoice([...word.values]);
  return text.appendText(' ').appendTabstop(0);
}

function itemOf(word: SchemaWord, range: vscode.Range, kind: vscode.CompletionItemKind, text: string | vscode.SnippetString): vscode.CompletionItem {
  const item = new vscode.CompletionItem(word.text, kind);
  item.range = range;
  item.insertText = text;
  if (word.description !== '') item.documentation = word.description;
  if (word.values && kind === vscode.CompletionItemKind.Property) item.detail = word.values.join(' | ');
  return item;
}

function clusterItem(range: vscode.Range): vscode.CompletionItem {
  const item = new vscode.CompletionItem(l10n.t('New cluster'), vscode.CompletionItemKind.Snippet);
  item.range = range;
  item.insertText = new vscode.SnippetString(newCluster);
  item.detail = l10n.t('A cluster that is reached by SSH');
  item.filterText = 'new cluster'; // not translated: what is typed
  item.sortText = '~';
  return item;
}
