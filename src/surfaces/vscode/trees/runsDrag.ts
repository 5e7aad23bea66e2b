/** A task that is dragged onto the editor opens its log; dragged as text, it is the address of that log. */
import * as vscode from 'vscode';
import { logUri } from '../documents/logAddress.ts';
import type { TreeElement } from './nodeTree.ts';

const uriList = 'text/uri-list';

export class RunsDrag implements vscode.TreeDragAndDropController<TreeElement> {
  readonly dragMimeTypes = [uriList];
  readonly dropMimeTypes = [];

  handleDrag(source: readonly TreeElement[], transfer: vscode.DataTransfer): void {
    const uris = source.flatMap(({ node: { subject } }) => (subject.kind === 'task' ? [logUri(subject).toString()] : []));
    if (uris.length > 0) transfer.set(uriList, new vscode.DataTransferItem(uris.join('\r\n')));
  }
}
