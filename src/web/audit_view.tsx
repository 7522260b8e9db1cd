/** @jsxImportSource hono/jsx */
/** The audit log's view: who changed what, newest first, page by page. */

import { Hono } from "hono";
import { type AuditEntry, cursorOf } from "../http/audit.ts";
import { Problem } from "../http/problem.ts";
import type { PageContext, PageEnv, View } from "./context.ts";
import { Head } from "./layout.tsx";
import { Card, Empty, Time } from "./parts.tsx";
import { show } from "./render.tsx";

const ON_A_PAGE = 100;

/** The page. */
export function auditPages(page: PageContext): Hono<PageEnv> {
  return new Hono<PageEnv>().get("/audit", async (c) => {
    const before = c.req.query("before");
    if (before !== undefined && !cursorOf(before)) {
      throw new Problem(422, "before: this is none of this list");
    }
    const { items, cursor } = await page.auth.audit.list({ limit: ON_A_PAGE, before });
    return await show(c, page, {
      title: "Audit log",
      at: "events",
      body: (view) => <AuditView view={view} items={items} older={cursor} />,
    });
  });
}

function AuditView(
  { view, items, older }: { view: View; items: readonly AuditEntry[]; older: string | null },
) {
  return (
    <>
      <p class="crumbs">
        <a href="/events">Events</a>
      </p>
      <Head title="Audit log" lead="Who changed what, by API, page and command line, in the last 90 days." />
      <Card title="Newest first" id="audit">
        {items.length === 0
          ? <Empty title="Nobody has changed anything">What somebody changes from now on stands here.</Empty>
          : <AuditTable items={items} now={view.now} />}
        {older === null ? null : (
          <p class="pad">
            <a href={`/audit?before=${encodeURIComponent(older)}`}>Older changes</a>
          </p>
        )}
      </Card>
    </>
  );
}

function AuditTable({ items, now }: { items: readonly AuditEntry[]; now: number }) {
  return (
    <table class="stack">
      <thead>
        <tr>
          <th>When</th>
          <th>Who</th>
          <th>What</th>
          <th>With what</th>
        </tr>
      </thead>
      <tbody>
        {items.map(({ at, user, action, target }) => (
          <tr>
            <td class="quiet">
              <Time at={at} now={now} />
            </td>
            <td data-label="Who">
              <bdi>{user}</bdi>
            </td>
            <td data-label="What">
              <code>{action}</code>
            </td>
            <td data-label={target === "" ? undefined : "With what"}>
              <bdi>{target}</bdi>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
