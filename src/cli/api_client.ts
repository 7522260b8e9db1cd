/** The client of the running server: where it is, and what its answers mean for an exit code. */

import type { Command } from "commander";
import type { Endpoint } from "../config/config.ts";
import { withoutLogin } from "../config/error.ts";
import { isToken } from "../config/values.ts";
import { readAdminFile } from "./admin_file.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { type ConfigOptions, loadFor, withConfig } from "./options.ts";
import { safe } from "./output.ts";

/** `--config`, `--data-dir`, `--url` and `--token`. */
export interface ApiOptions extends ConfigOptions {
  /** The server's HTTP surface. */
  url?: string;
  token?: string;
}

/** Adds the options that lead to a running server. */
export function withApi(command: Command): Command {
  return withConfig(command)
    .option("--data-dir <dir>", "data directory of the running server")
    .option("--url <url>", "HTTP surface of the running server, such as http://127.0.0.1:8025")
    .option("--token <token>", "its admin token");
}

/** What a request carries. */
export interface ApiRequest {
  /** GET unless said. */
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** What follows the question mark; undefined values are left out. */
  query?: Record<string, string | string[] | undefined>;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is. */
  body?: { type: string; bytes: Uint8Array<ArrayBuffer> };
}

/** Calls that speak of no single thing: a server that knows them never answers that there is no such thing. */
const COLLECTION =
  /\/api\/v1\/(?:queue(?:\/summary|\/flush|\/actions|\/export|\/import)?|suspensions|domains|accounts|aliases|messages)$/;

/** What is there already, or in the configuration, is there later too: a 409 is no reason to try again. */
const NAMES = /\/api\/v1\/(?:accounts|aliases)\b/;

/** What has one address each: a 404 says that nobody here has it. */
const USERS = /\/api\/v1\/(?:accounts|mailboxes)\//;

/** A running server as the command line sees it. */
export class ApiClient {
  readonly #url: string;
  readonly #token: string | undefined;
  readonly #whenAway: number;

  private constructor(access: { url: string; token: string | undefined }, whenAway: number) {
    this.#url = access.url.replace(/\/+$/, "");
    this.#token = access.token;
    this.#whenAway = whenAway;
  }

  /**
   * Finds the server by `--url` and `--token`, else by the data directory, else by the configuration. `whenAway` is
   * the exit code when nobody answers. Without a token it is asked without one, as a server that captures may be.
   */
  static async find(options: ApiOptions, whenAway: number = ExitCode.unavailable): Promise<ApiClient> {
    let { url, token } = options;
    if (url !== undefined && !(/^https?:\/\//.test(url) && URL.canParse(url))) {
      throw new CliError(
        ExitCode.usage,
        `--url: received "${safe(withoutLogin(url))}", expected an http or https URL`,
      );
    }
    if (url === undefined || token === undefined) {
      const config = await loadFor(options);
      const file = await readAdminFile(config.dataDir);
      const [endpoint] = config.listen.admin;
      // a token belongs to its server: the file's is not shown to another URL
      token ??= (url === undefined || url === file?.url ? file?.token : undefined) ?? config.admin.token ??
        undefined;
      url ??= file?.url ?? (config.admin.token !== null && endpoint ? urlOf(endpoint) : undefined);
      if (url === undefined) {
        const where = safe(config.dataDir);
        throw new CliError(
          whenAway,
          `no server is running on ${where}; start it with "dinopost serve", or give --url and --token`,
        );
      }
    }
    if (token !== undefined && !isToken(token)) {
      throw new CliError(ExitCode.usage, "--token: expected visible ASCII characters, without blanks");
    }
    return new ApiClient({ url, token }, whenAway);
  }

  /** The HTTP surface, without a slash at the end. */
  get url(): string {
    return this.#url;
  }

  /** Asks and answers what the server said as JSON; undefined for an empty answer. Throws {@linkcode CliError}. */
  async call<T>(path: string, request: ApiRequest = {}): Promise<T> {
    const url = new URL(`${this.#url}/api/v1${path}`);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      for (const one of Array.isArray(value) ? value : value === undefined ? [] : [value]) {
        url.searchParams.append(name, one);
      }
    }
    const method = request.method ?? "GET";
    const response = await this.#send(url, { method, ...contentOf(request) });
    const text = await response.text();
    if (!response.ok) throw this.#failure(response, { text, what: `${method} ${url.pathname}` });
    if (text === "") return undefined as T;
    try {
      return JSON.parse(text) as T;
    } catch {
      throw new CliError(
        ExitCode.unavailable,
        `${withoutLogin(this.#url)} answers, but not as a dinopost server does`,
      );
    }
  }

