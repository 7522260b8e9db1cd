/** @jsxImportSource hono/jsx */
/** The view of one message: its head, its sides, its attachments, and what can be done with it. */

import { type Context, Hono } from "hono";
import { decode } from "../base/bytes.ts";
import { attachmentOf, parsedMail, type StoredMail, storedMail } from "../api/mail_lookup.ts";
import { foldersOf, type FolderView } from "../api/mail_folders.ts";
import { capturedMail, capturedNeighbours } from "../api/captured_search.ts";
import { dialogueOf } from "../api/dialogue.ts";
import type { MailView } from "../api/mail_reader.ts";
import type { MethodResult } from "../authentication/authentication_results.ts";
import { Problem } from "../http/problem.ts";
import { marksRead } from "../http/roles.ts";
import { rawMail } from "../api/raw_message.ts";
import type { CapturedMail } from "../capture/captured_mail.ts";
import { INBOX } from "../mailbox/folder_names.ts";
import { fieldValue } from "../mail/decoded_header.ts";
import type { HtmlCheck } from "../preview/html_check.ts";
import type { LinkCheck } from "../preview/link_check.ts";
import type { PageContext, PageEnv, Section, View } from "./context.ts";
import { size } from "./format.ts";
import { folderPath } from "./folder_nav.tsx";
import { pathTo, readOwnForm } from "./forms.ts";
import { framedHtml } from "./html_part.ts";
import { Head } from "./layout.tsx";
import { Delete, MailTools, Release } from "./mail_tools.tsx";
import { CompatibilitySide, LinksSide } from "./message_checks.tsx";
import { HtmlSide, TextSide } from "./message_sides.tsx";
import { Addresses, Time } from "./parts.tsx";
import { show } from "./render.tsx";

const SIDES = ["html", "text", "headers", "source", "links", "compatibility", "dialogue"] as const;
type Side = typeof SIDES[number];
const SIDE_WORDS: Record<Side, string> = {
  html: "HTML",
  text: "Text",
  headers: "Headers",
  source: "Source",
  links: "Links",
  compatibility: "Compatibility",
  dialogue: "Dialogue",
};
/** More of the source is only to be downloaded. */
const MAX_SOURCE = 256 * 1024;

interface ShownMail {
  readonly place: Place;
  readonly mail: MailView;
  readonly sides: readonly Side[];
  readonly side: Side;
  /** Pictures and styles from elsewhere are asked for. */
  readonly remote: boolean;
  /** What the side that is shown needs; the source, or the dialogue. */
  readonly source?: string;
  readonly compatibility?: HtmlCheck;
  readonly links?: LinkCheck;
}

/** Where a message is looked at: in its mailbox, or among all that is captured. */
interface Place {
  readonly stored: StoredMail;
  readonly at: Section;
  /** The recipients of the envelope, hidden ones too, as far as they are known here. */
  readonly recipients: readonly string[];
  /** The path of its page. */
  readonly path: string;
  /** What it is one of, from the outermost list inwards; the last one is gone back to. */
  readonly lists: readonly { readonly name: string; readonly path: string }[];
  /** Where what is deleted is posted to. */
  readonly deletes: string;
  /** The folders of the mailbox that it is in; absent: it is looked at among all that is captured. */
  readonly folders?: readonly FolderView[];
  /** Where it is released to the real world; absent where nothing was captured. */
  readonly releases?: string;
  /** Paths of the messages around it. */
  readonly newer: string | undefined;
  readonly older: string | undefined;
}

/** The pages. */
export function mailPages(page: PageContext): Hono<PageEnv> {
  const { captured } = page.options;
  const app = new Hono<PageEnv>();
  app.route("/mailboxes/:address/:uid", pagesOf(page, (c) => inMailbox(c, page)));
  if (captured) app.route("/captured/:uid", pagesOf(page, (c) => amongCaptured(c, page, captured)));
  return app;
}

