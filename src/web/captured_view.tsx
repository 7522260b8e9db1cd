/** @jsxImportSource hono/jsx */
/** The view that the page opens on where mail is captured: all of it, newest first, searched, read and removed. */

import { Hono } from "hono";
import { releaseCaptured } from "../api/releasing.ts";
import { isId } from "../base/ids.ts";
import { Problem } from "../http/problem.ts";
import { type CapturedPage, capturedPage, type FoundCaptured } from "../api/captured_search.ts";
import type { CapturedMail } from "../capture/captured_mail.ts";
import { parseQuery } from "../mail/query.ts";
import type { PageContext, PageEnv, View } from "./context.ts";
import type { FlashMessage } from "./flash_messages.ts";
import { count, number, size } from "./format.ts";
import { pathTo, readOwnForm } from "./forms.ts";
import { Head } from "./layout.tsx";
import { MailTable } from "./mail_table.tsx";
import { ActionForm, Addresses, Empty, Time } from "./parts.tsx";
import { goBack, show } from "./render.tsx";

const PAGE = 50;
const MAX_QUERY = 1000;

/** The pages, and their forms' target. */
export function capturedPages(page: PageContext, captured: CapturedMail): Hono<PageEnv> {
  return new Hono<PageEnv>()
    .get("/", async (c) => {
      const query = (c.req.query("q") ?? "").slice(0, MAX_QUERY);
      const after = c.req.query("after");
      const read = parseQuery(query);
      const found = "fault" in read ? read.fault : await capturedPage(captured, page.options, {
        limit: PAGE,
        after: after !== undefined && isId(after) ? after : undefined,
        query: read.terms,
      });
      return await show(c, page, {
        title: "Captured mail",
        at: "captured",
        body: (view) => <CapturedView {...{ view, page, captured, query, found }} />,
      });
    })
    .get("/captured", (c) => c.redirect("/", 303))
    .post("/captured", async (c) => {
      const form = await readOwnForm(c);
      const all = form.text("all") === "1";
      const ids = [...new Set(form.all("uid").filter(isId))];
      const gone = all ? captured.count : ids.length;
      if (gone > 0 && form.text("sure") === "") {
        return await show(c, page, {
          title: "Delete mail?",
          at: "captured",
          body: (view) => <DeleteQuestion view={view} ids={all ? "all" : ids} gone={gone} />,
        });
      }
      await (all ? captured.removeAll() : captured.remove(ids));
      return goBack(c, page, {
        back: all ? "/" : form.text("back"),
        otherwise: "/",
        flashMessage: gone === 0
          ? { kind: "error", text: all ? "There was nothing to delete" : "Nothing was selected" }
          : { kind: "done", text: `${count(gone, "message")} deleted` },
      });
    })
    .post("/captured/:uid/release", async (c) => {
      const form = await readOwnForm(c);
      const to = form.text("to").split(/[\s,;]+/).filter((text) => text !== "");
      const here = pathTo("captured", c.req.param("uid"));
      return goBack(c, page, {
        back: here,
        otherwise: here,
        flashMessage: await released(page, c.req.param("uid"), to),
      });
    });
}

/** Releases it to the real world; what came of it. */
async function released(page: PageContext, uid: string, to: readonly string[]): Promise<FlashMessage> {
  if (to.length === 0) return { kind: "error", text: "Nobody is named to release it to" };
  try {
    await releaseCaptured(page.options, uid, to);
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 422) throw error;
    return { kind: "error", text: error.message };
  }
  return { kind: "done", text: `Released to ${to.join(", ")}; the queue shows how it goes on` };
}

interface CapturedProps {
  readonly view: View;
  readonly page: PageContext;
  readonly captured: CapturedMail;
  readonly query: string;
  /** A text: what is wrong with the query. */
  readonly found: CapturedPage | string;
}

function CapturedView(props: CapturedProps) {
  const { view, captured, query } = props;
  return (
    <>
      <Head title="Captured mail">
        <form method="get" action="/" class="search" role="search">
          <input
            type="search"
            name="q"
            value={query}
            placeholder="Words, to:ann, is:unread"
            aria-label="Search all captured mail"
            title="Words, from: to: subject: has:attachment before: after: is:read is:unread; - before a term excludes"
            maxlength={MAX_QUERY}
          />
          <button type="submit">Find</button>
        </form>
      </Head>
      <ActionForm view={view} action="/captured" class="card" select>
        <input type="hidden" name="back" value={view.here} />
        <div id="captured-list" data-live="1">
          <CapturedList {...props} />
        </div>
      </ActionForm>
      <div id="captured-foot" data-live="1">
        {captured.count === 0 ? null : <Foot view={view} captured={captured} />}
      </div>
    </>
  );
}

