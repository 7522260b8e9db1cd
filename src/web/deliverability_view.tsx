/** @jsxImportSource hono/jsx */
/** The view of what the DNS says of our host and domains, beside what it should. */

import { Hono } from "hono";
import type { RecordFinding } from "../deliverability/domain_check.ts";
import { Problem } from "../http/problem.ts";
import type { PageContext, PageEnv } from "./context.ts";
import { count } from "./format.ts";
import { Head } from "./layout.tsx";
import { Card, Empty } from "./parts.tsx";
import { show } from "./render.tsx";

const BADGES = { right: "s-delivered", wrong: "s-failed", unknown: "s-held" } as const;
const WORDS = { right: "Right", wrong: "Wrong", unknown: "Not known" } as const;

/** The page. */
export function deliverabilityPages(page: PageContext): Hono<PageEnv> {
  const { deliverability } = page.options;
  return new Hono<PageEnv>().get("/deliverability", async (c) => {
    if (!deliverability) throw new Problem(404, "This server sends nothing into the world");
    const { host, domains } = await deliverability();
    const all = [...host, ...domains.flatMap(({ findings }) => findings)];
    const wrong = all.filter(({ state }) => state === "wrong").length;
    return await show(c, page, {
      title: "Deliverability",
      at: "deliverability",
      body: (view) => (
        <>
          <Head
            title="Deliverability"
            lead={wrong === 0
              ? "What the DNS says of this server, asked just now."
              : `${count(wrong, "record")} of ${all.length} in the DNS ${wrong === 1 ? "is" : "are"} wrong.`}
          />
          <p>
            <a href="/reports">What others report</a> of mail in our name and of connections to our hosts.
          </p>
          <Card title={view.hostname} id="host-records">
            <Findings of={host} />
          </Card>
          {domains.length === 0
            ? (
              <Card title="Domains">
                <Empty title="No domain that the world can know">Name yours in "domains".</Empty>
              </Card>
            )
            : null}
          {domains.map(({ domain, findings }) => (
            <Card key={domain} title={domain}>
              <Findings of={findings} />
            </Card>
          ))}
        </>
      ),
    });
  });
}

function Findings({ of }: { of: readonly RecordFinding[] }) {
  return (
    <table class="stack">
      <thead>
        <tr>
          <th>State</th>
          <th>Record</th>
          <th>Name</th>
          <th>What is there, and what would be right</th>
        </tr>
      </thead>
      <tbody>
        {of.map(({ purpose, name, state, text, mend }) => (
          <tr key={`${purpose} ${name}`}>
            <td>
              <span class={`badge ${BADGES[state]}`}>{WORDS[state]}</span>
            </td>
            <td class="whole" data-label="Record">{purpose}</td>
            <td class="roomy" data-label="Name">
              <bdi class="address">{name}</bdi>
            </td>
            <td>
              <bdi>{text}</bdi>
              {mend === undefined ? null : <p class="mono address">{mend}</p>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
