/** Threads by what messages say of each other (RFC 5256 4, REFERENCES, steps 1 to 4 and 6). */

import { ForestNode, hang, rootOf, takeOff } from "./link_forest.ts";

/** What is known of a message. */
export interface Threadable {
  readonly number: number;
  /** When it was sent, or came: milliseconds since 1970. */
  readonly date: number;
  readonly messageId?: string | undefined;
  readonly references: readonly string[];
  /** Its base subject, in one case of letters. */
  readonly subject: string;
  /** Its subject says that it answers or forwards. */
  readonly isReply: boolean;
}

/** A message among others, or the place of one that is not there. */
export interface ThreadNode {
  readonly message: Threadable | undefined;
  children: ThreadNode[];
  parent: ThreadNode | undefined;
}

class Linked extends ForestNode {
  message: Threadable | undefined;
  parent: Linked | undefined;
  readonly children = new Set<Linked>();
  /** A message is in it or below it. */
  leadsToMessage = false;
}

/** Links messages, which are in the order of their numbers; answers the first of each thread. */
export function linkThreads(messages: readonly Threadable[]): ThreadNode[] {
  const byId = new Map<string, Linked>();
  const nodes: Linked[] = [];
  const made = (): Linked => {
    const node = new Linked();
    nodes.push(node);
    return node;
  };
  const named = (id: string): Linked => {
    let node = byId.get(id);
    if (!node) byId.set(id, node = made());
    return node;
  };
  for (const message of messages) {
    let own = message.messageId === undefined ? made() : named(message.messageId);
    // an id is that of the first message that has it
    if (own.message) own = made();
    own.message = message;
    let before: Linked | undefined;
    for (const id of message.references) {
      const node = named(id);
      if (before && !node.parent) link(before, node);
      before = node;
    }
    // what others said of this one does not count against what it says itself, be it nothing
    if (own.parent) unlink(own);
    if (before) link(before, own);
  }
  return pruned(nodes);
}

function unlink(child: Linked): void {
  child.parent?.children.delete(child);
  child.parent = undefined;
  takeOff(child);
}

function link(parent: Linked, child: Linked): void {
  if (parent === child) return;
  // without children it is above nobody
  if (child.children.size > 0 && rootOf(parent) === child) return;
  child.parent = parent;
  parent.children.add(child);
  hang(child, parent);
}

/** Step 3: places of messages that are not there go; their children stand in their stead, except at the top. */
function pruned(nodes: readonly Linked[]): ThreadNode[] {
  for (const node of nodes) {
    if (!node.message) continue;
    for (let at: Linked | undefined = node; at && !at.leadsToMessage; at = at.parent) {
      at.leadsToMessage = true;
    }
  }
  const threads: ThreadNode[] = [];
  const todo: { node: Linked; parent: ThreadNode | undefined }[] = [];
  for (const node of nodes) if (!node.parent) todo.push({ node, parent: undefined });
  todo.reverse();
  for (let next = todo.pop(); next; next = todo.pop()) {
    const { node, parent } = next;
    const children = [...node.children].filter((child) => child.leadsToMessage);
    if (!node.message && (parent || children.length <= 1)) {
      for (const child of children.reverse()) todo.push({ node: child, parent });
      continue;
    }
    const kept: ThreadNode = { message: node.message, children: [], parent };
    (parent ? parent.children : threads).push(kept);
    for (const child of children.reverse()) todo.push({ node: child, parent: kept });
  }
  return threads.filter(({ message, children }) => message !== undefined || children.length > 0);
}

/** Steps 4 and 6: by date, on each level; `latest`: whole threads by their newest message. */
export function orderThreads(threads: readonly ThreadNode[], by: "first" | "latest"): ThreadNode[] {
  const nodes: ThreadNode[] = [];
  const todo = [...threads];
  for (let next = todo.pop(); next; next = todo.pop()) {
    nodes.push(next);
    for (const child of next.children) todo.push(child);
  }
  const dates = new Map<ThreadNode, number>();
  const latest = new Map<ThreadNode, number>();
  const sorted = (some: readonly ThreadNode[], of: ReadonlyMap<ThreadNode, number>) =>
    [...some].sort((a, b) => of.get(a)! - of.get(b)! || numberOf(a) - numberOf(b));
  // children come behind their parents here
  for (const node of nodes.reverse()) {
    node.children = sorted(node.children, dates);
    const first = node.children[0];
    dates.set(node, node.message?.date ?? (first ? dates.get(first)! : 0));
    const newest = node.message?.date ?? -Infinity;
    latest.set(node, node.children.reduce((max, child) => Math.max(max, latest.get(child)!), newest));
  }
  return sorted(threads, by === "first" ? dates : latest);
}

/** Of equal dates the lower number is first. */
function numberOf(node: ThreadNode): number {
  let at: ThreadNode | undefined = node;
  while (at && !at.message) at = at.children[0];
  return at?.message?.number ?? 0;
}
