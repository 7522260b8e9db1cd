/**
 * dinopost for `deno serve` and Deno Deploy: the HTTP surface with its page and submission, and once a minute a
 * delivery of what is due, on a store that is shared with full servers (`kv`). It listens on no port of its own and
 * keeps no files. The configuration is `./dinopost.jsonc`, when it is there, and the environment: `DINOPOST_KV`,
 * `DENO_KV_ACCESS_TOKEN` and `DINOPOST_ADMIN_TOKEN` are needed. `listen.admin` is not listened on here; its host names
 * are those that requests may be for, beside `hostname`.
 *
 * ```sh
 * DINOPOST_KV=https://kv.example.org DENO_KV_ACCESS_TOKEN=… DINOPOST_ADMIN_TOKEN=… deno serve -A src/edge.ts
 * ```
 *
 * @module
 */

import { loadConfig } from "./config/load.ts";
import { log, setupLogging } from "./observe/log.ts";
import { EdgeServer } from "./server/edge_server.ts";

const FILE = "dinopost.jsonc";

// nothing is listened on here: who runs this has TLS before it
const overrides = { admin: { allowInsecure: true } };
const config = await loadConfig(await isFile(FILE) ? { file: FILE, overrides } : { overrides });
const logging = setupLogging(config.log);
const server = await EdgeServer.open(config);
log("INFO", "edge ready");
logging.flush();

Deno.cron("drain", "* * * * *", async () => {
  await server.drain();
  logging.flush();
});

/** What `deno serve` runs. */
const edge: Deno.ServeDefaultExport = {
  fetch(request, info) {
    const { remoteAddr } = info ?? {};
    return server.fetch(request, remoteAddr && "hostname" in remoteAddr ? remoteAddr.hostname : undefined);
  },
};

// deno-lint-ignore house/default-export -- what `deno serve` looks for
export default edge;

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
