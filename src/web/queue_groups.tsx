/** @jsxImportSource hono/jsx */
/** The groups of queued messages that have an answer, a subject, a sender or a destination in common. */

import type { QueueGroup, QueueGrouping } from "../queue/search.ts";
import { atLeast, count, number } from "./format.ts";
import { NARROWED, type QueueQuery, queueUrl } from "./queue_rows.ts";

/** What the groups of messages have in common, and which narrowing shows one. */
export const GROUPS: Record<QueueGrouping, { word: string; narrowed: typeof NARROWED[number] }> = {
  error: { word: "Answer", narrowed: "answer" },
  subject: { word: "Subject", narrowed: "about" },
  sender: { word: "Sender", narrowed: "sender" },
  domain: { word: "Destination", narrowed: "domain" },
};
const MOST_GROUPS = 200;

/** What a group has in common, in words also where that is nothing. */
export function groupText(text: string, by: typeof NARROWED[number]): string {
  if (text !== "") return text;
  return { answer: "not tried yet", about: "no subject", sender: "the mail system", domain: "none" }[by];
}

/** Messages put together by what they have in common; each leads to them. */
export function Groups(
  { query, whole, groups, group }: {
    query: QueueQuery;
    whole: boolean;
    groups: readonly QueueGroup[];
    group: QueueGrouping;
  },
) {
  const { word, narrowed } = GROUPS[group];
  const rows = groups.slice(0, MOST_GROUPS);
  return (
    <div class="card" id="queue-groups" data-live="1">
      <table class="stack">
        <thead>
          <tr>
            <th>{word}</th>
            <th class="number">Messages</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ text, messages }) => (
            <tr key={text} data-row={text}>
              <td>
                <a
                  class="row-link"
                  href={queueUrl({ ...query, [narrowed]: text, after: undefined, skip: undefined })}
                >
                  <bdi>{groupText(text, narrowed)}</bdi>
                </a>
              </td>
              <td class="number" data-label="Messages">{atLeast(messages, whole)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <div class="pager">
        <span>
          {rows.length < groups.length
            ? `The ${number(rows.length)} largest of ${number(groups.length)} groups`
            : count(groups.length, "group")}
        </span>
      </div>
    </div>
  );
}
