/** The errors of the HTTP surface: RFC 9457 problem details. */

import { HTTPException } from "hono/http-exception";
import { isDiskFull, isStoreAway } from "../storage/storage_error.ts";
import type { Journal } from "../observe/journal.ts";
import { BodyAborted } from "../wire/http_exchange.ts";

const TITLES = {
  400: "Bad request",
  401: "Not authorized",
  403: "Forbidden",
  404: "Not found",
  405: "Method not allowed",
  406: "Not acceptable",
  408: "Nothing came in time",
  409: "Not possible now",
  413: "Too large",
  415: "Unsupported media type",
  421: "Misdirected request",
  422: "Not understood",
  429: "Too many requests",
  500: "Internal error",
  503: "Not available now",
} as const;

/** The statuses that problems have. */
export type ProblemStatus = keyof typeof TITLES;

/** One thing that is wrong with a request. */
export interface Fault {
  /** Where: `query`, `path`, `body`, … */
  readonly in: string;
  /** Which parameter or member: `limit`, `attachments.0.content`; empty for the whole. */
  readonly name: string;
  /** What is wrong with it. */
  readonly detail: string;
}

/** What a problem may carry beside its sentence. */
export interface ProblemExtras {
  /** Each thing that is wrong, when it is about more than one. */
  readonly errors?: readonly Fault[];
  /** More members of the problem, for this kind of it (RFC 9457 3.2). */
  readonly members?: Readonly<Record<string, unknown>>;
  /** More headers of the answer, such as Allow. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Something was changed all the same, which the audit log tells. */
  readonly isChanged?: boolean;
}

/** A problem as an exception: the error handler turns it into the answer. */
export class Problem extends HTTPException {
  /** `detail` is a sentence for people: what was received, what would be right. */
  constructor(
    override readonly status: ProblemStatus,
    readonly detail: string,
    readonly extras: ProblemExtras = {},
  ) {
    super(status, { message: detail });
  }
}

/** What is quoted of a request in a sentence: not too much of it. */
export function quoted(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}

/** The answer for a problem; `instance` is the path it happened at. */
export function problemResponse(problem: Problem, instance: string): Response {
  const { status, detail, extras } = problem;
  const body = {
    type: "about:blank",
    title: TITLES[status],
    status,
    detail,
    instance: quoted(instance),
    ...(extras.errors === undefined ? {} : { errors: extras.errors }),
    ...extras.members,
  };
  const headers = new Headers({ ...extras.headers, "content-type": "application/problem+json" });
  if (status === 401) headers.set("www-authenticate", 'Bearer realm="dinopost"');
  return new Response(JSON.stringify(body), { status, headers });
}

/** Any error as a problem; one that nobody expected goes to the journal, and its text to nobody. */
export function problemOf(error: unknown, at: { journal: Journal; path: string }): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof HTTPException) {
    const status = error.status in TITLES ? error.status as ProblemStatus : 400;
    return new Problem(status, error.message || TITLES[status]);
  }
  if (isDiskFull(error)) return new Problem(503, "The server's disk is full; try again later");
  if (isStoreAway(error)) return new Problem(503, "The server's store does not answer; try again later");
  if (isClientGone(error)) return new Problem(400, "The request ended before it was whole");
  const stack = error instanceof Error ? error.stack ?? String(error) : String(error);
  at.journal.note("ERROR", "http request failed", { path: at.path, error: stack });
  return new Problem(500, "The server failed; its log says how");
}

/** Did reading a body end because the client went away, here or under `Deno.serve`? */
function isClientGone(error: unknown): boolean {
  return error instanceof BodyAborted || error instanceof Deno.errors.Http ||
    (error instanceof Deno.errors.BadResource && error.message.includes("request body"));
}

/** For a path that has answers to other methods: `allow` names them. */
export function wrongMethod(method: string, allow: string): Problem {
  return new Problem(405, `${quoted(method)} is not for this; ${allow} can be used`, { headers: { allow } });
}
