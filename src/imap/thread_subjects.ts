/** Threads of one subject put together (RFC 5256 4, REFERENCES, step 5). */

import type { ThreadNode } from "./thread_links.ts";

/** Gathers threads, which are in the order of their dates; answers those that are left. */
export function gatherBySubject(threads: readonly ThreadNode[]): ThreadNode[] {
  const table = new Map<string, ThreadNode>();
  for (const thread of threads) {
    const subject = subjectOf(thread);
    if (subject === "") continue;
    const known = table.get(subject);
    // (B) a place without a message before all others, and what is no answer before answers
    if (
      !known || (!thread.message && known.message) ||
      (known.message?.isReply && thread.message && !thread.message.isReply)
    ) {
      table.set(subject, thread);
    }
  }
  const left = new Set<ThreadNode>(threads);
  for (const thread of threads) {
    const subject = subjectOf(thread);
    const known = subject === "" ? undefined : table.get(subject);
    if (!known || known === thread) continue;
    left.delete(thread);
    if (!known.message) {
      // (C) the children of two such places, or a message among them
      for (const child of thread.message ? [thread] : thread.children) adopt(known, child);
    } else if (thread.message?.isReply && !known.message.isReply) adopt(known, thread);
    else {
      const both: ThreadNode = { message: undefined, children: [], parent: undefined };
      left.delete(known);
      left.add(both);
      adopt(both, known);
      adopt(both, thread);
      table.set(subject, both);
    }
  }
  return [...left];
}

function adopt(parent: ThreadNode, child: ThreadNode): void {
  parent.children.push(child);
  child.parent = parent;
}

/** Its own, or that of the first message below it. */
function subjectOf(thread: ThreadNode): string {
  return (thread.message ?? thread.children[0]?.message)?.subject ?? "";
}
