/**
 * Which tree of a forest a node is in, whatever the trees' depth: a link-cut forest (Sleator and Tarjan), whose work for
 * each call grows with the logarithm of the number of nodes, taken together.
 */

/** A node; what stands here is the forest's own. */
export class ForestNode {
  /** Above it in its path's tree, or what the path hangs on. */
  up: ForestNode | undefined;
  /** Of the path that it is on: what is nearer to the root. */
  nearer: ForestNode | undefined;
  /** And what is farther from it. */
  farther: ForestNode | undefined;
}

/** The root of the tree that a node is in. */
export function rootOf(node: ForestNode): ForestNode {
  expose(node);
  let root = node;
  while (root.nearer) root = root.nearer;
  // what was walked is near the next time
  splay(root);
  return root;
}

/** Hangs a root, which is not the root of `parent`, on a node. */
export function hang(root: ForestNode, parent: ForestNode): void {
  expose(root);
  root.up = parent;
}

/** Takes a node, with what is below it, from its parent: it is a root then. */
export function takeOff(node: ForestNode): void {
  expose(node);
  if (node.nearer) node.nearer.up = undefined;
  node.nearer = undefined;
}

/** Makes the way from the root to the node a path of its own, with the node on top of the path's tree. */
function expose(node: ForestNode): void {
  splay(node);
  node.farther = undefined;
  while (node.up) {
    const hung = node.up;
    splay(hung);
    hung.farther = node;
    splay(node);
  }
}

function isTop(node: ForestNode): boolean {
  return !node.up || (node.up.nearer !== node && node.up.farther !== node);
}

function splay(node: ForestNode): void {
  while (!isTop(node)) {
    const above = node.up!;
    if (!isTop(above)) {
      const isStraight = (above.up!.nearer === above) === (above.nearer === node);
      rotate(isStraight ? above : node);
    }
    rotate(node);
  }
}

/** Puts a node in the place of what is above it, in the same order. */
function rotate(node: ForestNode): void {
  const above = node.up!;
  const over = above.up;
  const wasTop = isTop(above);
  if (above.nearer === node) {
    above.nearer = node.farther;
    if (node.farther) node.farther.up = above;
    node.farther = above;
  } else {
    above.farther = node.nearer;
    if (node.nearer) node.nearer.up = above;
    node.nearer = above;
  }
  above.up = node;
  node.up = over;
  if (wasTop || !over) return;
  if (over.nearer === above) over.nearer = node;
  else over.farther = node;
}
