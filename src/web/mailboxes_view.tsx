/** @jsxImportSource hono/jsx */
/** The views of mailboxes: who has mail, and the forms about one of them. */

import { type Context, Hono } from "hono";
import { isMailName } from "../mailbox/mail_entry.ts";
import { localKey } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { parseQuery } from "../mail/query.ts";
import { folderOf, foldersOf } from "../api/mail_folders.ts";
import { mailPage } from "../api/mail_search.ts";
import { mailboxNamed } from "../api/mail_lookup.ts";
import { Fill } from "./charts.tsx";
import type { PageContext, PageEnv, View } from "./context.ts";
import { draftPages } from "./draft_view.tsx";
import { folderPages } from "./folder_forms.tsx";
import { count, number, size } from "./format.ts";
import { pathTo, readOwnForm } from "./forms.ts";
import { Head } from "./layout.tsx";
import { actOnMail } from "./mail_actions.ts";
import { DeleteQuestion, folderShown, MailboxView } from "./mailbox_view.tsx";
import { Card, Empty } from "./parts.tsx";
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
  return new Hono<PageEnv>()
    .get("/mailboxes", async (c) => {
      const all = await allMailboxes(page);
      return await show(c, page, {
        title: "Mailboxes",
        at: "mailboxes",
        body: (view) => <MailboxesView view={view} all={all} />,
      });
    })
    .get("/mailboxes/:address", (c) => showMailbox(c, page, c.req.param("address")))
    .post("/mailboxes/:address", async (c) => {
      const address = await mailboxNamed(c.req.param("address"), page.options);
      const form = await readOwnForm(c);
      const uids = [...new Set(form.all("uid").filter(isMailName))];
      const done = await actOnMail(form, { address, uids }, page.options);
      if (done === "sure?") {
        return await show(c, page, {
          title: "Delete mail?",
          at: "mailboxes",
          body: (view) => (
            <DeleteQuestion view={view} address={address} uids={uids} back={form.text("back")} />
          ),
        });
      }
      const otherwise = pathTo("mailboxes", address);
      return goBack(c, page, { back: form.text("back"), otherwise, ...(done && { flashMessage: done }) });
    })
    .route("/", folderPages(page))
    .route("/", draftPages(page));
}

/** One mailbox, as its address and the query say. */
async function showMailbox(c: Context<PageEnv>, page: PageContext, named: string): Promise<Response> {
  const address = await mailboxNamed(named, page.options);
  const query = (c.req.query("q") ?? "").slice(0, MAX_QUERY);
  const after = c.req.query("after");
  const read = parseQuery(query);
  const wanted = folderShown(c.req.query("folder"), query);
  const folder = wanted === undefined ? undefined : await folderOf(wanted, address, page.options);
  const [found, folders] = await Promise.all([
    "fault" in read ? read.fault : mailPage(page.options, {
      address,
      folder: folder?.name,
      limit: PAGE,
      query: read.terms,
      after: after !== undefined && isMailName(after) ? after : undefined,
    }),
    foldersOf(address, page.options),
  ]);
  const hasAccount = await page.options.accounts.has(address);
  return await show(c, page, {
    title: address,
    at: "mailboxes",
    body: (view) => (
      <MailboxView
        view={view}
        page={page}
        address={address}
        folders={folders}
        folder={folder}
        query={query}
        found={found}
        writes={hasAccount && page.options.captures !== true}
      />
    ),
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
