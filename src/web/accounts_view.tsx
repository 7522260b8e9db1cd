/** @jsxImportSource hono/jsx */
/** The accounts' views: who has a mailbox here; made, changed and removed by forms. */

import { type Context, Hono } from "hono";
import { parseSize } from "../base/units.ts";
import { parseMailbox, splitMailbox } from "../mail/address.ts";
import type { Account } from "../auth/accounts.ts";
import { namedMailbox } from "../api/schemas.ts";
import type { AppPassword } from "../auth/app_passwords.ts";
import { Problem, quoted } from "../http/problem.ts";
import { AppPasswordCard } from "./app_passwords.tsx";
import { Fill } from "./charts.tsx";
import type { PageContext, PageEnv, View } from "./context.ts";
import { count, number, size } from "./format.ts";
import { type Form, MIN_PASSWORD, passwordComplaint, pathTo, readOwnForm } from "./forms.ts";
import { Head } from "./layout.tsx";
import { ActionForm, Card, Complaint, Empty, Field } from "./parts.tsx";
import { goBack, show } from "./render.tsx";

/** Listed at once. */
const MAX_ACCOUNTS = 1000;

interface ListedAccount {
  readonly account: Account;
  readonly messages: number;
  readonly bytes: number;
}

/** What was typed, and what is wrong with it. */
interface Typed {
  readonly form: Form | undefined;
  readonly complaint: string | undefined;
}

const NOTHING: Typed = { form: undefined, complaint: undefined };

/** The pages, and their forms' targets. */
export function accountPages(page: PageContext): Hono<PageEnv> {
  const { accounts, mailStore } = page.options;

  async function named(text: string): Promise<Account> {
    const address = namedMailbox(text);
    const account = address === undefined ? undefined : await accounts.get(address);
    if (!account) throw new Problem(404, `There is no account ${quoted(text)}`);
    return account;
  }

  return new Hono<PageEnv>()
    .get("/accounts", (c) => list(c, page, NOTHING))
    .post("/accounts", async (c) => {
      const form = await readOwnForm(c);
      const complaint = await add(page, form);
      if (complaint !== undefined) return await list(c, page, { form, complaint });
      const text = `The account ${form.text("address")} is made`;
      return goBack(c, page, {
        back: "/accounts",
        otherwise: "/accounts",
        flashMessage: { kind: "done", text },
      });
    })
    .get(
      "/accounts/:address",
      async (c) => one(c, page, { account: await named(c.req.param("address")), typed: NOTHING }),
    )
    .post("/accounts/:address", async (c) => {
      const form = await readOwnForm(c);
      const account = await named(c.req.param("address"));
      const complaint = await change(page, { account, form });
      if (complaint !== undefined) return await one(c, page, { account, typed: { form, complaint } });
      const path = pathTo("accounts", account.address);
      const text = form.text("do") === "password" ? "The password is changed" : "The account is changed";
      return goBack(c, page, { back: path, otherwise: path, flashMessage: { kind: "done", text } });
    })
    .post("/accounts/:address/remove", async (c) => {
      const form = await readOwnForm(c);
      const { address } = await named(c.req.param("address"));
      if (form.text("sure") === "") {
        const { messages } = await mailStore.usage(address);
        return await show(c, page, {
          title: "Remove the account?",
          at: "accounts",
          body: (view) => <RemoveQuestion view={view} address={address} messages={messages} />,
        });
      }
      await accounts.remove(address);
      await page.options.appPasswords?.forget(address);
      const text = `The account ${address} is removed, with its mail`;
      return goBack(c, page, {
        back: "/accounts",
        otherwise: "/accounts",
        flashMessage: { kind: "done", text },
      });
    });
}

async function list(c: Context<PageEnv>, page: PageContext, typed: Typed): Promise<Response> {
  const { accounts, mailStore } = page.options;
  const all = await Promise.all((await accounts.list({ limit: MAX_ACCOUNTS })).map(async (account) => ({
    account,
    ...await mailStore.usage(account.address),
  })));
  return await show(c, page, {
    title: "Accounts",
    at: "accounts",
    status: typed.complaint === undefined ? 200 : 422,
    body: (view) => <AccountsView view={view} all={all} typed={typed} domains={page.options.domains} />,
  });
}

