/** What the rows about signing need: keys for the load's author, what the machine could sign, and the server's loop. */

import { makeDkimKeys } from "../../src/authentication/dkim_key_files.ts";
import { SigningKeys } from "../../src/authentication/dkim_keys.ts";
import { systemClock } from "../../src/base/clock.ts";
import { TOKEN } from "./server_process.ts";

/** The domain that all of the load is from. */
const AUTHORS = "client.test";

/** Makes keys of these kinds (`r`, `e`), as letters. */
export async function keysOf(dataDir: string, kinds: string): Promise<void> {
  if (kinds === "") return;
  const made = await makeDkimKeys({ dataDir, domain: AUTHORS }, { now: systemClock.now(), rotate: false });
  for (const selector of made) {
    if (!kinds.includes(selector[0]!)) await Deno.remove(`${dataDir}/dkim/${AUTHORS}/${selector}.pem`);
  }
}

/** RSA signatures a second, two at a time, with nothing else to do. */
export async function signatureRate(seconds: number): Promise<number> {
  const dir = await Deno.makeTempDir();
  try {
    await keysOf(dir, "r");
    const keys = new SigningKeys(dir, (problem) => {
      throw new Error(problem);
    });
    await keys.load();
    const [key] = keys.of(AUTHORS);
    const octets = new Uint8Array(1000);
    const until = systemClock.monotonic() + seconds * 1000;
    let count = 0;
    await Promise.all([1, 2].map(async () => {
      for (; systemClock.monotonic() < until; count++) await key!.sign(octets);
    }));
    return count / seconds;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** How late the server's event loop was since its start, but for one time in a hundred: milliseconds, at most. */
export async function loopLag(admin: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${admin}/metrics`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  const text = await response.text();
  const buckets = [...text.matchAll(/^dinopost_event_loop_lag_seconds_bucket\{le="([^"]+)"\} (\d+)$/gm)]
    .map(([, le, count]) => ({ seconds: Number(le === "+Inf" ? Infinity : le), count: Number(count) }));
  const all = buckets.at(-1)?.count ?? 0;
  const bucket = buckets.find(({ count }) => count >= all * 0.99);
  if (all === 0 || !bucket) throw new Error("The server does not tell its event loop's lag");
  return bucket.seconds * 1000;
}
