/** @jsxImportSource hono/jsx */
/** An account's app passwords: a table on people's own page and on the account's, and their removal from there. */

import type { Child } from "hono/jsx";
import { Hono } from "hono";
import { namedMailbox } from "../api/schemas.ts";
import type { Account } from "../auth/accounts.ts";
import type { AppPassword } from "../auth/app_passwords.ts";
import { Problem, quoted } from "../http/problem.ts";
import type { PageContext, PageEnv, View } from "./context.ts";
import { pathTo, readOwnForm } from "./forms.ts";
import { Head } from "./layout.tsx";
import { ActionForm, Card, Empty, Time } from "./parts.tsx";
import { goBack, show } from "./render.tsx";

interface TableProps {
  readonly now: number;
  readonly passwords: readonly AppPassword[];
  /** The form that removes one; its button is a child. */
  form(name: string, button: Child): Child;
}

/** Each with when it was made and used, and a way to remove it. */
export function AppPasswordTable({ now, passwords, form }: TableProps) {
  return (
    <table class="stack">
      <thead>
        <tr>
          <th>Device</th>
          <th>Made</th>
          <th>Last used</th>
          <th>
            <span class="unseen">Remove</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {passwords.map(({ name, createdAt, lastUsedAt }) => (
          <tr key={name}>
            <td>
              <bdi>{name}</bdi>
            </td>
            <td data-label="Made">
              <Time at={createdAt} now={now} />
            </td>
            <td data-label="Last used">
              {lastUsedAt === undefined
                ? <span class="quiet">never</span>
                : <Time at={lastUsedAt} now={now} />}
            </td>
            <td>
              {form(name, <button type="submit" class="small" aria-label={`Remove ${name}`}>Remove</button>)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The card on the account's page. */
export function AppPasswordCard(
  { view, address, passwords }: { view: View; address: string; passwords: readonly AppPassword[] },
) {
  return (
    <Card title="App passwords">
      {passwords.length === 0
        ? <Empty title="None">Its person makes them at /own, one for each device.</Empty>
        : (
          <AppPasswordTable
            now={view.now}
            passwords={passwords}
            form={(name, button) => (
              <ActionForm view={view} action={removalOf(address, name)}>{button}</ActionForm>
            )}
          />
        )}
    </Card>
  );
}

function removalOf(address: string, name: string): string {
  return `${pathTo("accounts", address, "app-passwords", name)}/remove`;
}

/** The target of the card's forms: a question, and what is done when the answer is yes. */
export function appPasswordPages(page: PageContext): Hono<PageEnv> {
  const { accounts, appPasswords } = page.options;

  async function found(text: string): Promise<Account> {
    const address = namedMailbox(text);
    const account = address === undefined ? undefined : await accounts.get(address);
    if (!account || !appPasswords) throw new Problem(404, `There is no account ${quoted(text)}`);
    return account;
  }

  return new Hono<PageEnv>().post("/accounts/:address/app-passwords/:name/remove", async (c) => {
    const form = await readOwnForm(c);
    const account = await found(c.req.param("address"));
    const name = c.req.param("name");
    const isThere = (await appPasswords!.list(account)).some((one) => one.name === name);
    if (!isThere) throw new Problem(404, `There is no app password ${quoted(name)}`);
    if (form.text("sure") === "") {
      return await show(c, page, {
        title: "Remove the app password?",
        at: "accounts",
        body: (view) => <RemoveQuestion view={view} address={account.address} name={name} />,
      });
    }
    await appPasswords!.remove(account, name);
    const path = pathTo("accounts", account.address);
    const text = `The app password ${name} opens nothing any more`;
    return goBack(c, page, { back: path, otherwise: path, flashMessage: { kind: "done", text } });
  });
}

function RemoveQuestion({ view, address, name }: { view: View; address: string; name: string }) {
  return (
    <>
      <Head
        title="Remove the app password?"
        lead={`The device that has ${name} can fetch and send mail of ${address} no more.`}
      />
      <ActionForm view={view} action={removalOf(address, name)} class="buttons">
        <input type="hidden" name="sure" value="1" />
        <button type="submit" class="danger">Remove</button>
        <a class="button" href={pathTo("accounts", address)}>Cancel</a>
      </ActionForm>
    </>
  );
}
