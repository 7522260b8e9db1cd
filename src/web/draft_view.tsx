/** @jsxImportSource hono/jsx */
/** The page on which mail is written in a mailbox's name: kept as a draft, gone on with, sent. */

import { type Context, Hono } from "hono";
import { withFolders } from "../api/mail_folders.ts";
import { mailboxNamed, parsedMail, storedMail } from "../api/mail_lookup.ts";
import type { MailView } from "../api/mail_reader.ts";
import { putMail } from "../api/put_mail.ts";
import type { Account } from "../auth/accounts.ts";
import { Problem } from "../http/problem.ts";
import { buildDraft, compose, type Draft } from "../intake/composition.ts";
import { fieldValue } from "../mail/decoded_header.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { DRAFT, SEEN } from "../mailbox/flags.ts";
import type { PageContext, PageEnv, View } from "./context.ts";
import { folderPath } from "./folder_nav.tsx";
import { type Form, pathTo, readOwnForm, withParameter } from "./forms.ts";
import { Head } from "./layout.tsx";
import { ActionForm, Complaint, Field } from "./parts.tsx";
import { goBack, show } from "./render.tsx";

/** What stays of a draft that was begun as an answer. */
const KEPT_FIELDS = ["In-Reply-To", "References"];

/** What is in the form. */
interface Written {
  readonly to: string;
  readonly cc: string;
  readonly bcc: string;
  readonly subject: string;
  readonly text: string;
}

const NOTHING: Written = { to: "", cc: "", bcc: "", subject: "", text: "" };

/** What is shown: the text, which draft it is, and what is wrong with it. */
interface DraftState {
  readonly written: Written;
  readonly draft?: string | undefined;
  readonly complaint?: string | undefined;
}

/** The page, and its form's target. */
export function draftPages(page: PageContext): Hono<PageEnv> {
  return new Hono<PageEnv>()
    .get("/mailboxes/:address/write", async (c) => {
      const account = await writer(c, page);
      const draft = c.req.query("draft");
      if (draft === undefined) return await write(c, page, account, { written: NOTHING });
      const mail = await draftNamed(account.address, draft, page);
      return await write(c, page, account, { written: writtenIn(mail), draft });
    })
    .post("/mailboxes/:address/write", async (c) => {
      const account = await writer(c, page);
      const form = await readOwnForm(c);
      const draft = form.text("draft") === "" ? undefined : form.text("draft");
      const before = draft === undefined ? undefined : await draftNamed(account.address, draft, page);
      const written = writtenOf(form);
      const message = messageOf(account, written, before);
      try {
        switch (form.text("do")) {
          case "send":
            return await send(c, page, account, { message, draft });
          case "save":
            return await save(c, page, account, { message, draft });
        }
      } catch (error) {
        if (!(error instanceof Problem) || error.status >= 500) throw error;
        return await write(c, page, account, { written, draft, complaint: error.detail });
      }
      throw new Problem(422, "The form asks for what this page does not know; load it again");
    });
}

/** Whose mail is written: who has no account sends nothing. */
async function writer(c: Context<PageEnv>, { options }: PageContext): Promise<Account> {
  const address = await mailboxNamed(c.req.param("address") ?? "", options);
  const account = options.captures ? undefined : await options.accounts.get(address);
  if (!account) throw new Problem(404, `There is no account ${address} to write mail by`);
  return account;
}

/** A draft that can be gone on with here: one of text alone, of which nothing would be lost. */
async function draftNamed(address: Mailbox, uid: string, { options }: PageContext): Promise<MailView> {
  const stored = await storedMail({ address, uid }, options);
  if (((stored.entry.flags ?? 0) & DRAFT) === 0) throw new Problem(409, "The message is no draft any more");
  const mail = await parsedMail(stored, options);
  if (mail.html === null && mail.attachments.length === 0) return mail;
  throw new Problem(
    409,
    "The draft has attachments or HTML, which this page would lose; go on in a mail program",
  );
}

function writtenIn({ headers, subject, text }: MailView): Written {
  const of = (name: string) => fieldValue(headers, name);
  return { to: of("to"), cc: of("cc"), bcc: of("bcc"), subject, text: text ?? "" };
}

function writtenOf(form: Form): Written {
  const of = (name: string) => form.text(name);
  return { to: of("to"), cc: of("cc"), bcc: of("bcc"), subject: of("subject"), text: form.raw("text") };
}

function messageOf(
  { address, name }: Account,
  { to, cc, bcc, subject, text }: Written,
  before: MailView | undefined,
): Draft {
  const some = (people: string) => people === "" ? [] : [people];
  const kept = KEPT_FIELDS.map((field) => [field, fieldValue(before?.headers ?? [], field)] as const);
  return {
    from: name === undefined ? address : `"${name.replaceAll(/["\\]/g, "")}" <${address}>`,
    to: some(to),
    ...(cc !== "" && { cc: [cc] }),
    ...(bcc !== "" && { bcc: [bcc] }),
    subject,
    text,
    headers: Object.fromEntries(kept.filter(([, value]) => value !== "")),
  };
}