  /** Asks and answers the response, whose body is a stream; a refusal is a {@linkcode CliError}. */
  async open(path: string, init: RequestInit = {}): Promise<Response> {
    const url = new URL(`${this.#url}/api/v1${path}`);
    const response = await this.#send(url, init);
    if (response.ok) return response;
    throw this.#failure(response, {
      text: await response.text(),
      what: `${init.method ?? "GET"} ${url.pathname}`,
    });
  }

  async #send(url: URL, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#token !== undefined) headers.set("authorization", `Bearer ${this.#token}`);
    try {
      return await fetch(url, { ...init, headers, redirect: "manual" });
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      throw new CliError(
        this.#whenAway,
        `no server answers at ${safe(withoutLogin(this.#url))}; is it running?`,
      );
    }
  }

  #failure(response: Response, { text, what }: { text: string; what: string }): CliError {
    const { status } = response;
    const detail = problemOf(text);
    if (status === 401 && this.#token === undefined) {
      return new CliError(ExitCode.usage, "the token is not known; give it with --token");
    }
    if (status === 401 || status === 403) {
      return new CliError(
        ExitCode.badConfig,
        `the server does not accept the token${detail ? `: ${detail}` : ""}`,
      );
    }
    if (status === 404 && (!detail || COLLECTION.test(what))) {
      return new CliError(ExitCode.unavailable, `${what} is not supported yet by this server`);
    }
    if (status === 404 && USERS.test(what)) return new CliError(ExitCode.noUser, detail!);
    const refused = refusedIn(text);
    if (refused.length > 0) return new RecipientsRefused(refused);
    const message = detail ?? `the server answered ${status} to ${what}`;
    const later = status >= 500 || status === 408 || status === 429 || (status === 409 && !NAMES.test(what));
    return new CliError(later ? ExitCode.tryAgain : ExitCode.badData, message);
  }
}

/** A recipient that did not get the message, and why. */
export interface RefusedRecipient {
  readonly address: string;
  readonly text: string;
}

/** In one line, which names the recipient. */
export function sayRefused({ address, text }: RefusedRecipient): string {
  return safe(text.includes(address) ? text : `${address}: ${text}`);
}

/** Nobody got the message. */
export class RecipientsRefused extends CliError {
  /** Who, and why; not empty. */
  constructor(readonly refused: readonly RefusedRecipient[]) {
    super(ExitCode.noUser, refused.map(sayRefused).join("; "));
  }
}

/** The recipients that an RFC 9457 answer names as the reason. */
function refusedIn(text: string): RefusedRecipient[] {
  try {
    const { errors } = JSON.parse(text);
    if (!Array.isArray(errors)) return [];
    return errors.filter((error) => error?.in === "recipients")
      .map(({ name, detail }) => ({ address: String(name), text: String(detail) }));
  } catch {
    return [];
  }
}

function contentOf(request: ApiRequest): RequestInit {
  if (request.body) return { headers: { "content-type": request.body.type }, body: request.body.bytes };
  if (request.json === undefined) return {};
  return { headers: { "content-type": "application/json" }, body: JSON.stringify(request.json) };
}

/** The sentence in an RFC 9457 answer. */
function problemOf(text: string): string | undefined {
  try {
    const { detail, title } = JSON.parse(text);
    const sentence = typeof detail === "string" ? detail : typeof title === "string" ? title : undefined;
    return sentence === undefined ? undefined : safe(sentence);
  } catch {
    return undefined;
  }
}

/** The URL of an HTTP surface that listens there; "any address" is reached over loopback. */
export function urlOf({ hostname, port }: Endpoint): string {
  const host = hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