async function one(
  c: Context<PageEnv>,
  page: PageContext,
  of: { account: Account; typed: Typed },
): Promise<Response> {
  const { mailStore, appPasswords } = page.options;
  const usage = await mailStore.usage(of.account.address);
  const passwords = await appPasswords?.list(of.account) ?? [];
  return await show(c, page, {
    title: of.account.address,
    at: "accounts",
    status: of.typed.complaint === undefined ? 200 : 422,
    body: (view) => (
      <AccountView
        view={view}
        of={{ account: of.account, ...usage }}
        passwords={passwords}
        typed={of.typed}
      />
    ),
  });
}

/** Makes an account; answers what is wrong when it can't. */
async function add({ options }: PageContext, form: Form): Promise<string | undefined> {
  const { accounts, domains } = options;
  const address = parseMailbox(form.text("address"));
  if (address === undefined) {
    return `“${quoted(form.text("address"))}” is no address such as jo@${domains[0]}`;
  }
  const { domain } = splitMailbox(address);
  if (!domains.includes(domain)) return `${domain} is not delivered here; ${domains.join(", ")} is`;
  const complaint = passwordComplaint(form.raw("password")) ?? nameComplaint(form);
  if (complaint !== undefined) return complaint;
  const quota = quotaOf(form);
  if (quota === "wrong") return quotaComplaint(form);
  const made = await accounts.add({
    address,
    password: form.raw("password"),
    name: form.text("name") || undefined,
    quota: quota ?? undefined,
  });
  return made === "exists" ? `The account ${address} exists already` : undefined;
}

async function change(
  { options }: PageContext,
  of: { account: Account; form: Form },
): Promise<string | undefined> {
  const { account: { address }, form } = of;
  if (form.text("do") === "password") {
    const complaint = passwordComplaint(form.raw("password"));
    if (complaint === undefined) await options.accounts.setPassword(address, form.raw("password"));
    return complaint;
  }
  const quota = quotaOf(form);
  if (quota === "wrong") return quotaComplaint(form);
  const complaint = nameComplaint(form);
  if (complaint === undefined) {
    await options.accounts.update(address, { name: form.text("name") || null, quota });
  }
  return complaint;
}

function nameComplaint(form: Form): string | undefined {
  return /^\P{Cc}{0,200}$/u.test(form.text("name"))
    ? undefined
    : "The name is too long, or has control characters";
}

/** Bytes; null: no limit. */
function quotaOf(form: Form): number | null | "wrong" {
  const text = form.text("quota");
  return text === "" ? null : parseSize(text) ?? "wrong";
}

function quotaComplaint(form: Form): string {
  return `“${quoted(form.text("quota"))}” is no size such as 1GiB`;
}

interface AccountFormProps {
  readonly view: View;
  readonly typed: Typed;
  readonly domains: readonly string[];
}

function AccountsView(p: AccountFormProps & { readonly all: readonly ListedAccount[] }) {
  const { all } = p;
  return (
    <>
      <Head title="Accounts" lead="Who has a mailbox here, fetches mail by POP3 and may send." />
      <Card title={count(all.length, "account")} id="accounts" live>
        {all.length === 0
          ? (
            <Empty title="There is no account yet">
              Make the first one below: it also gets the postmaster's mail.
            </Empty>
          )
          : <AccountTable all={all} />}
      </Card>
      <AccountForm {...p} />
    </>
  );
}

function AccountForm({ view, typed: { form, complaint }, domains }: AccountFormProps) {
  return (
    <Card title="New account">
      <ActionForm view={view} action="/accounts" class="pad">
        <Complaint text={complaint} />
        <div class="fields">
          <Field
            id="new-address"
            name="address"
            label="Address"
            type="email"
            required
            placeholder={`jo@${domains[0]}`}
            value={form?.text("address")}
          />
          <Field
            id="new-name"
            name="name"
            label="Name"
            value={form?.text("name")}
            hint="Whose it is; may stay empty."
          />
          <Field
            id="new-password"
            name="password"
            label="Password"
            type="password"
            required
            autocomplete="new-password"
            hint={`${MIN_PASSWORD} characters at least.`}
          />
          <Field
            id="new-quota"
            name="quota"
            label="Quota"
            placeholder="1GiB"
            value={form?.text("quota")}
            hint="Empty: no limit."
          />
        </div>
        <div class="buttons">
          <button type="submit" class="primary">Make the account</button>
        </div>
      </ActionForm>
    </Card>
  );
}