function Foot({ view, captured }: { view: View; captured: CapturedMail }) {
  return (
    <ActionForm view={view} action="/captured" class="list-foot">
      <p class="small-print">
        {`${count(captured.count, "message")}, ${number(captured.unseen)} not read, ${size(captured.bytes)}`}
      </p>
      <input type="hidden" name="all" value="1" />
      <button
        type="submit"
        class="danger"
        data-confirm="Delete all captured messages for good?"
        data-yes="Delete all"
      >
        Delete all
      </button>
    </ActionForm>
  );
}

function CapturedList({ view, page, captured, query, found }: CapturedProps) {
  if (typeof found === "string") return <Empty title="The search does not parse">{`${found}.`}</Empty>;
  if (captured.count === 0) return <HowToSend page={page} />;
  const next = found.next;
  const more = next === undefined
    ? undefined
    : `/?${new URLSearchParams({ ...(query === "" ? {} : { q: query }), after: next })}`;
  if (found.page.length === 0 && more === undefined) {
    return (
      <Empty title="Nothing found">
        <a href="/">Show all captured mail</a>
      </Empty>
    );
  }
  return (
    <>
      <MailTable columns={["From", "To"]}>
        {found.page.map((one) => <Row key={one.message.id} view={view} found={one} />)}
      </MailTable>
      {more === undefined ? null : (
        <div class="pager">
          <span>{query === "" ? "" : `${count(found.looked, "message")} looked at.`}</span>
          <a href={more}>Older mail</a>
        </div>
      )}
    </>
  );
}

function Row({ view, found: { message, header } }: { view: View; found: FoundCaptured }) {
  const { id, seen, receivedAt, recipients } = message;
  const subject = header.subject.trim() === "" ? "No subject" : header.subject;
  return (
    <tr data-row={id} class={seen ? undefined : "unread"}>
      <td class="tick">
        <input type="checkbox" name="uid" value={id} aria-label={`Select ${subject}`} />
      </td>
      <td>
        <a class="row-link" href={pathTo("captured", id)}>
          <bdi>{subject}</bdi>
          {seen ? null : <span class="unseen">(not read)</span>}
        </a>
      </td>
      <td>
        <bdi>{header.from === "" ? "the mail system" : header.from}</bdi>
      </td>
      <td data-label="To">
        <Addresses of={recipients} />
      </td>
      <td class="when">
        <Time at={receivedAt} now={view.now} />
      </td>
      <td class="number">{size(message.size)}</td>
    </tr>
  );
}

/** What is shown before the first message: how to send it. */
function HowToSend({ page }: { page: PageContext }) {
  const { smtp, submission, admin } = page.server.addresses();
  const address = smtp?.[0] ?? submission?.[0];
  if (address === undefined) {
    return <Empty title="No mail yet">It appears here by itself, as soon as some comes.</Empty>;
  }
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  const lines = [`SMTP_URL=smtp://${address}`, `SMTP_HOST=${host}`, `SMTP_PORT=${address.slice(colon + 1)}`];
  const curl = "printf 'Subject: Hello\\r\\n\\r\\nHow are you?\\r\\n' |\n" +
    `  curl --url smtp://${address} --mail-rcpt jo@example.org --upload-file -`;
  const api = admin?.[0];
  return (
    <Empty title="No mail yet">
      <p>
        All that is sent to <b>{address}</b>{" "}
        by SMTP appears here by itself, whoever it is for; nothing is delivered. Any user name and password
        will do, and no TLS is needed.
      </p>
      <p>For the program that sends:</p>
      <pre>{lines.join("\n")}</pre>
      <p>A first message by hand:</p>
      <pre>{curl}</pre>
      {api === undefined ? null : (
        <>
          <p>For a test that waits for it:</p>
          <pre>{`curl 'http://${api}/api/v1/wait?mailbox=jo@example.org&timeout=5s'`}</pre>
        </>
      )}
    </Empty>
  );
}

function DeleteQuestion({ view, ids, gone }: { view: View; ids: readonly string[] | "all"; gone: number }) {
  return (
    <>
      <Head title="Delete mail?" lead={`${count(gone, "message")} will be gone for good.`} />
      <ActionForm view={view} action="/captured" class="buttons">
        <input type="hidden" name="sure" value="1" />
        {ids === "all"
          ? <input type="hidden" name="all" value="1" />
          : ids.map((id) => <input key={id} type="hidden" name="uid" value={id} />)}
        <button type="submit" class="danger">Delete</button>
        <a class="button" href="/">Cancel</a>
      </ActionForm>
    </>
  );
}
