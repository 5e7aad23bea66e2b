import assert from 'node:assert/strict';
import type { TreeNode } from '../../../../../src/surfaces/vscode/trees/node.ts';
import { NodeTree } from '../../../../../src/surfaces/vscode/trees/nodeTree.ts';

function node(id: string, description = '', children: TreeNode['children'] = 'none'): TreeNode {
  return { id, label: id, description, contextValue: 'x', subject: { kind: 'none' }, children };
}

function open(tree: NodeTree, nodes: readonly TreeNode[]): void {
  for (const element of tree.adopt(nodes, undefined)) if (typeof element.node.children !== 'string') tree.adopt(element.node.children, element);
}

describe('Keeping the rows of a tree (unit)', () => {
  it('draws nothing again when nothing changed', () => {
    const tree = new NodeTree();
    const nodes = [node('a', '1', [node('a/x')]), node('b')];
    open(tree, nodes);
    assert.deepEqual(tree.update([node('a', '1', [node('a/x')]), node('b')]), []);
  });

  it('draws again only the row that changed, as the same object', () => {
    const tree = new NodeTree();
    open(tree, [node('a', '1', [node('a/x'), node('a/y')]), node('b', '1')]);
    const before = tree.get('a/y');
    const changed = tree.update([node('a', '1', [node('a/x'), node('a/y', 'new')]), node('b', '1')]);
    assert.ok(changed !== 'all');
    assert.deepEqual(changed.map((element) => element.node.id), ['a/y']);
    assert.equal(changed[0], before);
  });

  it('draws a row again with its children when their list changed', () => {
    const tree = new NodeTree();
    open(tree, [node('a', '', [node('a/x')])]);
    const changed = tree.update([node('a', '', [node('a/x'), node('a/y')])]);
    assert.ok(changed !== 'all');
    assert.deepEqual(changed.map((element) => element.node.id), ['a']);
  });

  it('draws everything when the list of runs changed, and keeps the objects of those that stayed', () => {
    const tree = new NodeTree();
    open(tree, [node('a'), node('b')]);
    const kept = tree.get('b');
    assert.equal(tree.update([node('c'), node('b')]), 'all');
    assert.equal(tree.get('b'), kept);
    assert.equal(tree.get('a'), undefined);
  });

  it('asks again for lazy rows that are open', () => {
    const tree = new NodeTree();
    const [element] = tree.adopt([node('a', '', 'lazy')], undefined);
    assert.deepEqual(tree.update([node('a', '', 'lazy')]), []);
    tree.adopt([node('a/t')], element);
    const changed = tree.update([node('a', '', 'lazy')]);
    assert.deepEqual(changed !== 'all' && changed.map(({ node: { id } }) => id), ['a']);
  });

  it('shows what lazy rows are now, under the objects that the editor holds', () => {
    const tree = new NodeTree();
    const [parent] = tree.adopt([node('a', '', 'lazy')], undefined);
    const [before] = tree.adopt([node('a/t', 'running')], parent);
    const [after] = tree.adopt([node('a/t', 'failed')], parent);
    assert.equal(after, before);
    assert.equal(after?.node.description, 'failed');
  });
});