interface Writing {
  readonly message: Draft;
  /** The draft that it goes on with, which is replaced. */
  readonly draft: string | undefined;
}

/** Keeps it: the new draft is there before the old one goes. */
async function save(
  c: Context<PageEnv>,
  page: PageContext,
  { address }: Account,
  { message, draft }: Writing,
): Promise<Response> {
  const { options } = page;
  const text = await buildDraft(message, options.clock.now());
  const uid = await putMail(address, { text, flags: { flags: SEEN | DRAFT, keywords: [] } }, options);
  if (draft !== undefined) await options.mailStore.remove(address, [draft]);
  const path = `${pathTo("mailboxes", address)}/write`;
  return goBack(c, page, {
    back: withParameter(path, "draft", uid),
    otherwise: path,
    flashMessage: { kind: "done", text: "The draft is kept" },
  });
}

/** Sends it, and keeps a copy among what was sent. The draft goes when both is done. */
async function send(
  c: Context<PageEnv>,
  page: PageContext,
  { address }: Account,
  { message, draft }: Writing,
): Promise<Response> {
  const { options } = page;
  const { to = [], cc = [], bcc = [] } = message;
  if (to.length + cc.length + bcc.length === 0) throw new Problem(422, "Say whom it goes to");
  const now = options.clock.now();
  const { content, ...envelope } = await compose({ ...message, to }, now);
  const remote = c.env?.remote;
  const result = await options.submission.submit({
    ...envelope,
    text: content,
    composed: true,
    ...(remote !== undefined && { remote }),
  });
  if (!result.ok) throw new Problem(422, result.refusal.text);
  // it is sent, whatever becomes of the copies
  const kept = await keepSent(address, { message, now }, page).catch(() => false);
  if (kept && draft !== undefined) await options.mailStore.remove(address, [draft]);
  const unknown = result.refused.map(({ text }) => text).join("; ");
  const told = `The message is sent${kept ? "" : ", but no copy of it could be kept"}`;
  return goBack(c, page, {
    back: pathTo("mailboxes", address),
    otherwise: "/mailboxes",
    isChanged: true,
    flashMessage: unknown === ""
      ? { kind: kept ? "done" : "error", text: told }
      : { kind: "error", text: `${told}; not to: ${unknown}` },
  });
}

async function keepSent(
  address: Mailbox,
  { message, now }: { message: Draft; now: number },
  { options }: PageContext,
): Promise<boolean> {
  const folder = await withFolders(address, options, async (folders) => {
    const known = folders.list().find(({ specialUse }) => specialUse === "Sent") ?? folders.byName("Sent");
    return (known ?? await folders.create("Sent", { specialUse: "Sent" })).name;
  });
  // the owner's copy says who got it hidden
  const text = await buildDraft(message, now);
  await putMail(address, { text, folder, flags: { flags: SEEN, keywords: [] } }, options);
  return true;
}

async function write(
  c: Context<PageEnv>,
  page: PageContext,
  account: Account,
  state: DraftState,
): Promise<Response> {
  return await show(c, page, {
    title: "Write a message",
    at: "mailboxes",
    status: state.complaint === undefined ? 200 : 422,
    body: (view) => <DraftView view={view} account={account} {...state} />,
  });
}

function DraftView(p: DraftState & { view: View; account: Account }) {
  const { view, account: { address, name }, written, draft, complaint } = p;
  const path = pathTo("mailboxes", address);
  return (
    <>
      <p class="crumbs">
        <a href="/mailboxes">Mailboxes</a> / <a href={path}>{address}</a> /{" "}
        <a href={folderPath(path, "Drafts")}>Drafts</a>
      </p>
      <Head title="Write a message" lead={`From ${name === undefined ? address : `${name} <${address}>`}`} />
      <ActionForm view={view} action={`${path}/write`} class="card pad">
        <Complaint text={complaint} />
        {draft === undefined ? null : <input type="hidden" name="draft" value={draft} />}
        <div class="fields">
          <Field
            id="to"
            name="to"
            label="To"
            value={written.to}
            placeholder="jo@example.org, Ann <ann@example.net>"
          />
          <Field id="cc" name="cc" label="Cc" value={written.cc} />
          <Field
            id="bcc"
            name="bcc"
            label="Bcc"
            value={written.bcc}
            hint="They get it, and nobody sees that."
          />
          <Field id="subject" name="subject" label="Subject" value={written.subject} />
          <div class="field">
            <label for="text">Text</label>
            {/* a line break right behind the tag is none of the text */}
            <textarea id="text" name="text" rows={14}>{`\n${written.text}`}</textarea>
          </div>
        </div>
        <div class="buttons">
          <button type="submit" class="primary" name="do" value="send">Send</button>
          <button type="submit" name="do" value="save">Keep as draft</button>
          <a class="button" href={path}>Cancel</a>
        </div>
      </ActionForm>
      {draft === undefined ? null : (
        <ActionForm view={view} action={path}>
          <input type="hidden" name="uid" value={draft} />
          <input type="hidden" name="back" value={folderPath(path, "Drafts")} />
          <button type="submit" class="danger" name="do" value="trash">Delete the draft</button>
        </ActionForm>
      )}
    </>
  );
}
