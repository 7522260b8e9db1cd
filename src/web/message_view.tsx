/** @jsxImportSource hono/jsx */
/** The view of one message: text, HTML in a frame that can do nothing, headers, source, attachments. */

import { type Context, Hono } from "hono";
import { decode } from "../base/bytes.ts";
import { attachmentOf, parsedMail, type StoredMail, storedMail } from "../api/mail_lookup.ts";
import type { MailView } from "../api/mail_reader.ts";
import { Problem } from "../http/problem.ts";
import { rawMail } from "../api/raw_message.ts";
import type { PageContext, PageEnv, View } from "./context.ts";
import { size } from "./format.ts";
import { pathTo } from "./forms.ts";
import { FRAME_POLICY, framedHtml } from "./html_part.ts";
import { Head } from "./layout.tsx";
import { ActionForm, Time } from "./parts.tsx";
import { show } from "./render.tsx";

const SIDES = ["text", "html", "headers", "source"] as const;
type Side = typeof SIDES[number];
const SIDE_WORDS: Record<Side, string> = { text: "Text", html: "HTML", headers: "Headers", source: "Source" };
/** More of the source is only to be downloaded. */
const MAX_SOURCE = 256 * 1024;

interface ShownMail extends StoredMail {
  readonly mail: MailView;
  readonly side: Side;
  readonly source: string | undefined;
}

/** The pages. */
export function mailPages(page: PageContext): Hono<PageEnv> {
  const { mailStore } = page.options;

  const found = (c: Context<PageEnv>) =>
    storedMail({ address: c.req.param("address") ?? "", uid: c.req.param("uid") ?? "" }, page.options);

  return new Hono<PageEnv>()
    .get("/mailboxes/:address/:uid", async (c) => {
      const { address, entry } = await found(c);
      const mail = await parsedMail({ address, entry }, page.options);
      if (!entry.seen && c.req.method === "GET") await mailStore.markSeen(address, entry.uid);
      const side = sideOf(c.req.query("side"), mail);
      const source = side === "source" ? await beginning(mailStore.read(entry)) : undefined;
      return await show(c, page, {
        title: mail.subject || "No subject",
        at: "mailboxes",
        body: (view) => <MailView view={view} shown={{ address, entry, mail, side, source }} />,
      });
    })
    .get("/mailboxes/:address/:uid/html", async (c) => {
      const { html, attachments } = await parsedMail(await found(c), page.options);
      if (html === null) throw new Problem(404, "The message has no HTML part");
      return c.body(framedHtml(html, attachments), 200, {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": FRAME_POLICY,
        "x-frame-options": "SAMEORIGIN",
        "x-dns-prefetch-control": "off",
      });
    })
    .get("/mailboxes/:address/:uid/raw", async (c) => {
      return rawMail(mailStore, await found(c));
    })
    .get("/mailboxes/:address/:uid/attachments/:n", async (c) => {
      return await attachmentOf(await found(c), c.req.param("n"), page.options);
    });
}

/** The side that is asked for, or the first that there is. */
function sideOf(asked: string | undefined, mail: MailView): Side {
  const wanted = SIDES.find((side) => side === asked);
  if (wanted === "html" && mail.html === null) return "text";
  return wanted ?? (mail.text === null && mail.html !== null ? "html" : "text");
}

async function beginning(content: AsyncIterable<Uint8Array>): Promise<string> {
  let all = "";
  for await (const piece of content) {
    all += decode(piece);
    if (all.length > MAX_SOURCE) return `${all.slice(0, MAX_SOURCE)}\n[…]`;
  }
  return all;
}

function MailView({ view, shown }: { view: View; shown: ShownMail }) {
  const { address, entry, mail, side } = shown;
  const path = pathTo("mailboxes", address, entry.uid);
  return (
    <>
      <p class="crumbs">
        <a href="/mailboxes">Mailboxes</a> / <a href={pathTo("mailboxes", address)}>{address}</a>
      </p>
      <Head title={mail.subject.trim() === "" ? "No subject" : mail.subject}>
        <ActionForm view={view} action={pathTo("mailboxes", address)} class="buttons">
          <input type="hidden" name="uid" value={entry.uid} />
          <a class="button" href={`${path}/raw`} download>Download</a>
          <a class="button" href={pathTo("messages", entry.uid)}>Delivery history</a>
          <button type="submit" class="danger" data-confirm="Delete this message for good?" data-yes="Delete">
            Delete
          </button>
        </ActionForm>
      </Head>
      <article class="card">
        <MailHeader view={view} shown={shown} />
        <div class="mail-body">
          <nav class="tabs" aria-label="Sides of the message">
            {SIDES.filter((s) => s !== "html" || mail.html !== null).map((s) => (
              <a key={s} href={`${path}?side=${s}`} aria-current={s === side ? "page" : undefined}>
                {SIDE_WORDS[s]}
              </a>
            ))}
          </nav>
          <MailSide shown={shown} path={path} />
        </div>
        <Attachments mail={mail} path={path} />
      </article>
    </>
  );
}

function MailHeader({ view, shown: { entry, mail } }: { view: View; shown: ShownMail }) {
  return (
    <dl class="facts mail-head">
      <div>
        <dt>From</dt>
        <dd>
          <bdi>{mail.from === "" ? "the mail system" : mail.from}</bdi>
        </dd>
      </div>
      <div>
        <dt>To</dt>
        <dd>
          <bdi>{mail.to}</bdi>
        </dd>
      </div>
      <div>
        <dt>Received</dt>
        <dd>
          <Time at={entry.receivedAt} now={view.now} />{" "}
          <span class="quiet">{`for ${entry.recipient}, ${size(entry.size)}`}</span>
        </dd>
      </div>
    </dl>
  );
}

function MailSide({ shown, path }: { shown: ShownMail; path: string }) {
  const { mail, side, source } = shown;
  if (side === "html") {
    return (
      <>
        <iframe
          class="frame"
          src={`${path}/html`}
          sandbox=""
          referrerpolicy="no-referrer"
          title="The message's HTML part"
        />
        <p class="small-print">Shown without scripts; links, forms and pictures from elsewhere are off.</p>
      </>
    );
  }
  if (side === "headers") {
    return (
      <dl class="facts">
        {mail.headers.map(({ name, value }, i) => (
          <div key={i}>
            <dt>{name}</dt>
            <dd class="mono">
              <bdi>{value}</bdi>
            </dd>
          </div>
        ))}
      </dl>
    );
  }
  if (side === "source") return <pre class="source" tabindex={0}>{source}</pre>;
  const hasText = mail.text !== null && mail.text.trim() !== "";
  return (
    <>
      {mail.fault === null ? null : (
        <p class="complaint">
          {`This message is damaged: ${mail.fault}. Its source is there as it came.`}
        </p>
      )}
      {hasText
        ? <div class="mail-text" dir="auto">{mail.text}</div>
        : mail.fault === null
        ? <p class="quiet">The message has no text.</p>
        : null}
    </>
  );
}

function Attachments({ mail, path }: { mail: MailView; path: string }) {
  if (mail.attachments.length === 0) return null;
  return (
    <div class="files" role="group" aria-label="Attachments">
      {mail.attachments.map(({ filename, contentType, bytes }, n) => (
        <a key={n} class="file" href={`${path}/attachments/${n}`} download>
          <bdi>{filename ?? `Part ${n + 1}`}</bdi>
          <span>{`${contentType}, ${size(bytes.length)}`}</span>
        </a>
      ))}
    </div>
  );
}
