/**
 * The typed client: every call of the API with its types, by Hono's RPC. It needs nothing of the server.
 *
 * @module
 */

import { hc } from "hono/client";
import type { AdminClient } from "./client_calls.ts";

export type { Answer, CallOptions } from "./client_answer.ts";
export type { AdminClient } from "./client_calls.ts";
export type * from "./client_models.ts";

/**
 * Makes a client.
 *
 * @example
 * ```ts ignore
 * const client = createAdminClient("http://127.0.0.1:8025", token);
 * const answer = await client.api.v1.queue.$get({ query: { state: "deferred" } });
 * const { items } = await answer.json();
 * ```
 */
export function createAdminClient(
  url: string,
  token: string,
  options: { fetch?: typeof fetch } = {},
): AdminClient {
  const client: unknown = hc(url, { headers: { authorization: `Bearer ${token}` }, ...options });
  return client as AdminClient;
}
