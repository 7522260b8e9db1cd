/** In charge of how the HTTP surface says no: RFC 9457 problem details. */

import { HTTPException } from "hono/http-exception";

/** A problem as an exception: Hono's error handler turns it into the answer. */
export class Problem extends HTTPException {
  constructor(
    status: 400 | 401 | 403 | 404 | 405 | 408 | 409 | 413 | 415 | 421 | 422 | 429 | 500 | 503,
    readonly detail: string,
  ) {
    super(status, { message: detail });
  }
}

const TITLES: Record<number, string> = {
  400: "Bad request",
  401: "Not authorized",
  403: "Forbidden",
  404: "Not found",
  405: "Method not allowed",
  408: "Nothing came in time",
  409: "Not possible now",
  413: "Too large",
  415: "Unsupported media type",
  421: "Misdirected request",
  422: "Not understood",
  429: "Too many requests",
  500: "Internal error",
  503: "Not ready",
};

/** The answer that tells a problem. */
export function problemResponse(status: number, detail: string, instance: string): Response {
  const body = { type: "about:blank", title: TITLES[status] ?? "Error", status, detail, instance };
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  if (status === 401) headers["www-authenticate"] = 'Bearer realm="dinopost"';
  return new Response(JSON.stringify(body), { status, headers });
}
