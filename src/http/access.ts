/** The access to API and page: bearer token, session cookie, and slow answers to wrong tokens. */

import { createHash } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { decode, equalInConstantTime } from "../base/bytes.ts";
import { type Clock, sleep } from "../base/clock.ts";
import { isToken } from "../config/values.ts";
import type { Journal } from "../observe/journal.ts";
import { type GuardPolicy, LoginGuard, networkOf } from "../auth/login_guard.ts";
import { type AuditedCall, AuditLog } from "./audit.ts";
import type { AdminAuth, AdminEnv, HttpOptions } from "./options.ts";
import { ADMIN, type AdminUser, mayCall } from "./roles.ts";
import { askedUrl } from "./proxy.ts";
import { Problem } from "./problem.ts";
import { SESSION_MS, WebSessions } from "./web_sessions.ts";

/** The cookie of the web page. */
export const COOKIE = "dinopost_session";
/** A cookie's call that changes something carries it: a page of another origin can't send it unasked. */
export const CSRF_HEADER = "x-dinopost-csrf";

/**
 * Wrong tokens are answered later and later; the right one is let in at once whoever guesses meanwhile, so that nobody
 * can lock the operator out.
 */
const GUESSING: GuardPolicy = {
  windowMs: 15 * 60_000,
  free: 10,
  refuseFrom: 20,
  firstDelayMs: 50,
  maxDelayMs: 2000,
};
/** So many wrong tokens from one address wait for their answer; further ones are refused at once. */
const MAX_WAITING = 50;
/** The same for all addresses together: each takes a connection and a timer. */
const MAX_WAITING_IN_ALL = 500;
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** Who has `admin.token`. */
const ADMINISTRATOR: AdminUser = { name: ADMIN, role: "admin" };

/** Lets those in who may. */
export class Access implements AdminAuth {
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #closing: AbortSignal;
  /** The log of what was changed. */
  readonly audit: AuditLog;
  readonly #people: readonly { readonly user: AdminUser; readonly token: Uint8Array }[];
  readonly #open: boolean;
  readonly #basic: boolean;
  readonly #sessions: WebSessions;
  readonly #guard: LoginGuard;
  /** Wrong tokens that wait for their answer, by network; who has none is not in it. */
  readonly #waiting = new Map<string, number>();
  #waitingInAll = 0;

