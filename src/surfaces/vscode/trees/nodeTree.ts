/**
 * Keeps the rows that the editor holds and tells which of them changed, so that a refresh redraws those and no others.
 *
 * Rule: one id, one element object for as long as the row exists; the editor finds rows by object.
 */
import type { TreeNode } from './node.ts';

export class TreeElement {
  node: TreeNode;
  readonly parent: TreeElement | undefined;
  /** Ids of the children that the editor was given; undefined before they were asked for. */
  childIds: readonly string[] | undefined;

  constructor(node: TreeNode, parent: TreeElement | undefined) {
    this.node = node;
    this.parent = parent;
  }
}

function shown(node: TreeNode): string {
  const { children, ...own } = node;
  return JSON.stringify([own, children === 'none' || children === 'lazy' ? children : children.length === 0]);
}

export class NodeTree {
  private readonly elements = new Map<string, TreeElement>();
  private roots: readonly string[] = [];

  get(id: string): TreeElement | undefined {
    return this.elements.get(id);
  }

  /** The elements of these rows, made where they are new. */
  adopt(nodes: readonly TreeNode[], parent: TreeElement | undefined): readonly TreeElement[] {
    const ids = nodes.map(({ id }) => id);
    const previous = parent ? (parent.childIds ?? []) : this.roots;
    for (const id of previous) if (!ids.includes(id)) this.forget(id);
    if (parent) parent.childIds = ids;
    else this.roots = ids;
    return nodes.map((node) => {
      const known = this.elements.get(node.id);
      if (known) {
        known.node = node;
        return known;
      }
      const element = new TreeElement(node, parent);
      this.elements.set(node.id, element);
      return element;
    });
  }

  /** Takes new roots. `all`: the list itself changed; else the elements to draw again, with their children. */
  update(nodes: readonly TreeNode[]): 'all' | readonly TreeElement[] {
    const sameList = nodes.length === this.roots.length && nodes.every((node, index) => node.id === this.roots[index]);
    const changed: TreeElement[] = [];
    for (const node of nodes) this.compare(node, changed);
    if (sameList) return changed;
    this.adopt(nodes, undefined);
    return 'all';
  }

  private compare(node: TreeNode, changed: TreeElement[]): void {
    const element = this.elements.get(node.id);
    if (!element) return;
    const before = element.node;
    element.node = node;
    const listed = typeof node.children === 'string' ? undefined : node.children;
    const ids = listed?.map(({ id }) => id);
    const listChanged = ids !== undefined && element.childIds !== undefined && (ids.length !== element.childIds.length || ids.some((id, index) => id !== element.childIds?.[index]));
    // Drawing a row again asks for its children again, so its descendants need no mention of their own.
    if (shown(before) !== shown(node) || listChanged || (node.children === 'lazy' && element.childIds !== undefined)) changed.push(element);
    else for (const child of listed ?? []) this.compare(child, changed);
  }

  private forget(id: string): void {
    for (const child of this.elements.get(id)?.childIds ?? []) this.forget(child);
    this.elements.delete(id);
  }
}