async function inMailbox(c: Context<PageEnv>, { options }: PageContext): Promise<Place> {
  const stored = await storedMail(
    { address: c.req.param("address") ?? "", uid: c.req.param("uid") ?? "" },
    options,
  );
  const { address, entry: { uid, folder = INBOX } } = stored;
  const mailbox = pathTo("mailboxes", address);
  const neighbour = async (reverse: boolean) => {
    const [entry] = await options.mailStore.list(address, { after: uid, limit: 1, reverse, folder });
    return entry && pathTo("mailboxes", address, entry.uid);
  };
  const [newer, older] = await Promise.all([neighbour(false), neighbour(true)]);
  const folders = await foldersOf(address, options);
  const lists = [
    { name: "Mailboxes", path: "/mailboxes" },
    { name: address, path: mailbox },
    ...(folders.length > 1 ? [{ name: folder, path: folderPath(mailbox, folder) }] : []),
  ];
  const recipients = [stored.entry.recipient];
  return {
    stored,
    at: "mailboxes",
    recipients,
    path: `${mailbox}/${uid}`,
    lists,
    deletes: mailbox,
    folders,
    newer,
    older,
  };
}

async function amongCaptured(
  c: Context<PageEnv>,
  { options }: PageContext,
  captured: CapturedMail,
): Promise<Place> {
  const id = c.req.param("uid") ?? "";
  const stored = await capturedMail(captured, id, options);
  const { newer, older } = capturedNeighbours(captured, id);
  return {
    stored,
    at: "captured",
    recipients: captured.get(id)?.recipients ?? [],
    path: pathTo("captured", id),
    lists: [{ name: "Captured", path: "/" }],
    deletes: "/captured",
    releases: `${pathTo("captured", id)}/release`,
    newer: newer === undefined ? undefined : pathTo("captured", newer),
    older: older === undefined ? undefined : pathTo("captured", older),
  };
}

/** The pages of one message, below its path; `find` throws a `Problem` when it is not there. */
function pagesOf(page: PageContext, find: (c: Context<PageEnv>) => Promise<Place>): Hono<PageEnv> {
  const { mailStore, clock, closing, allowPrivate, dialogues } = page.options;
  const showMail = async (c: Context<PageEnv>, shown: ShownMail) =>
    await show(c, page, {
      title: shown.mail.subject || "No subject",
      at: shown.place.at,
      body: (view) => <MailView view={view} shown={shown} />,
    });
  return new Hono<PageEnv>()
    .get("/", async (c) => {
      const place = await find(c);
      const { address, entry } = place.stored;
      const mail = await parsedMail(place.stored, page.options);
      if (!entry.seen && marksRead(c.req.method, c.get("user"))) await mailStore.markSeen(address, entry.uid);
      const sides = sidesOf(mail, dialogues?.has(entry.uid) ?? false);
      const side = sides.find((one) => one === c.req.query("side")) ?? sides[0]!;
      const shown = { place, mail, sides, side, remote: c.req.query("remote") === "1" };
      if (side === "source") {
        return await showMail(c, { ...shown, source: await beginning(mailStore.read(entry)) });
      }
      if (side === "dialogue") {
        const source = await dialogueOf(entry.uid, page.options);
        return await showMail(c, { ...shown, source: cut(source) });
      }
      if (side !== "compatibility") return await showMail(c, shown);
      const { checkHtml } = await import("../preview/html_check.ts");
      return await showMail(c, { ...shown, compatibility: checkHtml(mail.html ?? "") });
    })
    .post("/links", async (c) => {
      await readOwnForm(c);
      const place = await find(c);
      const mail = await parsedMail(place.stored, page.options);
      const { checkLinks, messageLinks } = await import("../preview/link_check.ts");
      const signal = AbortSignal.any([closing, c.req.raw.signal]);
      const links = await checkLinks(messageLinks(mail), {
        clock,
        allowPrivate: allowPrivate ?? false,
        signal,
      });
      const sides = sidesOf(mail, dialogues?.has(place.stored.entry.uid) ?? false);
      return await showMail(c, { place, mail, sides, side: "links", remote: false, links });
    })
    .get("/html", async (c) => {
      const { html, attachments } = await parsedMail((await find(c)).stored, page.options);
      if (html === null) throw new Problem(404, "The message has no HTML part");
      return framedHtml({ html, attachments }, { remote: c.req.query("remote") === "1" });
    })
    .get("/raw", async (c) => rawMail(mailStore, (await find(c)).stored))
    .get("/attachments/:n", async (c) => {
      return await attachmentOf((await find(c)).stored, c.req.param("n"), page.options);
    });
}

/** The sides that a message has. */
function sidesOf({ html }: MailView, hasDialogue: boolean): Side[] {
  const missing = new Set<Side>([
    ...(html === null ? ["html", "compatibility"] as const : []),
    ...(hasDialogue ? [] : ["dialogue"] as const),
  ]);
  return SIDES.filter((side) => !missing.has(side));
}