  constructor(options: HttpOptions) {
    const { store, clock, random, token, journal, closing } = options;
    this.#clock = clock;
    this.#journal = journal;
    this.#closing = closing;
    this.#people = [
      { user: ADMINISTRATOR, token: digest(token) },
      ...Object.entries(options.users ?? {}).map(([name, { token, role }]) => ({
        user: { name, role },
        token: digest(token),
      })),
    ];
    this.audit = new AuditLog(options);
    this.#open = options.open ?? false;
    this.#basic = options.basic ?? false;
    this.#sessions = new WebSessions(store, { clock, random });
    this.#guard = new LoginGuard({ clock, policy: GUESSING });
  }

  /** Lets only requests with a token or a session's cookie through, of who may do what is asked. */
  required(): MiddlewareHandler<AdminEnv> {
    return async (c, next) => {
      const user = await this.#check(c);
      allow(user, c.req);
      c.env = { ...c.env, user };
      await next();
    };
  }

  async userOf(c: Context<AdminEnv>): Promise<AdminUser | undefined> {
    try {
      return await this.#check(c);
    } catch (error) {
      if (error instanceof Problem) return undefined;
      throw error;
    }
  }

  /** Where nobody says who he is, nothing is written. */
  async audited({ name }: Pick<AdminUser, "name">, call: AuditedCall): Promise<void> {
    if (!this.#open) await this.audit.record(name, call);
  }

  /** Begins the page's session: sets the cookie when the token is right, throws a {@linkcode Problem} when not. */
  async login(c: Context<AdminEnv>, token: string): Promise<void> {
    refuseForeignOrigin(c);
    await this.#checkToken(c, token);
    setSessionCookie(c, { name: COOKIE, value: await this.#sessions.begin(token), path: "/" });
  }

  /** Ends the page's session. */
  async logout(c: Context<AdminEnv>): Promise<void> {
    const value = getCookie(c, COOKIE);
    if (value !== undefined) await this.#sessions.end(value);
    deleteCookie(c, COOKIE, { path: "/" });
  }

  async #check(c: Context<AdminEnv>): Promise<AdminUser> {
    if (this.#open) {
      refuseForeignOrigin(c, { links: true });
      return ADMINISTRATOR;
    }
    const header = c.req.header("authorization");
    if (header !== undefined) {
      const given = /^Bearer +(.*?) *$/i.exec(header)?.[1];
      const password = this.#basic ? basicPassword(header) : undefined;
      const token = given ?? password;
      if (token === undefined || !isToken(token)) {
        throw new Problem(401, "The Authorization header must be: Bearer TOKEN");
      }
      // what a browser has been told once it sends along unasked
      if (password !== undefined) refuseForeignOrigin(c);
      return await this.#checkToken(c, token);
    }
    const cookie = getCookie(c, COOKIE);
    if (cookie === undefined) {
      throw new Problem(401, "Send the admin token: Authorization: Bearer TOKEN");
    }
    const session = await this.#sessions.find(cookie);
    const user = session && this.#userOf(Uint8Array.fromHex(session.token));
    if (!user) throw new Problem(401, "The session has ended; log in again");
    refuseOtherPages(c);
    return user;
  }

  /** Whose token has that digest; all are compared, so that the time tells nothing. */
  #userOf(given: Uint8Array): AdminUser | undefined {
    let found: AdminUser | undefined;
    for (const { user, token } of this.#people) if (equalInConstantTime(given, token)) found ??= user;
    return found;
  }

  async #checkToken(c: Context<AdminEnv>, given: string): Promise<AdminUser> {
    if (this.#open) return ADMINISTRATOR;
    const user = this.#userOf(digest(given));
    if (user) return user;
    const remote = c.env?.remote ?? "";
    const network = networkOf(remote);
    const waiting = this.#waiting.get(network) ?? 0;
    if (waiting >= MAX_WAITING || this.#waitingInAll >= MAX_WAITING_IN_ALL) {
      throw new Problem(429, "Too many wrong tokens at once; try again later", {
        headers: { "retry-after": "5" },
      });
    }
    const attempt = this.#guard.begin(remote, "admin");
    const pause = Math.min(attempt.waitMs, GUESSING.maxDelayMs);
    attempt.wrong();
    this.#journal.note("WARN", "wrong admin token", { remote });
    this.#count(network, 1);
    try {
      if (pause > 0) await sleep(this.#clock, pause, this.#closing);
    } finally {
      this.#count(network, -1);
    }
    throw new Problem(401, "The admin token is wrong");
  }

  #count(network: string, step: 1 | -1): void {
    const waiting = (this.#waiting.get(network) ?? 0) + step;
    if (waiting > 0) this.#waiting.set(network, waiting);
    else this.#waiting.delete(network);
    this.#waitingInAll += step;
  }
}

/** Throws a {@linkcode Problem} where somebody may not do what is asked. */
export function allow({ name, role }: AdminUser, { method, path }: { method: string; path: string }): void {
  if (mayCall(role, method, path)) return;
  const may = role === "operator"
    ? "may not change accounts, aliases and webhooks, or make backups"
    : "may only read";
  throw new Problem(403, `${name} is ${role === "operator" ? "an operator" : role}, and ${may}`);
}

/**
 * The digests are compared, so that neither content nor length of the secret shows in the time it takes. At once, not
 * by WebCrypto: many tries at the same time must not be looked at before the first of them is counted.
 */
function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

/** A cookie comes along unasked: what changes something has to say that a page of ours sends it. */
export function refuseOtherPages(c: Context<AdminEnv>): void {
  refuseForeignOrigin(c);
  if (SAFE_METHODS.has(c.req.method) || isOurPage(c)) return;
  throw new Problem(403, `With the cookie, a call that changes something needs the header ${CSRF_HEADER}: 1`);
}

/** Sets the cookie of a session, for the paths under `path`. */
export function setSessionCookie(
  c: Context<AdminEnv>,
  { name, value, path }: { name: string; value: string; path: string },
): void {
  const secure = askedUrl(c).protocol === "https:";
  setCookie(c, name, value, {
    httpOnly: true,
    sameSite: "Strict",
    path,
    secure,
    maxAge: SESSION_MS / 1000,
  });
}

/**
 * The browser says where a call comes from: a page of another origin has no business with the cookie. With `links` a
 * person may come here by a link of such a page, which learns nothing from that.
 */
export function refuseForeignOrigin(c: Context<AdminEnv>, { links = false } = {}): void {
  const origin = c.req.header("origin");
  const site = c.req.header("sec-fetch-site");
  const linked = links && SAFE_METHODS.has(c.req.method) && c.req.header("sec-fetch-mode") === "navigate";
  const foreign = (origin !== undefined && !isOwn(origin, c)) ||
    (!linked && (site === "cross-site" || site === "same-site"));
  if (foreign) throw new Problem(403, "The call comes from a page of another origin");
}

/** The password of `Basic` (RFC 7617), for programs that can send nothing else; undefined when there is none. */
function basicPassword(header: string): string | undefined {
  const given = /^Basic +([A-Za-z0-9+/]+=*) *$/i.exec(header)?.[1];
  if (given === undefined) return undefined;
  try {
    const text = decode(Uint8Array.fromBase64(given));
    return text.slice(text.indexOf(":") + 1);
  } catch {
    return undefined;
  }
}

function isOurPage(c: Context<AdminEnv>): boolean {
  if (c.req.path === "/api/v1/session" || (c.req.header(CSRF_HEADER) ?? "") !== "") return true;
  const origin = c.req.header("origin");
  return origin !== undefined && isOwn(origin, c);
}

/** Host and port count: behind a proxy that adds TLS the scheme differs. */
function isOwn(origin: string, c: Context<AdminEnv>): boolean {
  try {
    return new URL(origin).host === askedUrl(c).host;
  } catch {
    return false;
  }
}
