/** @jsxImportSource hono/jsx */
/** People's own page: the password, the app passwords and the names of who logs in, and nothing of anybody else. */

import { type Context, Hono } from "hono";
import type { Account } from "../auth/accounts.ts";
import { type AppPasswords, MAX_APP_PASSWORDS } from "../auth/app_passwords.ts";
import { ONE_LINE } from "../api/schemas.ts";
import { Problem, problemOf, problemResponse, quoted } from "../http/problem.ts";
import { changes } from "../http/roles.ts";
import { localKey } from "../mail/address.ts";
import type { ListedAlias } from "../recipients/aliases.ts";
import type { PageContext, PageEnv } from "./context.ts";
import { csrfOf, type Form, passwordComplaint, pathTo, readForm, readOwnForm } from "./forms.ts";
import { OWN_COOKIE, OWN_PATH, OwnSessions, refuseClear } from "./own_sessions.ts";
import { OwnLogin, OwnPage, type OwnPageState, OwnProblem, OwnRemoval } from "./own_view.tsx";
import { goBack, sendDocument } from "./render.tsx";

const LOGIN = `${OWN_PATH}/login`;
const TOO_MANY = "Too many wrong passwords; try again in a quarter of an hour";
const MAX_APP_NAME = 100;

/** Has the server such a page? One that captures mail has no people. */
export function hasOwnPage({ options }: PageContext): boolean {
  return options.captures !== true && options.guard !== undefined && options.appPasswords !== undefined;
}

/** What the pages are made with. */
interface OwnParts {
  readonly page: PageContext;
  readonly sessions: OwnSessions;
  readonly appPasswords: AppPasswords;
}

/** The pages, and their forms' targets. */
export function ownPages(page: PageContext): Hono<PageEnv> {
  const app = new Hono<PageEnv>();
  const { options } = page;
  const { appPasswords, guard, journal } = options;
  if (!hasOwnPage(page)) return app;
  const sessions = new OwnSessions({ ...options, guard: guard! });
  app.onError((error, c) => {
    const problem = problemOf(error, { journal, path: c.req.path });
    const forPeople = (c.req.header("accept") ?? "").includes("text/html");
    if (!forPeople) return problemResponse(problem, c.req.path);
    return sendDocument(c, <OwnProblem {...seen(c, page)} text={problem.detail} />, problem.status);
  });
  app.use(`${OWN_PATH}/*`, async (c, next) => {
    c.set("csrf", await csrfOf(c, OWN_COOKIE));
    if (c.req.path === LOGIN) return await next();
    const account = await sessions.accountOf(c);
    if (!account && !changes(c.req.method)) return c.redirect(LOGIN, 303);
    if (!account) return await login(c, page, { complaint: "The session has ended; log in again" });
    c.set("account", account);
    return await next();
  });
  app.get(OWN_PATH, (c) => own(c, page));
  const parts = { page, sessions, appPasswords: appPasswords! };
  addSession(app, parts);
  addPassword(app, parts);
  addAppPasswords(app, parts);
  return app;
}

/** Logging in and out. */
function addSession(app: Hono<PageEnv>, { page, sessions }: OwnParts): void {
  app.get(LOGIN, async (c) => {
    refuseClear(c);
    if (await sessions.accountOf(c)) return c.redirect(OWN_PATH, 303);
    return await login(c, page);
  });
  app.post(LOGIN, async (c) => {
    const form = await readForm(c);
    const name = form.text("address");
    const found = await sessions.check(c, name, form.raw("password"));
    if (found === "refused") return await login(c, page, { name, complaint: TOO_MANY, status: 429 });
    if (found === "wrong") return await login(c, page, { name, complaint: "Address or password is wrong" });
    await sessions.begin(c, found);
    return c.redirect(OWN_PATH, 303);
  });
  app.post(`${OWN_PATH}/logout`, async (c) => {
    await readOwnForm(c);
    await sessions.end(c);
    return c.redirect(LOGIN, 303);
  });
}

/** The account's own password. It is asked for once more: a session that was stolen doesn't change it. */
function addPassword(app: Hono<PageEnv>, { page, sessions }: OwnParts): void {
  app.post(`${OWN_PATH}/password`, async (c) => {
    const form = await readOwnForm(c);
    const account = c.get("account")!;
    const complaint = newPasswordComplaint(form);
    if (complaint !== undefined) return await own(c, page, { complaint: ["password", complaint] });
    const found = await sessions.check(c, account.address, form.raw("current"));
    if (found === "refused") return await own(c, page, { complaint: ["password", TOO_MANY], status: 429 });
    const isRight = found !== "wrong" && found.address === account.address &&
      found.createdAt === account.createdAt;
    if (!isRight) return await own(c, page, { complaint: ["password", "The present password is wrong"] });
    const { accounts } = page.options;
    const changed = await accounts.setPassword(account.address, form.raw("password"), found.passwordHash);
    if (!changed || changed.passwordHash === found.passwordHash) {
      throw new Problem(409, "The password was changed elsewhere at this moment; log in with that one");
    }
    await audited(page, account, { method: "POST" });
    await sessions.begin(c, changed);
    return back(c, page, "The password is changed; sessions elsewhere have ended");
  });
}

