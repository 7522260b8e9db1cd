/** @jsxImportSource hono/jsx */
/** The views of mailboxes: who has mail, and what is in one of them. */

import { Hono } from "hono";
import { isId } from "../base/ids.ts";
import { localKey } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { parseQuery } from "../mail/query.ts";
import { type FoundMail, type MailPage, mailPage } from "../api/mail_search.ts";
import { mailboxNamed } from "../api/mail_lookup.ts";
import { Fill } from "./charts.tsx";
import type { PageContext, PageEnv, View } from "./context.ts";
import { count, number, size } from "./format.ts";
import { pathTo, readOwnForm } from "./forms.ts";
import { Head } from "./layout.tsx";
import { MailTable } from "./mail_table.tsx";
import { ActionForm, Card, Empty, Time } from "./parts.tsx";
import { goBack, show } from "./render.tsx";

const PAGE = 50;
const MAX_QUERY = 1000;
const MAX_MAILBOXES = 500;

interface MailboxFacts {
  readonly address: Mailbox;
  readonly name: string | undefined;
  readonly messages: number;
  readonly bytes: number;
  readonly quota: number | undefined;
  readonly hasAccount: boolean;
}

/** The pages, and their forms' target. */
export function mailboxPages(page: PageContext): Hono<PageEnv> {
  const { mailStore } = page.options;
  return new Hono<PageEnv>()
    .get("/mailboxes", async (c) => {
      const all = await allMailboxes(page);
      return await show(c, page, {
        title: "Mailboxes",
        at: "mailboxes",
        body: (view) => <MailboxesView view={view} all={all} />,
      });
    })
    .get("/mailboxes/:address", async (c) => {
      const address = await mailboxNamed(c.req.param("address"), page.options);
      const query = (c.req.query("q") ?? "").slice(0, MAX_QUERY);
      const after = c.req.query("after");
      const read = parseQuery(query);
      const [found, usage] = await Promise.all([
        "fault" in read ? read.fault : mailPage(page.options, {
          address,
          limit: PAGE,
          query: read.terms,
          after: after !== undefined && isId(after) ? after : undefined,
        }),
        mailStore.usage(address),
      ]);
      return await show(c, page, {
        title: address,
        at: "mailboxes",
        body: (view) => (
          <MailboxView
            view={view}
            page={page}
            address={address}
            query={query}
            found={found}
            messages={usage.messages}
            bytes={usage.bytes}
          />
        ),
      });
    })
    .post("/mailboxes/:address", async (c) => {
      const address = await mailboxNamed(c.req.param("address"), page.options);
      const form = await readOwnForm(c);
      const uids = [...new Set(form.all("uid").filter(isId))];
      const otherwise = pathTo("mailboxes", address);
      if (uids.length > 0 && form.text("sure") === "") {
        return await show(c, page, {
          title: "Delete mail?",
          at: "mailboxes",
          body: (view) => <DeleteQuestion view={view} address={address} uids={uids} />,
        });
      }
      await mailStore.remove(address, uids);
      const text = uids.length === 0 ? "Nothing was selected" : `${count(uids.length, "message")} deleted`;
      const kind = uids.length === 0 ? "error" : "done";
      return goBack(c, page, { back: form.text("back"), otherwise, flashMessage: { kind, text } });
    });
}

async function allMailboxes({ options }: PageContext): Promise<MailboxFacts[]> {
  const { accounts, mailStore } = options;
  const all = new Map<string, MailboxFacts>();
  for (const { address, name, quota } of await accounts.list({ limit: MAX_MAILBOXES })) {
    const usage = await mailStore.usage(address);
    all.set(localKey(address), { address, name, quota, hasAccount: true, ...usage });
  }
  for await (const { address, messages } of mailStore.mailboxes()) {
    if (messages === 0 || all.has(address) || all.size >= MAX_MAILBOXES) continue;
    const usage = await mailStore.usage(address);
    all.set(address, { address, name: undefined, quota: undefined, hasAccount: false, ...usage });
  }
  return [...all.values()].sort((a, b) => a.address < b.address ? -1 : 1);
}

