/** The base of all calls: validation's answers, problems in the document, 405 and 415. */

import { type Hook, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { concat } from "../base/bytes.ts";
import type { AdminEnv } from "../http/options.ts";
import { type Fault, Problem, type ProblemStatus, quoted, wrongMethod } from "../http/problem.ts";
import { problemSchema } from "./schemas.ts";

/** An app for some calls. */
export function newApi(): OpenAPIHono<AdminEnv> {
  return new OpenAPIHono<AdminEnv>({ defaultHook: explain });
}

// deno-lint-ignore no-explicit-any
const explain: Hook<any, AdminEnv, any, any> = (result) => {
  if (result.success) return;
  const where = result.target === "json" || result.target === "form" ? "body" : String(result.target);
  const errors = result.error.issues.flatMap((issue): Fault[] => {
    const paths = issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => [...issue.path, key])
      : [issue.path];
    return paths.map((path) => ({
      in: where === "param" ? "path" : where,
      name: path.map(String).join("."),
      detail: (issue.code === "invalid_key" && issue.issues[0]?.message) || issue.message,
    }));
  });
  const detail = errors.slice(0, 5).map((e) => `${e.name === "" ? e.in : e.name}: ${e.detail}`).join("; ");
  throw new Problem(400, detail, { errors });
};

const WORDS: Partial<Record<ProblemStatus, string>> = {
  400: "The request does not have the form that this document gives",
  401: "The token or the session's cookie is missing, wrong or over",
  403: "The cookie was sent by a page of another origin, or without the CSRF header",
  404: "There is no such thing",
  406: "None of the accepted forms can be given",
  408: "Nothing came in time",
  409: "Not possible now; the detail says why",
  413: "The body is too large",
  415: "The body is of a type that the call does not take",
  421: "The request is for a host that this server does not answer for",
  422:
    "The request has its form, but a value is not what is wanted there, or it can't be done; the detail says why",
  429: "Too many wrong tokens at once",
  503: "Not available now; try again later",
};

/** The problems of a call, for its `responses`: those that every call has, and `more`. */
export function problems<S extends ProblemStatus = never>(...more: S[]) {
  const statuses = [400, 401, 403, 421, 429, 500, 503, ...more] as const;
  const entries = statuses.map((status) => [status, {
    description: WORDS[status] ?? "The server failed; its log says how",
    content: { "application/problem+json": { schema: problemSchema } },
  }]);
  return Object.fromEntries(entries) as Record<never, never>;
}

/** The answer of a call that gives JSON. */
export function json<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { "application/json": { schema } } };
}

/** A body of JSON, for a call's `request`. */
export function jsonBody<T extends z.ZodType>(schema: T, required = true) {
  return { required, content: { "application/json": { schema } } };
}

const BODY_LIMIT = 256 * 1024;

/** For calls that take JSON: other types are refused (no other page can send JSON unasked), and so is too much. */
export function jsonOnly(options: { required: boolean; maxSize?: number } = { required: true }): Guard {
  const limit = limited(options.maxSize ?? BODY_LIMIT);
  return async (c, next) => {
    if (hasBody(c)) {
      if (!isJson(c.req.header("content-type"))) {
        throw new Problem(415, "Send the body as JSON: Content-Type: application/json");
      }
    } else if (options.required) throw new Problem(400, "The body is missing; send JSON");
    return await limit(c, next);
  };
}

type Guard = MiddlewareHandler<AdminEnv>;

/**
 * Refuses bodies over that size, by what they say and by what comes. (Hono's own limit makes a new request of the old
 * one, whose signal Deno takes for a mistake and warns of.)
 */
export function limited(maxSize: number): Guard {
  const tooLarge = () => new Problem(413, `The body is larger than ${maxSize} bytes`);
  return async (c, next) => {
    const length = c.req.header("content-length");
    if (length !== undefined) {
      if (Number(length) > maxSize) throw tooLarge();
    } else if (hasBody(c) && c.req.raw.body) {
      const parts: Uint8Array[] = [];
      let size = 0;
      for await (const part of c.req.raw.body) {
        size += part.length;
        if (size > maxSize) throw tooLarge();
        parts.push(part);
      }
      const { url, method, headers } = c.req.raw;
      c.req.raw = new Request(url, { method, headers, body: concat(parts) });
    }
    await next();
  };
}

/** Is that the type of JSON? */
export function isJson(type: string | undefined): boolean {
  return /^application\/json *(?:;|$)/i.test(type ?? "");
}

/** Deno gives every POST a body, be it empty: what was sent along counts. */
function hasBody(c: Context): boolean {
  const length = c.req.header("content-length");
  if (length !== undefined) return length !== "0";
  return c.req.header("transfer-encoding") !== undefined || c.req.header("content-type") !== undefined;
}

/** Answers what no call took: 405 with Allow when the path has calls of other methods, else 404. */
export function nothingThere(api: OpenAPIHono<AdminEnv>): (c: Context) => never {
  const methods = new Map<string, string[]>();
  for (const definition of api.openAPIRegistry.definitions) {
    if (definition.type !== "route") continue;
    const { path, method } = definition.route;
    const also = method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()];
    methods.set(path, [...methods.get(path) ?? [], ...also]);
  }
  const paths = [...methods].map(([path, allow]) => ({
    pattern: new RegExp(`^${path.replace(/\{[^}]+\}/g, "[^/]+")}$`),
    parameters: path.split("{").length,
    allow: allow.join(", "),
  }));
  // the one that names most wins: /queue/summary is no /queue/{id}
  paths.sort((a, b) => a.parameters - b.parameters);
  return (c) => {
    const found = paths.find(({ pattern }) => pattern.test(c.req.path));
    if (!found) throw new Problem(404, `There is nothing at ${quoted(c.req.path)}`);
    throw wrongMethod(c.req.method, found.allow);
  };
}
