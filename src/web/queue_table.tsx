/** @jsxImportSource hono/jsx */
/** The table of queued messages, and the buttons over it. */

import type { View } from "./context.ts";
import { number, size } from "./format.ts";
import { pathTo } from "./forms.ts";
import { Address, Addresses, Badge, Time } from "./parts.tsx";
import type { QueueRow } from "./queue_rows.ts";

/** What can be done with those that are selected; `total`: how many fit, when that is more than the page shows. */
export function Toolbar({ total }: { total: string | undefined }) {
  return (
    <div class="toolbar" role="group" aria-label="What to do with the selected messages">
      <span class="chosen" data-chosen="1">Select messages, then:</span>
      {total === undefined ? null : (
        <label class="every">
          <input type="checkbox" name="every" value="1" data-every={total} />
          {` All ${total} that fit`}
        </label>
      )}
      <QueueButtons />
    </div>
  );
}

/** What can be done with messages; `single`: with the one that is shown. */
export function QueueButtons({ single, held, free }: { single?: boolean; held?: boolean; free?: boolean }) {
  const needs = single ? undefined : "1";
  const what = single ? "this message" : "{n}";
  return (
    <>
      {single && !free
        ? null
        : <button type="submit" name="do" value="retry" data-needs={needs} data-key="r">Try now</button>}
      {single && !free
        ? null
        : <button type="submit" name="do" value="hold" data-needs={needs} data-key="h">Hold</button>}
      {single && !held
        ? null
        : <button type="submit" name="do" value="release" data-needs={needs} data-key="u">Release</button>}
      <button
        type="submit"
        name="do"
        value="bounce"
        class="danger"
        data-needs={needs}
        data-confirm={`Return ${what} to the sender as undeliverable?`}
        data-yes="Return"
      >
        Bounce
      </button>
      <button
        type="submit"
        name="do"
        value="delete"
        class="danger"
        data-needs={needs}
        data-confirm={`Delete ${what} for good? Nobody will be notified.`}
        data-yes="Delete"
      >
        Delete
      </button>
    </>
  );
}

/** The messages of a page. */
export function QueueTable({ view, rows }: { view: View; rows: readonly QueueRow[] }) {
  return (
    <table class="stack">
      <thead>
        <tr>
          <th class="tick">
            <input type="checkbox" class="js-only" data-all="1" aria-label="Select all" />
          </th>
          <th>Message</th>
          <th>State</th>
          <th class="number">Attempts</th>
          <th>Next attempt</th>
          <th>Received</th>
          <th class="number">Size</th>
        </tr>
      </thead>
      <tbody>{rows.map((row) => <Row key={row.id} view={view} row={row} />)}</tbody>
    </table>
  );
}

function Row({ view, row }: { view: View; row: QueueRow }) {
  return (
    <tr data-row={row.id}>
      <td class="tick">
        <input type="checkbox" name="id" value={row.id} aria-label={`Select the message ${row.id}`} />
      </td>
      <td>
        <a class="row-link" href={pathTo("messages", row.id)}>
          <Addresses of={row.recipients} />
        </a>
        <p class="small-print">
          from <Address of={row.sender} />
          {row.subject === undefined ? null : (
            <>
              {" · "}
              <bdi>{row.subject}</bdi>
            </>
          )}
        </p>
        {row.why === undefined ? null : <p class="why" title={row.why}>{row.why}</p>}
      </td>
      <td>
        <Badge state={row.state} />
      </td>
      <td class="number" data-label="Attempts">{number(row.attempts)}</td>
      <td data-label="Next attempt">
        {row.nextAt === undefined
          ? <span class="quiet">none</span>
          : row.nextAt <= view.now
          ? "now"
          : <Time at={row.nextAt} now={view.now} />}
      </td>
      <td data-label="Received">
        <Time at={row.receivedAt} now={view.now} />
      </td>
      <td class="number" data-label="Size">{size(row.size)}</td>
    </tr>
  );
}
