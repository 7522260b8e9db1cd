/** @jsxImportSource hono/jsx */
/** The view of one message: its head, its sides, its attachments, and what can be done with it. */

import { type Context, Hono } from "hono";
import { decode } from "../base/bytes.ts";
import { attachmentOf, parsedMail, type StoredMail, storedMail } from "../api/mail_lookup.ts";
import type { MailView } from "../api/mail_reader.ts";
import { Problem } from "../http/problem.ts";
import { rawMail } from "../api/raw_message.ts";
import { fieldValue } from "../mail/message.ts";
import type { HtmlCheck } from "../preview/html_check.ts";
import type { LinkCheck } from "../preview/link_check.ts";
import type { PageContext, PageEnv, View } from "./context.ts";
import { size } from "./format.ts";
import { pathTo, readOwnForm } from "./forms.ts";
import { framedHtml } from "./html_part.ts";
import { Head } from "./layout.tsx";
import { CompatibilitySide, LinksSide } from "./message_checks.tsx";
import { HtmlSide, TextSide } from "./message_sides.tsx";
import { ActionForm, Time } from "./parts.tsx";
import { show } from "./render.tsx";

const SIDES = ["html", "text", "headers", "source", "links", "compatibility"] as const;
type Side = typeof SIDES[number];
const SIDE_WORDS: Record<Side, string> = {
  html: "HTML",
  text: "Text",
  headers: "Headers",
  source: "Source",
  links: "Links",
  compatibility: "Compatibility",
};
/** More of the source is only to be downloaded. */
const MAX_SOURCE = 256 * 1024;

interface ShownMail extends StoredMail {
  readonly mail: MailView;
  readonly side: Side;
  /** Pictures and styles from elsewhere are asked for. */
  readonly remote: boolean;
  /** What the side that is shown needs. */
  readonly source?: string;
  readonly compatibility?: HtmlCheck;
  readonly links?: LinkCheck;
  /** Uids of the messages around it. */
  readonly newer?: string | undefined;
  readonly older?: string | undefined;
}

/** The pages. */
export function mailPages(page: PageContext): Hono<PageEnv> {
  const { mailStore, clock, closing, allowPrivate } = page.options;

  const found = (c: Context<PageEnv>) =>
    storedMail({ address: c.req.param("address") ?? "", uid: c.req.param("uid") ?? "" }, page.options);
  const showMail = async (c: Context<PageEnv>, shown: ShownMail) => {
    const [newer, older] = await Promise.all([neighbour(shown, false), neighbour(shown, true)]);
    return await show(c, page, {
      title: shown.mail.subject || "No subject",
      at: "mailboxes",
      body: (view) => <MailView view={view} shown={{ ...shown, newer, older }} />,
    });
  };
  const neighbour = async ({ address, entry }: StoredMail, reverse: boolean) =>
    (await mailStore.list(address, { after: entry.uid, limit: 1, reverse }))[0]?.uid;

  return new Hono<PageEnv>()
    .get("/mailboxes/:address/:uid", async (c) => {
      const stored = await found(c);
      const { address, entry } = stored;
      const mail = await parsedMail(stored, page.options);
      if (!entry.seen && c.req.method === "GET") await mailStore.markSeen(address, entry.uid);
      const side = sideOf(c.req.query("side"), mail);
      const shown = { ...stored, mail, side, remote: c.req.query("remote") === "1" };
      if (side === "source") {
        return await showMail(c, { ...shown, source: await beginning(mailStore.read(entry)) });
      }
      if (side !== "compatibility") return await showMail(c, shown);
      const { checkHtml } = await import("../preview/html_check.ts");
      return await showMail(c, { ...shown, compatibility: checkHtml(mail.html ?? "") });
    })
    .post("/mailboxes/:address/:uid/links", async (c) => {
      await readOwnForm(c);
      const stored = await found(c);
      const mail = await parsedMail(stored, page.options);
      const { checkLinks, messageLinks } = await import("../preview/link_check.ts");
      const signal = AbortSignal.any([closing, c.req.raw.signal]);
      const links = await checkLinks(messageLinks(mail), {
        clock,
        allowPrivate: allowPrivate ?? false,
        signal,
      });
      return await showMail(c, { ...stored, mail, side: "links", remote: false, links });
    })
    .get("/mailboxes/:address/:uid/html", async (c) => {
      const { html, attachments } = await parsedMail(await found(c), page.options);
      if (html === null) throw new Problem(404, "The message has no HTML part");
      return framedHtml({ html, attachments }, { remote: c.req.query("remote") === "1" });
    })
    .get("/mailboxes/:address/:uid/raw", async (c) => {
      return rawMail(mailStore, await found(c));
    })
    .get("/mailboxes/:address/:uid/attachments/:n", async (c) => {
      return await attachmentOf(await found(c), c.req.param("n"), page.options);
    });
}

/** The sides that a message has. */
function sidesOf({ html }: MailView): Side[] {
  return SIDES.filter((side) => html !== null || (side !== "html" && side !== "compatibility"));
}

/** The side that is asked for, or the first that there is. */
function sideOf(asked: string | undefined, mail: MailView): Side {
  const sides = sidesOf(mail);
  return sides.find((side) => side === asked) ?? sides[0]!;
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
      <div class="crumbs-and-steps">
        <p class="crumbs">
          <a href="/mailboxes">Mailboxes</a> / <a href={pathTo("mailboxes", address)}>{address}</a>
        </p>
        <Steps shown={shown} />
      </div>
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
            {sidesOf(mail).map((s) => (
              <a key={s} href={`${path}?side=${s}`} aria-current={s === side ? "page" : undefined}>
                {SIDE_WORDS[s]}
              </a>
            ))}
          </nav>
          <MailSide view={view} shown={shown} path={path} />
        </div>
        <Attachments mail={mail} path={path} />
      </article>
    </>
  );
}

/** To the messages around it, on the same side. */
function Steps({ shown: { address, newer, older, side } }: { shown: ShownMail }) {
  if (newer === undefined && older === undefined) return null;
  const step = (uid: string | undefined, word: string, key: string) =>
    uid === undefined
      ? <span class="button small" aria-disabled="true">{word}</span>
      : (
        <a class="button small" href={`${pathTo("mailboxes", address, uid)}?side=${side}`} data-key={key}>
          {word}
        </a>
      );
  return (
    <nav class="steps" aria-label="Messages around this one">
      {step(newer, "Newer", "p")} {step(older, "Older", "n")}
    </nav>
  );
}

function MailHeader({ view, shown: { entry, mail } }: { view: View; shown: ShownMail }) {
  const cc = fieldValue(mail.headers, "cc");
  const rows: [string, string][] = [
    ["From", mail.from === "" ? "the mail system" : mail.from],
    ["To", mail.to],
    ...(cc === "" ? [] : [["Cc", cc] as [string, string]]),
  ];
  return (
    <dl class="facts mail-head">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <bdi>{value}</bdi>
          </dd>
        </div>
      ))}
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

function MailSide({ view, shown, path }: { view: View; shown: ShownMail; path: string }) {
  const { mail, side, source, remote, compatibility, links } = shown;
  switch (side) {
    case "html":
      return <HtmlSide path={path} remote={remote} />;
    case "text":
      return <TextSide mail={mail} />;
    case "headers":
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
    case "source":
      return <pre class="source" tabindex={0} aria-label="The message as it came">{source}</pre>;
    case "links":
      return <LinksSide view={view} mail={mail} path={path} checked={links} />;
    case "compatibility":
      return compatibility === undefined ? null : <CompatibilitySide check={compatibility} />;
  }
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