function MailboxesView({ view: _, all }: { view: View; all: readonly MailboxFacts[] }) {
  return (
    <>
      <Head title="Mailboxes" lead="What people here have got, until their mail program fetches it.">
        <a class="button" href="/accounts">Accounts</a>
      </Head>
      <Card title={count(all.length, "mailbox", "mailboxes")} id="mailboxes" live>
        {all.length === 0
          ? (
            <Empty title="There is no mailbox yet">
              <a href="/accounts">Make an account</a>: it has a mailbox from then on.
            </Empty>
          )
          : (
            <table class="stack">
              <thead>
                <tr>
                  <th>Mailbox</th>
                  <th class="number">Messages</th>
                  <th class="number">Size</th>
                  <th>Quota</th>
                </tr>
              </thead>
              <tbody>
                {all.map((one) => (
                  <tr key={one.address} data-row={one.address}>
                    <td>
                      <a class="row-link" href={pathTo("mailboxes", one.address)}>
                        <bdi>{one.address}</bdi>
                      </a>
                      {one.name === undefined ? null : (
                        <p class="small-print">
                          <bdi>{one.name}</bdi>
                        </p>
                      )}
                      {one.hasAccount ? null : <p class="small-print">mail without an account</p>}
                    </td>
                    <td class="number" data-label="Messages">{number(one.messages)}</td>
                    <td class="number" data-label="Size">{size(one.bytes)}</td>
                    <td data-label="Quota">
                      {one.quota === undefined ? <span class="quiet">none</span> : (
                        <>
                          {size(one.quota)}
                          <Fill used={one.bytes} of={one.quota} />
                        </>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
      </Card>
    </>
  );
}

interface MailboxProps {
  readonly view: View;
  readonly page: PageContext;
  readonly address: Mailbox;
  readonly query: string;
  /** A text: what is wrong with the query. */
  readonly found: MailPage | string;
  readonly messages: number;
  readonly bytes: number;
}

function MailboxView(props: MailboxProps) {
  const { view, address, query, messages, bytes } = props;
  const path = pathTo("mailboxes", address);
  return (
    <>
      <p class="crumbs">
        <a href="/mailboxes">Mailboxes</a>
      </p>
      <Head title={address} lead={`${count(messages, "message")}, ${size(bytes)}`}>
        <form method="get" action={path} class="search" role="search">
          <input
            type="search"
            name="q"
            value={query}
            placeholder="Words, from:ann, subject:code, is:unread"
            aria-label="Search this mailbox"
            title="Words, from: to: subject: has:attachment before: after: is:read is:unread; - before a term excludes"
            maxlength={MAX_QUERY}
          />
          <button type="submit">Find</button>
        </form>
      </Head>
      <ActionForm view={view} action={path} class="card" select>
        <input type="hidden" name="back" value={view.here} />
        <div id="mail-list" data-live="1">
          <MailList {...props} />
        </div>
      </ActionForm>
    </>
  );
}

function MailList({ view, page, address, query, found, messages }: MailboxProps) {
  const path = pathTo("mailboxes", address);
  if (typeof found === "string") return <UnreadQuery fault={found} path={path} />;
  const more = found.next === undefined
    ? undefined
    : `${path}?${new URLSearchParams({ ...(query === "" ? {} : { q: query }), after: found.next })}`;
  if (found.page.length === 0 && more === undefined) {
    if (query !== "") {
      return (
        <Empty title="Nothing found">
          <a href={path}>Show the whole mailbox</a>
        </Empty>
      );
    }
    return <EmptyMailbox page={page} address={address} />;
  }
  return (
    <>
      <MailTable columns={["From"]}>
        {found.page.map((mail) => <MailRow key={mail.entry.uid} view={view} path={path} mail={mail} />)}
      </MailTable>
      {more === undefined ? null : (
        <div class="pager">
          <span>
            {query === "" ? "" : `${number(found.looked)} of ${count(messages, "message")} searched here.`}
          </span>
          <a href={more}>{query === "" ? "Older mail" : "Search older mail"}</a>
        </div>
      )}
    </>
  );
}

function UnreadQuery({ fault, path }: { fault: string; path: string }) {
  return (
    <Empty title="The search can't be read">
      {`In it ${fault}. `}
      <a href={path}>Show the whole mailbox</a>
    </Empty>
  );
}

function MailRow({ view, path, mail: { entry, header } }: { view: View; path: string; mail: FoundMail }) {
  return (
    <tr data-row={entry.uid} class={entry.seen ? undefined : "unread"}>
      <td class="tick">
        <input type="checkbox" name="uid" value={entry.uid} aria-label={`Select the message ${entry.uid}`} />
      </td>
      <td>
        <a class="row-link" href={`${path}/${entry.uid}`}>
          <bdi>{header.subject.trim() === "" ? "No subject" : header.subject}</bdi>
          {entry.seen ? null : <span class="unseen">(not read)</span>}
        </a>
      </td>
      <td>
        <bdi>{header.from === "" ? "the mail system" : header.from}</bdi>
      </td>
      <td class="when">
        <Time at={entry.receivedAt} now={view.now} />
      </td>
      <td class="number">{size(entry.size)}</td>
    </tr>
  );
}

function EmptyMailbox({ page, address }: { page: PageContext; address: Mailbox }) {
  const smtp = page.server.addresses()["smtp"]?.[0];
  return (
    <Empty title="The mailbox is empty">
      {smtp === undefined ? "Mail for this address appears here by itself." : (
        <>
          Mail appears here by itself. Try it:
          <pre>{`printf 'Subject: Hello\\r\\n\\r\\nHow are you?\\r\\n' |\n  curl --url smtp://${smtp} --mail-rcpt ${address} --upload-file -`}</pre>
        </>
      )}
    </Empty>
  );
}

function DeleteQuestion({ view, address, uids }: { view: View; address: Mailbox; uids: readonly string[] }) {
  const path = pathTo("mailboxes", address);
  return (
    <>
      <Head
        title="Delete mail?"
        lead={`${count(uids.length, "message")} of ${address} will be gone for good.`}
      />
      <ActionForm view={view} action={path} class="buttons">
        <input type="hidden" name="sure" value="1" />
        {uids.map((uid) => <input key={uid} type="hidden" name="uid" value={uid} />)}
        <button type="submit" class="danger">Delete</button>
        <a class="button" href={path}>Cancel</a>
      </ActionForm>
    </>
  );
}
