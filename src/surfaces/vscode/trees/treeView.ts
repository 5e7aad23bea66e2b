/** Draws rows that pure functions made: the one place where a `TreeNode` becomes a `TreeItem`. */
import * as vscode from 'vscode';
import type { TreeNode } from './node.ts';
import { NodeTree, type TreeElement } from './nodeTree.ts';

/** Rows below a lazy one. */
export type LoadChildren = (node: TreeNode) => Promise<readonly TreeNode[]>;

export class NodeTreeProvider implements vscode.TreeDataProvider<TreeElement>, vscode.Disposable {
  private readonly tree = new NodeTree();
  private readonly changed = new vscode.EventEmitter<TreeElement | undefined | TreeElement[]>();
  readonly onDidChangeTreeData = this.changed.event;
  private nodes: readonly TreeNode[] = [];
  private readonly loadChildren: LoadChildren;

  constructor(loadChildren: LoadChildren) {
    this.loadChildren = loadChildren;
  }

  show(nodes: readonly TreeNode[]): void {
    this.nodes = nodes;
    const changed = this.tree.update(nodes);
    if (changed === 'all') this.changed.fire(undefined);
    else if (changed.length > 0) this.changed.fire([...changed]);
  }

  /** Asks again for the rows below this one. */
  reload(id: string): void {
    const element = this.tree.get(id);
    if (element) this.changed.fire(element);
  }

  find(id: string): TreeElement | undefined {
    return this.tree.get(id);
  }

  getTreeItem({ node }: TreeElement): vscode.TreeItem {
    const { None, Collapsed, Expanded } = vscode.TreeItemCollapsibleState;
    const hasChildren = node.children === 'lazy' || (node.children !== 'none' && node.children.length > 0);
    const item = new vscode.TreeItem(node.label, hasChildren ? (node.expanded ? Expanded : Collapsed) : None);
    item.id = node.id;
    item.contextValue = node.contextValue;
    if (node.description !== undefined) item.description = node.description;
    if (node.icon) item.iconPath = new vscode.ThemeIcon(node.icon.id, node.icon.color === undefined ? undefined : new vscode.ThemeColor(node.icon.color));
    if (node.tooltip !== undefined) item.tooltip = new vscode.MarkdownString(node.tooltip, true);
    if (node.command !== undefined) item.command = { command: node.command, title: '', arguments: [node] };
    item.accessibilityInformation = { label: node.spoken ?? [node.label, node.description].filter((part) => part !== undefined).join(', ') };
    return item;
  }

  async getChildren(element?: TreeElement): Promise<TreeElement[]> {
    if (!element) return [...this.tree.adopt(this.nodes, undefined)];
    const { children } = element.node;
    if (children === 'none') return [];
    return [...this.tree.adopt(children === 'lazy' ? await this.loadChildren(element.node) : children, element)];
  }

  getParent(element: TreeElement): TreeElement | undefined {
    return element.parent;
  }

  dispose(): void {
    this.changed.dispose();
  }
}
