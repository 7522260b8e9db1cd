/** The servers that a store can be shared over, for tests that run on each of them. */

import { Denokv, findDenokv } from "./denokv.ts";
import { KvConnectServer } from "./kv_connect_server.ts";

/** One of those servers, running. */
export interface SharedKv extends AsyncDisposable {
  /** What a client gives to `Deno.openKv`. */
  readonly url: string;
  /** The access token that it has to be given in `DENO_KV_ACCESS_TOKEN`. */
  readonly token: string;
}

/** The kinds: the small server of these tests, and the real denokv where this machine has it. */
export const SHARED_KVS: readonly { readonly name: string; start(): Promise<SharedKv> }[] = [
  { name: "KV Connect", start: () => KvConnectServer.start() },
  ...(await findDenokv() === undefined ? [] : [{ name: "denokv", start: () => Denokv.start() }]),
];

/** Starts a server, and gives its token to this process. */
export async function startShared(kind: { start(): Promise<SharedKv> }): Promise<SharedKv> {
  const server = await kind.start();
  Deno.env.set("DENO_KV_ACCESS_TOKEN", server.token);
  return server;
}
