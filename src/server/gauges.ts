/** The gauges of a server's parts for Prometheus: webhooks, store, certificate. */

import { join } from "node:path";
import type { Gauge, GaugeValue } from "../observe/metrics.ts";
import type { BodyFiles } from "../storage/bodies/files.ts";
import type { Parts } from "./parts.ts";

/** The gauges. */
export function serverGauges(parts: Parts): readonly Gauge[] {
  const { webhooks, tls, config, directory, store } = parts;
  return [{
    name: "dinopost_webhook_waiting",
    help: "Posts that wait for a webhook, a thousand at the most, by its host",
    read: async () => {
      const byHost = new Map<string, number>();
      // a path may be a secret
      for (const { url, waiting } of await webhooks.states()) {
        const { host } = new URL(url);
        byHost.set(host, (byHost.get(host) ?? 0) + waiting);
      }
      return [...byHost].map(([host, value]) => ({ labels: { host }, value }));
    },
  }, {
    name: "dinopost_webhook_dead",
    help: "Posts to webhooks that were given up, a thousand at the most",
    read: async () => [{ value: await webhooks.deadCount() }],
  }, {
    name: "dinopost_store_bytes",
    help: "Octets of the store's files; absent where the store is no file of this server",
    read: async () => directory ? await sizeOfStore(config.dataDir, store.kv.files) : [],
  }, {
    name: "dinopost_certificate_end_timestamp_seconds",
    help: "When the first of the TLS certificates in use ends",
    read: () => tls ? [{ value: tls.endsAt / 1000 }] : [],
  }];
}

/** The database and what SQLite keeps beside it, and the files of large messages. */
async function sizeOfStore(
  dataDir: string,
  files: BodyFiles | undefined,
): Promise<readonly GaugeValue[]> {
  let value = await files?.octets() ?? 0;
  for (const name of ["dinopost.db", "dinopost.db-wal", "dinopost.db-shm"]) {
    const { size } = await Deno.stat(join(dataDir, name)).catch(() => ({ size: 0 }));
    value += size;
  }
  return [{ value }];
}
