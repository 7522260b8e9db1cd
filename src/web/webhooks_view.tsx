/** @jsxImportSource hono/jsx */
/** The webhooks' view: the state of each, a test, and the posts that failed for good. */

import { Hono } from "hono";
import type { Webhooks, WebhookState } from "../webhooks/webhooks.ts";
import { Problem } from "../http/problem.ts";
import type { PageContext, PageEnv, View } from "./context.ts";
import { count, number } from "./format.ts";
import { readOwnForm } from "./forms.ts";
import { Head } from "./layout.tsx";
import { ActionForm, Card, Empty, Time } from "./parts.tsx";
import { goBack, show } from "./render.tsx";

type Dead = Awaited<ReturnType<Webhooks["dead"]>>[number];

/** The page, and its forms' target. */
export function webhookPages(page: PageContext): Hono<PageEnv> {
  const { webhooks } = page.options;
  return new Hono<PageEnv>()
    .get("/webhooks", async (c) => {
      const [states, dead] = webhooks ? await Promise.all([webhooks.states(), webhooks.dead()]) : [[], []];
      return await show(c, page, {
        title: "Webhooks",
        at: "webhooks",
        body: (view) => <WebhooksView view={view} states={states} dead={dead} />,
      });
    })
    .post("/webhooks", async (c) => {
      const form = await readOwnForm(c);
      if (!webhooks) throw new Problem(404, "This server has no webhooks");
      const flashMessage = await carryOut(webhooks, form.text("do"), form.text("of"));
      // a test was posted whatever was answered
      const isChanged = form.text("do") === "test";
      return goBack(c, page, { back: "/webhooks", otherwise: "/webhooks", flashMessage, isChanged });
    });
}

async function carryOut(
  webhooks: Webhooks,
  what: string,
  of: string,
): Promise<{ kind: "done" | "error"; text: string }> {
  if (what === "test") {
    const result = await webhooks.test(of);
    if (!result) throw new Problem(404, "There is no such webhook");
    return result.ok
      ? { kind: "done", text: `The test was answered: ${result.text}` }
      : { kind: "error", text: `The test failed: ${result.text}` };
  }
  const gone = { kind: "error", text: "It is not in the list any more, or its webhook is not" } as const;
  if (what === "retry") {
    return await webhooks.revive(of) ? { kind: "done", text: "It is posted once more" } : gone;
  }
  if (what === "forget") return await webhooks.bury(of) ? { kind: "done", text: "It is forgotten" } : gone;
  throw new Problem(400, "The form does not say what to do");
}

function WebhooksView(p: { view: View; states: readonly WebhookState[]; dead: readonly Dead[] }) {
  const { view, states, dead } = p;
  return (
    <>
      <Head title="Webhooks" lead="Other programs that are notified of what happens." />
      <Card title={count(states.length, "webhook")} id="webhooks" live>
        {states.length === 0
          ? (
            <Empty title="No webhook is configured">
              Add one to the configuration: "webhooks": [{"{"}{" "}
              "url": "https://…", "events": ["bounced"], "secret": "…" {"}"}]
            </Empty>
          )
          : <StateTable view={view} states={states} />}
      </Card>
      {dead.length === 0 ? null : (
        <Card title={`${count(dead.length, "post")} given up`} id="dead-posts" live>
          <DeadTable view={view} dead={dead} />
        </Card>
      )}
    </>
  );
}

function StateTable({ view, states }: { view: View; states: readonly WebhookState[] }) {
  return (
    <table class="stack">
      <thead>
        <tr>
          <th>Receiver</th>
          <th>Events</th>
          <th class="number">Waiting</th>
          <th>Last post</th>
          <th></th>
        </tr>
      </thead>
      <tbody>
        {states.map(({ url, events, signed, waiting, last }) => (
          <tr key={url} data-row={url}>
            <td>
              <bdi>{url}</bdi>
              {signed ? null : <p class="small-print">not signed: it has no secret</p>}
            </td>
            <td data-label="Events">{events.join(", ")}</td>
            <td class="number" data-label="Waiting">{number(waiting)}</td>
            <td data-label="Last post">
              {last === undefined ? "none yet" : <LastPost view={view} last={last} />}
            </td>
            <td>
              <Act view={view} what="test" of={url} label="Send a test" />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function LastPost({ view, last }: { view: View; last: NonNullable<WebhookState["last"]> }) {
  return (
    <>
      <Time at={last.at} now={view.now} />
      <p class="small-print">{last.ok ? last.text : `failed: ${last.text}`}</p>
    </>
  );
}

function DeadTable({ view, dead }: { view: View; dead: readonly Dead[] }) {
  return (
    <table class="stack">
      <thead>
        <tr>
          <th>Event</th>
          <th>Receiver</th>
          <th>Given up</th>
          <th></th>
        </tr>
      </thead>
      <tbody>
        {dead.map(({ id, url, type, diedAt, attempts, lastError }) => (
          <tr key={id} data-row={id}>
            <td>
              {type} <span class="id">{id}</span>
            </td>
            <td data-label="Receiver">
              <bdi>{url}</bdi>
              <p class="small-print">{`after ${count(attempts, "try", "tries")}: ${lastError ?? ""}`}</p>
            </td>
            <td data-label="Given up">
              <Time at={diedAt} now={view.now} />
            </td>
            <td>
              <Act view={view} what="retry" of={id} label="Try again" />
              <Act view={view} what="forget" of={id} label="Forget" />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Act({ view, what, of, label }: { view: View; what: string; of: string; label: string }) {
  return (
    <ActionForm view={view} action="/webhooks">
      <input type="hidden" name="of" value={of} />
      <button type="submit" name="do" value={what}>{label}</button>
    </ActionForm>
  );
}
