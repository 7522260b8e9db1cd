/** The client of a certificate authority: ACME (RFC 8555), profiles, renewal information (RFC 9773). */

import { decode } from "../base/bytes.ts";
import { type Clock, sleep } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { type AccountKey, base64url, readObject } from "./account_key.ts";

/** Whom to ask, and as who. */
export interface AcmeClientOptions {
  /** The URL of the directory. */
  readonly directory: string;
  readonly key: AccountKey;
  /** Where the authority may write to. */
  readonly email?: string | undefined;
  readonly clock: Clock;
  /** Ends whatever is under way. */
  readonly signal: AbortSignal;
  /** Default: the platform's, which trusts its own roots and those of DENO_CERT and NODE_EXTRA_CA_CERTS. */
  readonly fetch?: typeof fetch | undefined;
}

/** What the authority did not do, and why. */
export class AcmeError extends Error {
  override readonly name = "AcmeError";

  /** `type`: the last part of the problem's URN, such as `rateLimited`; empty when it said none (RFC 8555 6.7). */
  constructor(message: string, readonly type: string) {
    super(message);
  }
}

/** An order (RFC 8555 7.1.3). */
export interface Order {
  readonly url: string;
  readonly status: string;
  readonly authorizations: readonly string[];
  readonly finalize: string;
  readonly certificate: string | undefined;
  readonly error: string | undefined;
}

/** A name that is to be proved (RFC 8555 7.1.4). */
export interface Authorization {
  readonly name: string;
  readonly status: string;
  readonly challenges: readonly Challenge[];
}

/** One way to prove it. */
export interface Challenge {
  readonly type: string;
  readonly url: string;
  readonly token: string;
  readonly error: string | undefined;
}

/** When the authority wants a certificate to be renewed (RFC 9773 4.2): milliseconds since 1970. */
export interface RenewalWindow {
  readonly start: number;
  readonly end: number;
  /** Ask again after so many milliseconds. */
  readonly againMs: number;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** Some authorities refuse every second nonce, to see what clients make of it. */
const NONCE_TRIES = 20;
const REQUEST_MS = 30_000;
/** What is not decided by then won't be. */
const POLL_MS = 5 * 60_000;
/** Where the authority does not say when to ask again, or by our clock says "now": never without a pause. */
const POLL_EVERY_MS = 1_000;
const AGAIN_MS = { least: 60_000, otherwise: 6 * 3600_000, most: 24 * 3600_000 } as const;
/** Profiles that are for servers like this one, by preference; one is always named, since who names none gets any. */
const PROFILES = ["classic", "default", "tlsserver"];
const PROBLEM = "urn:ietf:params:acme:error:";

/** A client with one account. Methods throw an {@linkcode AcmeError} that is told to people. */
export class AcmeClient {
  readonly #options: AcmeClientOptions;
  readonly #nonces: string[] = [];
  #directory: Promise<Record<string, unknown>> | undefined;
  #account: Promise<string> | undefined;

  /** Asks nothing yet. */
  constructor(options: AcmeClientOptions) {
    this.#options = options;
  }

  /** Orders a certificate for names; `replaces` is the id of the one that it is for (RFC 9773 5). */
  async newOrder(names: readonly string[], replaces?: string): Promise<Order> {
    const { meta, renewalInfo } = await this.#find();
    const profile = chooseProfile(meta);
    const order = {
      identifiers: names.map((value) => ({ type: "dns", value })),
      ...(profile !== undefined && { profile }),
      ...(replaces !== undefined && typeof renewalInfo === "string" && { replaces }),
    };
    try {
      const answer = await this.#post(await this.#url("newOrder"), order);
      return orderOf(answer.headers.get("location") ?? "", readObject(answer.body));
    } catch (error) {
      // a certificate that was replaced already, or that it does not know any more: it is a first one then
      const minds = error instanceof AcmeError && error.type !== "" && error.type !== "rateLimited";
      if (replaces === undefined || !minds) throw error;
      return await this.newOrder(names);
    }
  }

