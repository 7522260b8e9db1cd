/** The trial of a certificate: a handshake with itself, since some are accepted and then fail every client in silence. */

import { type Clock, systemClock } from "../base/clock.ts";
import { memoryPair } from "./memory_conn.ts";
import { readPem } from "./pem.ts";
import { clientTls, serverTls, type TlsMaterial, unfit } from "./tls.ts";

/** A handshake takes milliseconds. */
const LIMIT_MS = 10_000;

/** Does a handshake in memory; rejects with an error that says in words why none can be done. */
export async function tryCertificate(
  material: TlsMaterial,
  options: { minVersion?: "TLSv1.2" | "TLSv1.3"; clock?: Clock } = {},
): Promise<void> {
  const { clock = systemClock, ...versions } = options;
  const tls = serverTls(material, versions);
  const [here, there] = memoryPair();
  const limit = clock.schedule(LIMIT_MS, () => here.close());
  try {
    const ends = await Promise.allSettled([
      tls.upgrade(there),
      clientTls(here, { serverName: "localhost", ...versions }),
    ]);
    for (const end of ends) if (end.status === "fulfilled") end.value.close();
    // the server's end knows why; the client's sees the connection end
    const failed = ends.find((end) => end.status === "rejected");
    if (failed) throw unfit(readPem(material).key, failed.reason);
  } finally {
    limit.cancel();
    here.close();
    there.close();
  }
}
