/** The forms: that they are ours, and what stands in them. */

import type { Context, MiddlewareHandler } from "hono";
import { getCookie } from "hono/cookie";
import { bodyLimit } from "hono/body-limit";
import { encode, equalInConstantTime } from "../base/bytes.ts";
import { passwordFault } from "../base/passwords.ts";
import { COOKIE } from "../http/access.ts";
import { Problem } from "../http/problem.ts";
import type { PageEnv } from "./context.ts";

const FORM_LIMIT = 256 * 1024;

/** The values of a form, by name. */
export class Form {
  readonly #values: URLSearchParams;

  constructor(values: URLSearchParams) {
    this.#values = values;
  }

  /** The first value of that name, without blanks around it; empty when there is none. */
  text(name: string): string {
    return (this.#values.get(name) ?? "").trim();
  }

  /** The value as it is: passwords may begin with a blank. */
  raw(name: string): string {
    return this.#values.get(name) ?? "";
  }

  /** Is there a value of that name? */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** All values of that name. */
  all(name: string): string[] {
    return this.#values.getAll(name);
  }
}

/** Reads a form of this page; throws a {@linkcode Problem} when it is none. */
export async function readForm(c: Context<PageEnv>): Promise<Form> {
  if (!/^application\/x-www-form-urlencoded *(?:;|$)/i.test(c.req.header("content-type") ?? "")) {
    throw new Problem(415, "This takes forms of this page only");
  }
  return new Form(new URLSearchParams(await c.req.text()));
}

/** Bounds the bodies of forms. */
export function formLimit(): MiddlewareHandler<PageEnv> {
  return bodyLimit({
    maxSize: FORM_LIMIT,
    onError: () => {
      throw new Problem(413, `The form is larger than ${FORM_LIMIT} bytes`);
    },
  });
}

/** What the forms of a session carry: made of the cookie, which no other page can read, and telling nothing of it. */
export async function csrfOf(c: Context<PageEnv>, name = COOKIE): Promise<string> {
  const cookie = getCookie(c, name);
  if (cookie === undefined) return "";
  const digest = await crypto.subtle.digest("SHA-256", encode(`dinopost form ${cookie}`));
  return new Uint8Array(digest).toHex().slice(0, 40);
}

/** Reads a form that changes something; throws a {@linkcode Problem} when it is not from this session's page. */
export async function readOwnForm(c: Context<PageEnv>): Promise<Form> {
  const form = await readForm(c);
  const csrf = c.get("csrf");
  if (csrf === "" || !equalInConstantTime(encode(form.raw("csrf")), encode(csrf))) {
    throw new Problem(403, "The form is not of this session; load the page again and repeat what you did");
  }
  return form;
}

/** Shorter passwords are refused. */
export const MIN_PASSWORD = 8;

/** What is wrong with a new password. */
export function passwordComplaint(password: string): string | undefined {
  if (password.length < MIN_PASSWORD) return `A password needs ${MIN_PASSWORD} characters at least`;
  const fault = passwordFault(password);
  return fault && `Refused: ${fault}`;
}

/** A path of this page to go back to; `otherwise` when it is none. */
export function localPath(text: string | undefined, otherwise: string): string {
  // "//host" and "/\host" lead away
  return text !== undefined && /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(text) && text.length < 2000
    ? text
    : otherwise;
}

/** A path with one more parameter in its query. */
export function withParameter(path: string, name: string, value: string): string {
  const url = new URL(path, "http://here");
  url.searchParams.set(name, value);
  return url.pathname + url.search;
}

/** The path of a page about something with that name. */
export function pathTo(...parts: string[]): string {
  return parts.map((part) => `/${encodeURIComponent(part.toWellFormed())}`).join("");
}
