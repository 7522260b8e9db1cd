/** The login of people's own page: by address and password of an account, for that page and nothing else. */

import type { Context } from "hono";
import { deleteCookie, getCookie } from "hono/cookie";
import { isLoopbackPeer } from "../base/ip.ts";
import type { Account, Accounts } from "../auth/accounts.ts";
import { Authenticator, type LoginFailure } from "../auth/authenticator.ts";
import type { LoginGuard } from "../auth/login_guard.ts";
import { refuseForeignOrigin, refuseOtherPages, setSessionCookie } from "../http/access.ts";
import type { AdminEnv, HttpOptions } from "../http/options.ts";
import { secretHash, WebSessions } from "../http/web_sessions.ts";
import { Problem } from "../http/problem.ts";
import { askedUrl } from "../http/proxy.ts";
import type { Journal } from "../observe/journal.ts";
import type { Random } from "../base/random.ts";
import type { PageEnv } from "./context.ts";

/** The cookie of people's own page. */
export const OWN_COOKIE = "dinopost_own";
/** Where that page is; its cookie goes nowhere else. */
export const OWN_PATH = "/own";
/** So many logins wait for their answer at once, slowed down for what was wrong before; each takes a connection. */
const MAX_WAITING = 100;
/** Longer names are nobody's. */
const MAX_NAME = 320;

/** What it is made with. */
export interface OwnSessionsOptions extends Pick<HttpOptions, "store" | "clock" | "closing"> {
  readonly accounts: Accounts;
  readonly guard: LoginGuard;
  readonly random: Random;
  readonly journal: Journal;
}

/** Who is who on people's own page. A session ends with the password it was begun with, and with its account. */
export class OwnSessions {
  readonly #accounts: Accounts;
  readonly #random: Random;
  readonly #journal: Journal;
  readonly #closing: AbortSignal;
  readonly #sessions: WebSessions;
  readonly #authenticator: Authenticator;
  #waiting = 0;

  constructor(options: OwnSessionsOptions) {
    const { store, accounts, random } = options;
    this.#accounts = accounts;
    this.#random = random;
    this.#journal = options.journal;
    this.#closing = options.closing;
    this.#sessions = new WebSessions(store, { clock: options.clock, random, realm: "own " });
    // it knows of no app passwords: what a device has does not open this page
    this.#authenticator = new Authenticator({ accounts, guard: options.guard, random });
  }

  /**
   * Whose password it is. Slow after wrong ones; throws a `Problem` for a form of another origin, and for one that came
   * over a network in clear.
   */
  async check(c: Context<PageEnv>, name: string, password: string): Promise<Account | LoginFailure> {
    refuseForeignOrigin(plain(c));
    refuseClear(c);
    if (name === "" || name.length > MAX_NAME || password === "" || password.includes("\0")) return "wrong";
    if (this.#waiting >= MAX_WAITING) return "refused";
    const address = c.env?.remote ?? "";
    this.#waiting++;
    try {
      const found = await this.#authenticator.password(
        { address, closing: this.#closing },
        name,
        password,
      );
      const ok = typeof found !== "string";
      this.#journal.emit({
        type: "login",
        session: this.#random.bytes(5).toHex(),
        service: "http",
        remote: address,
        account: ok ? found.address : name,
        ok,
      });
      return found;
    } finally {
      this.#waiting--;
    }
  }

  /** Begins a session in place of the one that the request came with. */
  async begin(c: Context<PageEnv>, account: Account): Promise<void> {
    await this.#end(c);
    const value = await this.#sessions.begin(secretOf(account), account.address);
    setSessionCookie(plain(c), { name: OWN_COOKIE, value, path: OWN_PATH });
  }

  /**
   * The account of the request's session; undefined: it has none that lasts. Throws a `Problem` for what another page
   * sends.
   */
  async accountOf(c: Context<PageEnv>): Promise<Account | undefined> {
    const value = getCookie(c, OWN_COOKIE);
    const session = value === undefined ? undefined : await this.#sessions.find(value);
    const account = session?.account === undefined ? undefined : this.#accounts.get(session.account);
    if (!account || secretHash(secretOf(account)) !== session!.token) return undefined;
    refuseOtherPages(plain(c));
    return account;
  }

  /** Ends the session. */
  async end(c: Context<PageEnv>): Promise<void> {
    await this.#end(c);
    deleteCookie(c, OWN_COOKIE, { path: OWN_PATH });
  }

  async #end(c: Context<PageEnv>): Promise<void> {
    const value = getCookie(c, OWN_COOKIE);
    if (value !== undefined) await this.#sessions.end(value);
  }
}

/** Passwords are taken as at the mail ports: over TLS, or on this machine. */
export function refuseClear(c: Context<PageEnv>): void {
  const remote = c.env?.remote;
  const isSafe = remote === undefined || isLoopbackPeer(remote) || askedUrl(plain(c)).protocol === "https:";
  if (isSafe) return;
  throw new Problem(403, "Passwords are not taken over a network in clear; open this page by https://");
}

/** Another one with another password, and for another account of that name. */
function secretOf({ createdAt, passwordHash }: Account): string {
  return `${createdAt} ${passwordHash}`;
}

function plain(c: Context<PageEnv>): Context<AdminEnv> {
  return c as unknown as Context<AdminEnv>;
}