  /** The names that an order has to prove. */
  async authorization(url: string): Promise<Authorization> {
    return authorizationOf(readObject((await this.#post(url)).body));
  }

  /** Has the authority look, and waits for what it finds. */
  async prove(authorizationUrl: string, challenge: Challenge): Promise<Authorization> {
    await this.#post(challenge.url, {});
    return await this.#poll(authorizationUrl, authorizationOf, ({ status }) => status !== "pending");
  }

  /** Hands in the request for the certificate and answers the chain, PEM. */
  async finish(order: Order, request: Uint8Array): Promise<string> {
    const read = (body: Record<string, unknown>) => orderOf(order.url, body);
    const ready = await this.#poll(order.url, read, ({ status }) => status !== "pending");
    if (ready.status === "ready") await this.#post(ready.finalize, { csr: base64url(request) });
    const done = await this.#poll(
      order.url,
      read,
      ({ status }) => status === "valid" || status === "invalid",
    );
    if (done.status !== "valid" || done.certificate === undefined) {
      throw new AcmeError(`the order came to nothing: ${done.error ?? done.status}`, "");
    }
    return decode((await this.#post(done.certificate)).body);
  }

  /** When to renew the certificate of that id; undefined: the authority has no opinion. */
  async renewalWindow(id: string): Promise<RenewalWindow | undefined> {
    const { renewalInfo } = await this.#find();
    if (typeof renewalInfo !== "string") return undefined;
    const answer = await this.#request(`${renewalInfo.replace(/\/$/, "")}/${id}`, {});
    if (answer.status !== 200) throw problem(answer);
    const { suggestedWindow } = readObject(answer.body) as {
      suggestedWindow?: { start?: string; end?: string };
    };
    const [start, end] = [Date.parse(suggestedWindow?.start ?? ""), Date.parse(suggestedWindow?.end ?? "")];
    if (!(start <= end)) return undefined;
    const againMs = this.#retryAfter(answer) ?? AGAIN_MS.otherwise;
    return { start, end, againMs: Math.min(AGAIN_MS.most, Math.max(AGAIN_MS.least, againMs)) };
  }

  async #poll<T>(
    url: string,
    read: (body: Record<string, unknown>) => T,
    isDone: (value: T) => boolean,
  ): Promise<T> {
    const { clock, signal } = this.#options;
    const end = clock.monotonic() + POLL_MS;
    for (;;) {
      const answer = await this.#post(url);
      const value = read(readObject(answer.body));
      if (isDone(value)) return value;
      if (clock.monotonic() > end) {
        throw new AcmeError("the authority has not decided within five minutes", "");
      }
      const pauseMs = Math.max(POLL_EVERY_MS, this.#retryAfter(answer) ?? 0);
      await sleep(clock, Math.min(pauseMs, POLL_MS), signal);
      signal.throwIfAborted();
    }
  }

  /** A directory that could not be had is asked for again. */
  #find(): Promise<Record<string, unknown>> {
    return this.#directory ??= this.#request(this.#options.directory, {}).then((answer) => {
      if (answer.status !== 200) throw problem(answer);
      return readObject(answer.body);
    }).catch((error) => {
      this.#directory = undefined;
      throw error;
    });
  }

  async #url(name: string): Promise<string> {
    const url = (await this.#find())[name];
    if (typeof url === "string") return url;
    throw new AcmeError(`${this.#options.directory} is no directory of ACME: it has no ${name}`, "");
  }

  /** The account's URL; the authority knows by the key whether there is one (RFC 8555 7.3). */
  #accountUrl(): Promise<string> {
    return this.#account ??= this.#register().catch((error) => {
      this.#account = undefined;
      throw error;
    });
  }

  async #register(): Promise<string> {
    const { email, key } = this.#options;
    const account = {
      termsOfServiceAgreed: true,
      ...(email !== undefined && { contact: [`mailto:${email}`] }),
    };
    const answer = await this.#signed(await this.#url("newAccount"), { jwk: key.jwk }, account);
    const url = answer.headers.get("location");
    if (url === null) throw new AcmeError("the authority named no account", "");
    return url;
  }

  /** Without a payload it only reads (POST-as-GET). */
  async #post(url: string, payload?: unknown): Promise<Answer> {
    const kid = await this.#accountUrl();
    try {
      return await this.#signed(url, { kid }, payload);
    } catch (error) {
      // an authority that began anew: the next try registers
      if (error instanceof AcmeError && error.type === "accountDoesNotExist") this.#account = undefined;
      throw error;
    }
  }

  async #signed(url: string, who: { kid: string } | { jwk: unknown }, payload: unknown): Promise<Answer> {
    for (let tries = 1;; tries++) {
      const nonce = this.#nonces.pop() ?? await this.#newNonce();
      const body = await this.#options.key.sign({ ...who, nonce, url }, payload);
      const answer = await this.#request(url, {
        method: "POST",
        headers: { "content-type": "application/jose+json" },
        body,
      });
      if (answer.status < 400) return answer;
      const error = problem(answer);
      if (error.type !== "badNonce" || tries === NONCE_TRIES) throw error;
    }
  }

  async #newNonce(): Promise<string> {
    await this.#request(await this.#url("newNonce"), { method: "HEAD" });
    const nonce = this.#nonces.pop();
    if (nonce === undefined) throw new AcmeError("the authority gave no nonce", "");
    return nonce;
  }

  async #request(url: string, init: RequestInit): Promise<Answer> {
    const { clock, signal } = this.#options;
    const late = new AbortController();
    const timer = clock.schedule(REQUEST_MS, () => late.abort(new Error("no answer within 30 seconds")));
    try {
      const response = await (this.#options.fetch ?? fetch)(url, {
        ...init,
        redirect: "error",
        signal: AbortSignal.any([signal, late.signal]),
      });
      const body = await response.bytes();
      const nonce = response.headers.get("replay-nonce");
      if (nonce !== null) this.#nonces.push(nonce);
      return { status: response.status, headers: response.headers, body };
    } catch (error) {
      signal.throwIfAborted();
      throw new AcmeError(`${new URL(url).host} can't be asked: ${messageOf(error)}`, "");
    } finally {
      timer.cancel();
    }
  }

  /** Milliseconds; undefined: nothing was said (RFC 9110 10.2.3). */
  #retryAfter({ headers }: Answer): number | undefined {
    const text = headers.get("retry-after");
    if (text === null) return undefined;
    const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - this.#options.clock.now();
    return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
  }
}