function AccountTable({ all }: { all: readonly ListedAccount[] }) {
  return (
    <table class="stack">
      <thead>
        <tr>
          <th>Address</th>
          <th>Name</th>
          <th class="number">Messages</th>
          <th>Used</th>
        </tr>
      </thead>
      <tbody>
        {all.map(({ account: { address, name, quota }, messages, bytes }) => (
          <tr key={address} data-row={address}>
            <td>
              <a class="row-link" href={pathTo("accounts", address)}>
                <bdi>{address}</bdi>
              </a>
            </td>
            <td>
              <bdi>{name ?? ""}</bdi>
            </td>
            <td class="number" data-label="Messages">
              <a href={pathTo("mailboxes", address)}>{number(messages)}</a>
            </td>
            <td data-label="Used">
              {quota === undefined ? size(bytes) : `${size(bytes)} of ${size(quota)}`}
              {quota === undefined ? null : <Fill used={bytes} of={quota} />}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function AccountView(
  { view, of, passwords, typed }: {
    view: View;
    of: ListedAccount;
    passwords: readonly AppPassword[];
    typed: Typed;
  },
) {
  const { account: { address, name, quota }, messages, bytes } = of;
  const path = pathTo("accounts", address);
  const { form, complaint } = typed;
  const isPassword = form?.text("do") === "password";
  return (
    <>
      <p class="crumbs">
        <a href="/accounts">Accounts</a>
      </p>
      <Head title={address} lead={`${count(messages, "message")}, ${size(bytes)}`}>
        <a class="button" href={pathTo("mailboxes", address)}>Open the mailbox</a>
      </Head>
      <Card title="Name and quota">
        <ActionForm view={view} action={path} class="pad">
          <Complaint text={isPassword ? undefined : complaint} />
          <div class="fields">
            <Field id="name" name="name" label="Name" value={form?.text("name") ?? name} />
            <Field
              id="quota"
              name="quota"
              label="Quota"
              value={form?.text("quota") ?? (quota === undefined ? "" : size(quota))}
              hint="Such as 1GiB; empty: no limit."
            />
          </div>
          <div class="buttons">
            <button type="submit" name="do" value="facts">Save</button>
          </div>
        </ActionForm>
      </Card>
      <Card title="Password">
        <ActionForm view={view} action={path} class="pad">
          <Complaint text={isPassword ? complaint : undefined} />
          <Field
            id="password"
            name="password"
            label="New password"
            type="password"
            required
            autocomplete="new-password"
            hint={`${MIN_PASSWORD} characters at least. The old one is worth nothing from then on.`}
          />
          <div class="buttons">
            <button type="submit" name="do" value="password">Change the password</button>
          </div>
        </ActionForm>
      </Card>
      <AppPasswordCard view={view} address={address} passwords={passwords} />
      <RemoveCard view={view} address={address} messages={messages} />
    </>
  );
}

function RemoveCard({ view, address, messages }: { view: View; address: string; messages: number }) {
  return (
    <Card title="Remove the account">
      <ActionForm view={view} action={`${pathTo("accounts", address)}/remove`} class="pad">
        <p class="hint">
          {messages === 0 ? "Its mailbox is empty." : `${count(messages, "message")} will be gone with it.`}
        </p>
        <div class="buttons">
          <button
            type="submit"
            class="danger"
            data-confirm={`Remove the account ${address} and ${count(messages, "message")} with it?`}
            data-yes="Remove"
          >
            Remove
          </button>
        </div>
      </ActionForm>
    </Card>
  );
}

function RemoveQuestion({ view, address, messages }: { view: View; address: string; messages: number }) {
  const path = pathTo("accounts", address);
  return (
    <>
      <Head
        title="Remove the account?"
        lead={`${address} and ${count(messages, "message")} with it will be gone for good.`}
      />
      <ActionForm view={view} action={`${path}/remove`} class="buttons">
        <input type="hidden" name="sure" value="1" />
        <button type="submit" class="danger">Remove</button>
        <a class="button" href={path}>Cancel</a>
      </ActionForm>
    </>
  );
}
