/** @jsxImportSource hono/jsx */
/** The views of people's own page. They need no script. */

import type { PropsWithChildren } from "hono/jsx";
import type { Account } from "../auth/accounts.ts";
import type { AppPassword } from "../auth/app_passwords.ts";
import { AppPasswordTable } from "./app_passwords.tsx";
import type { FlashMessage } from "./flash_messages.ts";
import { MIN_PASSWORD } from "./forms.ts";
import { Sign } from "./icons.tsx";
import { Document, Head } from "./layout.tsx";
import { ActionForm, Card, Complaint, Empty, Field } from "./parts.tsx";

/** What each view of it gets. */
interface OwnView {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly hostname: string;
  readonly csrf: string;
  /** Whose it is; undefined: nobody is logged in. */
  readonly account: Account | undefined;
}

/** What the last form came to. */
export interface OwnPageState {
  /** What is wrong with a form, and with which. */
  readonly complaint?: readonly [form: "password" | "app", text: string];
  /** What was typed as an app password's name. */
  readonly name?: string;
  /** The app password that was just made. */
  readonly made?: AppPassword & { readonly password: string };
}

/** A name whose mail comes here. */
interface OwnName {
  readonly address: string;
  readonly isList: boolean;
  readonly isShared: boolean;
}

/** The login. */
export function OwnLogin(
  { hostname, now, name, complaint }: OwnView & { name?: string; complaint?: string },
) {
  return (
    <Document title={`Log in to your mailbox · ${hostname}`} now={now} script={false} bare>
      <main class="login">
        <div class="login-card">
          <Sign />
          <h1>{hostname}</h1>
          <p class="lead">Log in to look after your own passwords.</p>
          <form method="post" action="/own/login">
            <Complaint text={complaint} />
            <div class="fields">
              <Field
                id="address"
                name="address"
                label="Mail address"
                required
                autocomplete="username"
                value={name}
              />
              <Field
                id="password"
                name="password"
                label="Password"
                type="password"
                required
                autocomplete="current-password"
              />
            </div>
            <button type="submit" class="primary">Log in</button>
          </form>
          <p class="login-foot">It is the password of your mailbox; an app password opens mail only.</p>
        </div>
      </main>
    </Document>
  );
}

/** All of it, for who is logged in. */
export function OwnPage(
  view: OwnView & OwnPageState & {
    account: Account;
    passwords: readonly AppPassword[];
    names: readonly OwnName[];
    flashMessage: FlashMessage | undefined;
  },
) {
  const { account, complaint, flashMessage } = view;
  const [form, text] = complaint ?? [];
  return (
    <OwnFrame view={view} title={account.address} lead={account.name}>
      {flashMessage === undefined ? null : (
        <div class={`notice n-${flashMessage.kind}`} role="status">
          <p>{flashMessage.text}</p>
        </div>
      )}
      <PasswordCard
        view={view}
        address={account.address}
        complaint={form === "password" ? text : undefined}
      />
      <AppPasswordCard {...view} text={form === "app" ? text : undefined} />
      <NamesCard names={view.names} />
    </OwnFrame>
  );
}

/** The question before an app password goes. */
export function OwnRemoval({ name, ...view }: OwnView & { name: string }) {
  return (
    <OwnFrame view={view} title="Remove the app password?" lead={name}>
      <p>The device that has it can fetch and send mail no more.</p>
      <OwnForm view={view} action="/own/app-passwords/remove" class="buttons">
        <input type="hidden" name="name" value={name} />
        <input type="hidden" name="sure" value="1" />
        <button type="submit" class="danger">Remove</button>
        <a class="button" href="/own">Cancel</a>
      </OwnForm>
    </OwnFrame>
  );
}

/** What did not work. */
export function OwnProblem({ text, ...view }: OwnView & { text: string }) {
  return (
    <OwnFrame view={view} title="That did not work">
      <div class="card">
        <Empty title={text}>
          <a href="/own">Back to your page</a>
        </Empty>
      </div>
    </OwnFrame>
  );
}

function OwnFrame(p: PropsWithChildren<{ view: OwnView; title: string; lead?: string | undefined }>) {
  const { view, title, lead } = p;
  return (
    <Document title={`${title} · ${view.hostname}`} now={view.now} script={false} bare>
      <main class="own" id="main">
        <Head title={title} {...(lead !== undefined && { lead })}>
          {view.account === undefined ? null : (
            <OwnForm view={view} action="/own/logout">
              <button type="submit">Log out</button>
            </OwnForm>
          )}
        </Head>
        {p.children}
      </main>
    </Document>
  );
}

function OwnForm(p: PropsWithChildren<{ view: OwnView; action: string; class?: string }>) {
  const { view: { csrf }, ...rest } = p;
  return <ActionForm view={{ csrf, user: undefined }} {...rest} />;
}

function PasswordCard(p: { view: OwnView; address: string; complaint: string | undefined }) {
  return (
    <Card title="Password">
      <OwnForm view={p.view} action="/own/password" class="pad">
        <Complaint text={p.complaint} />
        {/* for programs that keep passwords */}
        <input type="text" name="username" value={p.address} autocomplete="username" hidden />
        <div class="fields">
          <Field
            id="current"
            name="current"
            label="Present password"
            type="password"
            required
            autocomplete="current-password"
          />
          <Field
            id="password"
            name="password"
            label="New password"
            type="password"
            required
            autocomplete="new-password"
            hint={`${MIN_PASSWORD} characters at least.`}
          />
          <Field
            id="again"
            name="again"
            label="New password again"
            type="password"
            required
            autocomplete="new-password"
          />
        </div>
        <div class="buttons">
          <button type="submit" class="primary">Change the password</button>
        </div>
      </OwnForm>
    </Card>
  );
}

function AppPasswordCard(
  p: OwnView & OwnPageState & { passwords: readonly AppPassword[]; text: string | undefined },
) {
  const { made, passwords } = p;
  return (
    <Card title="App passwords">
      <p class="hint pad">
        One for each device: it fetches and sends mail beside your own password, and can be taken away alone.
      </p>
      {made === undefined ? null : (
        <div class="notice n-done own-made" role="status">
          <p>
            The app password for <bdi>{made.name}</bdi> is shown this once: <code>{made.password}</code>
          </p>
        </div>
      )}
      {passwords.length === 0 ? null : (
        <AppPasswordTable
          now={p.now}
          passwords={passwords}
          form={(name, button) => (
            <OwnForm view={p} action="/own/app-passwords/remove">
              <input type="hidden" name="name" value={name} />
              {button}
            </OwnForm>
          )}
        />
      )}
      <OwnForm view={p} action="/own/app-passwords" class="pad">
        <Complaint text={p.text} />
        <Field
          id="name"
          name="name"
          label="New app password for"
          required
          placeholder="phone"
          value={p.name}
          hint="What you call the device."
        />
        <div class="buttons">
          <button type="submit">Make an app password</button>
        </div>
      </OwnForm>
    </Card>
  );
}

function NamesCard({ names }: { names: readonly OwnName[] }) {
  return (
    <Card title="Aliases">
      {names.length === 0
        ? <Empty title="None">Mail comes to you by your address only.</Empty>
        : (
          <table class="stack">
            <thead>
              <tr>
                <th>Mail to</th>
                <th>Comes</th>
              </tr>
            </thead>
            <tbody>
              {names.map(({ address, isList, isShared }) => (
                <tr key={address}>
                  <td>
                    <bdi>{address}</bdi>
                  </td>
                  <td class="quiet">
                    {isList ? "to you, as one of a list" : isShared ? "to you and others" : "to you"}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
    </Card>
  );
}