function problem({ status, body }: Answer): AcmeError {
  const { type, detail } = readObject(body);
  const kind = typeof type === "string" && type.startsWith(PROBLEM) ? type.slice(PROBLEM.length) : "";
  const why = typeof detail === "string" && detail !== "" ? detail : `it answered ${status}`;
  return new AcmeError(`the authority refuses: ${why.slice(0, 300)}`, kind);
}

function chooseProfile(meta: unknown): string | undefined {
  const { profiles } = (meta ?? {}) as { profiles?: unknown };
  if (typeof profiles !== "object" || profiles === null) return undefined;
  const offered = Object.keys(profiles);
  return PROFILES.find((name) => offered.includes(name)) ?? offered[0];
}

function orderOf(url: string, body: Record<string, unknown>): Order {
  const { authorizations, certificate } = body;
  return {
    url,
    status: String(body["status"]),
    authorizations: Array.isArray(authorizations) ? authorizations.map(String) : [],
    finalize: String(body["finalize"]),
    certificate: typeof certificate === "string" ? certificate : undefined,
    error: detailOf(body["error"]),
  };
}

function authorizationOf(body: Record<string, unknown>): Authorization {
  const { identifier, challenges } = body as {
    identifier?: { value?: unknown };
    challenges?: Record<string, unknown>[];
  };
  return {
    name: String(identifier?.value).toLowerCase(),
    status: String(body["status"]),
    challenges: (Array.isArray(challenges) ? challenges : []).map((one) => ({
      type: String(one["type"]),
      url: String(one["url"]),
      token: String(one["token"]),
      error: detailOf(one["error"]),
    })),
  };
}

function detailOf(problem: unknown): string | undefined {
  const { detail } = (problem ?? {}) as { detail?: unknown };
  return typeof detail === "string" ? detail : undefined;
}
