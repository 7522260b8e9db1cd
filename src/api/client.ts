/** The typed client: every call of the API with its types, by Hono's RPC. */

import { hc } from "hono/client";
import type { AdminApi } from "./api.ts";

export type { AdminApi } from "./api.ts";

/** A client of a running server's API. */
export type AdminClient = ReturnType<typeof hc<AdminApi>>;

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
  return hc<AdminApi>(url, { headers: { authorization: `Bearer ${token}` }, ...options });
}
