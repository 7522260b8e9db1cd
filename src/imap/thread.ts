/** The threads of messages (RFC 5256 4). */

import { type CardReading, cardsOf } from "./card_reader.ts";
import type { ThreadAlgorithm } from "./request.ts";
import { collated } from "./sort.ts";
import { linkThreads, orderThreads, type Threadable, type ThreadNode } from "./thread_links.ts";
import { gatherBySubject } from "./thread_subjects.ts";

/** What is threaded. */
export interface Threading extends CardReading {
  /** Places in the view, ascending. */
  readonly places: Uint32Array;
  readonly algorithm: ThreadAlgorithm;
  /** What is answered for a place: its number or UID. */
  readonly number: (place: number) => number;
}

/** Threads messages; the answer as it is told: `(2)(3 6 (4 23)(44 7 96))`. Rejects when the store fails. */
export async function threadMessages(threading: Threading): Promise<string> {
  const { places, algorithm, number } = threading;
  const messages: Threadable[] = [];
  for await (const { place, internalDate, facts: { sort, thread } } of cardsOf(threading, places)) {
    const { messageId, references, isReply } = thread;
    const subject = collated(sort.baseSubject);
    messages.push({
      number: number(place),
      date: sort.sentAt ?? internalDate,
      messageId,
      references,
      subject,
      isReply,
    });
  }
  return threadText(threadsOf(messages, algorithm));
}

/** The threads of messages that are in the order of their numbers. */
export function threadsOf(
  messages: readonly Threadable[],
  algorithm: ThreadAlgorithm,
): readonly ThreadNode[] {
  if (algorithm === "ORDEREDSUBJECT") return orderedSubject(messages);
  const threads = linkThreads(messages);
  if (algorithm === "REFS") return orderThreads(threads, "latest");
  return orderThreads(gatherBySubject(orderThreads(threads, "first")), "first");
}

/** RFC 5256 4: a subject is a thread, whose first message all others answer. */
function orderedSubject(messages: readonly Threadable[]): ThreadNode[] {
  const threads = new Map<string, ThreadNode>();
  const byDate = messages.map((message, i) => ({ message, i })).sort((a, b) =>
    a.message.date - b.message.date || a.i - b.i
  );
  for (const { message } of byDate) {
    const node: ThreadNode = { message, children: [], parent: undefined };
    const thread = threads.get(message.subject);
    if (thread) thread.children.push(node);
    else threads.set(message.subject, node);
  }
  return [...threads.values()];
}

/** Threads as text, however deep they are. */
export function threadText(threads: readonly ThreadNode[]): string {
  let text = "";
  const todo: (ThreadNode | ")")[] = [];
  const open = (nodes: readonly ThreadNode[]) => {
    for (const node of [...nodes].reverse()) todo.push(")", node);
  };
  open(threads);
  // what stands alone behind a message is no thread of its own
  let follows = false;
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (next === ")") {
      text += ")";
      continue;
    }
    text += follows ? " " : "(";
    follows = false;
    if (next.message) text += next.message.number;
    const { children } = next;
    if (children.length === 1 && next.message) {
      follows = true;
      todo.push(children[0]!);
    } else if (children.length > 0) {
      if (next.message) text += " ";
      open(children);
    }
  }
  return text;
}
