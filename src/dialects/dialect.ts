/** What all dialects share: routes with their place in the document, bodies, and plain answers. */

import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { limited, newApi } from "../api/api_app.ts";
import type { AdminOptions } from "../api/options.ts";
import type { CapturedMail } from "../capture/captured_mail.ts";
import type { AdminEnv } from "../http/options.ts";
import { changes } from "../http/roles.ts";
import type { CapturedReader } from "./reader.ts";

/** What a dialect stands on. */
export interface DialectParts {
  readonly options: AdminOptions;
  readonly mail: CapturedMail;
  readonly reader: CapturedReader;
}

/** A request of a dialect. */
export type Call = Context<AdminEnv>;

/** Some ids are sent at a time, and small forms. */
const BODY_LIMIT = 4 * 1024 * 1024;

/** A request that its program would refuse: `status` and text are the answer. */
export class Refused extends Error {
  /** As that program answers. */
  constructor(readonly status: 400 | 404, text: string) {
    super(text);
  }
}

/** The calls of one program. */
export class Dialect {
  readonly app: OpenAPIHono<AdminEnv> = newApi();
  readonly #tag: string;

  /** `tag` is the program's name. */
  constructor(tag: string) {
    this.#tag = tag;
  }

  /** Adds a call; `path` names its parameters as `{id}`. What it throws as {@linkcode Refused} is its answer. */
  on(
    call: `${"GET" | "PUT" | "POST" | "DELETE"} /${string}`,
    summary: string,
    handler: (c: Call) => Response | Promise<Response>,
    { limit = BODY_LIMIT }: { limit?: number } = {},
  ): void {
    const [method = "", path = ""] = call.split(" ");
    this.app.openAPIRegistry.registerPath({
      method: method.toLowerCase() as "get",
      path,
      tags: [this.#tag],
      summary,
      responses: { 200: { description: `As ${this.#tag} answers` } },
    });
    const between: MiddlewareHandler<AdminEnv>[] = changes(method) ? [limited(limit)] : [];
    const answer = async (c: Call) => {
      try {
        return await handler(c);
      } catch (error) {
        if (error instanceof Refused) return c.text(error.message, error.status);
        throw error;
      }
    };
    this.app.on(method, [path.replace(/\{(\w+)\}/g, ":$1")], ...between, answer);
  }
}

/** The members of a JSON body; without a body none. Throws {@linkcode Refused} for anything else. */
export async function members(c: Call): Promise<Readonly<Record<string, unknown>>> {
  const text = await c.req.text();
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Refused(400, error instanceof Error ? error.message : String(error));
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new Refused(400, "The body must be a JSON object");
}

/** A member that is a list of texts, or absent. */
export function texts(value: unknown, name: string): string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value;
  throw new Refused(400, `${name} must be an array of strings`);
}

/** A whole number of the query, at least `least`; `otherwise` where it is none. */
export function count(
  c: Call,
  name: string,
  { least, otherwise }: { least: number; otherwise: number },
): number {
  const text = c.req.query(name)?.trim() ?? "";
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  return value >= least ? value : otherwise;
}