async function beginning(content: AsyncIterable<Uint8Array>): Promise<string> {
  let all = "";
  for await (const piece of content) {
    all += decode(piece);
    if (all.length > MAX_SOURCE) break;
  }
  return cut(all);
}

function cut(text: string): string {
  return text.length > MAX_SOURCE ? `${text.slice(0, MAX_SOURCE)}\n[…]` : text;
}

function MailView({ view, shown }: { view: View; shown: ShownMail }) {
  const { place, mail, sides, side } = shown;
  const { stored: { entry }, path, lists } = place;
  return (
    <>
      <div class="crumbs-and-steps">
        <p class="crumbs">
          {lists.map(({ name, path }, i) => (
            <>
              {i > 0 ? " / " : ""}
              <a href={path}>{name}</a>
            </>
          ))}
        </p>
        <Steps shown={shown} />
      </div>
      <Head title={mail.subject.trim() === "" ? "No subject" : mail.subject}>
        <div class="buttons">
          <a class="button" href={`${path}/raw`} download>Download</a>
          <a class="button" href={pathTo("messages", entry.body.id)}>Delivery history</a>
          {place.folders
            ? (
              <MailTools
                view={view}
                entry={entry}
                folders={place.folders}
                action={place.deletes}
                back={lists.at(-1)!.path}
              />
            )
            : <Delete view={view} action={place.deletes} uid={entry.uid} back={lists.at(-1)!.path} />}
        </div>
      </Head>
      {place.releases === undefined
        ? null
        : <Release view={view} action={place.releases} to={place.recipients} />}
      <article class="card">
        <MailHeader view={view} shown={shown} />
        <div class="mail-body">
          <nav class="tabs" aria-label="Sides of the message">
            {sides.map((s) => (
              <a key={s} href={`${path}?side=${s}`} aria-current={s === side ? "page" : undefined}>
                {SIDE_WORDS[s]}
              </a>
            ))}
          </nav>
          <MailSide view={view} shown={shown} />
        </div>
        <Attachments mail={mail} path={path} />
      </article>
    </>
  );
}

/** To the messages around it, on the same side. */
function Steps({ shown: { place: { newer, older }, side } }: { shown: ShownMail }) {
  if (newer === undefined && older === undefined) return null;
  const step = (path: string | undefined, word: string, key: string) =>
    path === undefined
      ? <span class="button small" aria-disabled="true">{word}</span>
      : <a class="button small" href={`${path}?side=${side}`} data-key={key}>{word}</a>;
  return (
    <nav class="steps" aria-label="Messages around this one">
      {step(newer, "Newer", "p")} {step(older, "Older", "n")}
    </nav>
  );
}

function MailHeader({ view, shown: { place, mail } }: { view: View; shown: ShownMail }) {
  const { entry } = place.stored;
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
          <span class="quiet">
            for <Addresses of={place.recipients} most={20} />, {size(entry.size)}
          </span>
        </dd>
      </div>
      {mail.authentication && <CheckResults of={mail.authentication} />}
    </dl>
  );
}

/** What the checks came to, with what each was found for, and why in its title. */
function CheckResults({ of }: { of: readonly MethodResult[] }) {
  return (
    <div>
      <dt>Checked</dt>
      <dd class="buttons">
        {of.map(({ method, result, reason, properties }, i) => (
          <span
            key={i}
            class={`badge ${result === "pass" ? "s-delivered" : result === "fail" ? "s-failed" : ""}`}
            title={reason}
          >
            {[method.toUpperCase(), result, Object.values(properties)[0] ?? ""].join(" ").trim()}
          </span>
        ))}
      </dd>
    </div>
  );
}

function MailSide({ view, shown }: { view: View; shown: ShownMail }) {
  const { place, mail, side, source, remote, compatibility, links } = shown;
  switch (side) {
    case "html":
      return <HtmlSide path={place.path} remote={remote} />;
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
    case "dialogue":
      return (
        <>
          <p class="small-print">
            The session that brought it, for <code>dinopost replay</code>:{" "}
            <a href={`/api/v1${pathTo("messages", place.stored.entry.uid, "dialogue")}`} download>Download</a>
          </p>
          <pre class="source" tabindex={0} aria-label="What was said">{source}</pre>
        </>
      );
    case "links":
      return <LinksSide view={view} mail={mail} path={place.path} checked={links} />;
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