/** A further password for each device. */
function addAppPasswords(app: Hono<PageEnv>, { page, appPasswords }: OwnParts): void {
  app.post(`${OWN_PATH}/app-passwords`, async (c) => {
    const name = (await readOwnForm(c)).text("name");
    const account = c.get("account")!;
    const made = nameComplaint(name) ?? await appPasswords.add(account, name);
    if (typeof made === "string") {
      const complaint = made === "exists"
        ? `There is an app password “${quoted(name)}” already`
        : made === "tooMany"
        ? `You have ${MAX_APP_PASSWORDS} app passwords, no more are kept`
        : made;
      return await own(c, page, { complaint: ["app", complaint], name });
    }
    await audited(page, account, { method: "POST", name });
    return await own(c, page, { made });
  });
  app.post(`${OWN_PATH}/app-passwords/remove`, async (c) => {
    const form = await readOwnForm(c);
    const account = c.get("account")!;
    const name = form.raw("name");
    const known = (await appPasswords.list(account)).some((one) => one.name === name);
    if (!known) throw new Problem(404, `There is no app password “${quoted(name)}”`);
    if (!form.has("sure")) return await sendDocument(c, <OwnRemoval {...seen(c, page)} name={name} />);
    await appPasswords.remove(account, name);
    await audited(page, account, { method: "DELETE", name });
    return back(c, page, `The app password “${name}” is gone: it opens nothing any more`);
  });
}

/** Leads back to the page, and says there what was done. */
function back(c: Context<PageEnv>, page: PageContext, text: string): Response {
  return goBack(c, page, { back: OWN_PATH, otherwise: OWN_PATH, flashMessage: { kind: "done", text } });
}

/** Writes into the audit log what the API's call for the same would: of an app password when there is a name. */
async function audited(
  page: PageContext,
  { address }: Account,
  { method, name }: { method: "POST" | "DELETE"; name?: string },
): Promise<void> {
  const path = name === undefined
    ? pathTo("accounts", address)
    : pathTo("accounts", address, "app-passwords", ...(method === "DELETE" ? [name] : []));
  const body = name === undefined ? { do: "password" } : { name };
  await page.auth.audited({ name: address }, { method, path, body });
}

function newPasswordComplaint(form: Form): string | undefined {
  const password = form.raw("password");
  if (password !== form.raw("again")) return "The new password was written in two ways";
  return passwordComplaint(password);
}

function nameComplaint(name: string): string | undefined {
  if (name === "") return "An app password needs a name, such as phone";
  return name.length <= MAX_APP_NAME && ONE_LINE.test(name)
    ? undefined
    : `The name is longer than ${MAX_APP_NAME} characters, or has control characters`;
}

/** What every view of it is made with. */
function seen(c: Context<PageEnv>, { options, server }: PageContext) {
  return {
    now: options.clock.now(),
    hostname: server.hostname,
    csrf: c.get("csrf"),
    account: c.get("account"),
  };
}

async function login(
  c: Context<PageEnv>,
  page: PageContext,
  of: { name?: string; complaint?: string; status?: 429 } = {},
): Promise<Response> {
  const status = of.status ?? (of.complaint === undefined ? 200 : 401);
  return await sendDocument(c, <OwnLogin {...seen(c, page)} {...of} />, status);
}

async function own(
  c: Context<PageEnv>,
  page: PageContext,
  of: OwnPageState & { status?: 429 } = {},
): Promise<Response> {
  const { aliases, appPasswords } = page.options;
  const account = c.get("account")!;
  const names = namesOf(account.address, await aliases.list()).map((alias) => ({
    address: alias.address,
    isList: aliases.get(alias.address)?.owner !== undefined,
    isShared: alias.targets.length > 1,
  }));
  const status = of.status ?? (of.complaint ? 422 : of.made ? 201 : 200);
  return await sendDocument(
    c,
    <OwnPage
      {...seen(c, page)}
      {...of}
      account={account}
      passwords={await appPasswords!.list(account)}
      names={names}
      flashMessage={page.flashMessages.take(c.req.query("notice"))}
    />,
    status,
  );
}

/** The names whose mail comes to an address, by whichever other names. */
function namesOf(address: string, all: readonly ListedAlias[]): ListedAlias[] {
  const reached = new Set([localKey(address)]);
  for (let before = 0; before !== reached.size;) {
    before = reached.size;
    for (const alias of all) {
      if (alias.targets.some((target) => reached.has(localKey(target)))) reached.add(localKey(alias.address));
    }
  }
  return all.filter((alias) => localKey(alias.address) !== localKey(address)).filter((alias) =>
    reached.has(localKey(alias.address))
  );
}
