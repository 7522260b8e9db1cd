/** @jsxImportSource hono/jsx */
/** A list of messages to select from, in a mailbox or among all that is captured. */

import type { Child } from "hono/jsx";

/**
 * The list: what is done to those that are selected (absent: they are deleted for good), and a row for each; `columns`
 * are named between Subject and Received.
 */
export function MailTable(
  { columns, actions, children }: { columns: readonly string[]; actions?: Child; children: Child },
) {
  return (
    <>
      <div class="toolbar">
        <span class="chosen" data-chosen="1">Select messages, then:</span>
        {actions ?? (
          <button
            type="submit"
            class="danger"
            data-needs="1"
            data-confirm="Delete {n} for good?"
            data-yes="Delete"
          >
            Delete
          </button>
        )}
      </div>
      <table class="stack mails">
        <thead>
          <tr>
            <th class="tick">
              <input type="checkbox" class="js-only" data-all="1" aria-label="Select all" />
            </th>
            <th>Subject</th>
            {columns.map((name) => <th key={name}>{name}</th>)}
            <th>Received</th>
            <th class="number">Size</th>
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </>
  );
}
