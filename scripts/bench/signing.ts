/** What the rows about signing need: keys for the load's author, what the machine could sign, and how late its loop is. */

import { makeDkimKeys } from "../../src/authentication/dkim_key_files.ts";
import { type SigningKey, SigningKeys } from "../../src/authentication/dkim_keys.ts";
import { DkimSigner } from "../../src/authentication/dkim_signer.ts";
import { systemClock } from "../../src/base/clock.ts";

/** The domain that all of the load is from. */
const AUTHORS = "client.test";
const WAITING = 1000;
const EVERY_MS = 5;

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
  const [key] = await madeKeys("r");
  const octets = new Uint8Array(1000);
  const until = systemClock.monotonic() + seconds * 1000;
  let count = 0;
  await Promise.all([1, 2].map(async () => {
    for (; systemClock.monotonic() < until; count++) await key!.sign(octets);
  }));
  return count / seconds;
}

/** How late timers fire while a thousand messages wait to be signed by both keys, but for one in a hundred: milliseconds. */
export async function lagWhileSigning(): Promise<number> {
  const keys = await madeKeys("re");
  const text = new TextEncoder().encode(`From: a@${AUTHORS}\r\n\r\n${`${"x".repeat(76)}\r\n`.repeat(50)}`);
  const content = { size: text.length, text: () => [text] };
  const signer = new DkimSigner(systemClock);
  await signer.sign(content, keys); // the code is warm then
  const lags: number[] = [];
  let due = systemClock.monotonic() + EVERY_MS;
  const timer = setInterval(() => {
    const now = systemClock.monotonic();
    lags.push(Math.max(0, now - due));
    due = now + EVERY_MS;
  }, EVERY_MS);
  await Promise.all(Array.from({ length: WAITING }, () => signer.sign(content, keys)));
  clearInterval(timer);
  return lags.sort((a, b) => a - b)[Math.floor(lags.length * 0.99)]!;
}

async function madeKeys(kinds: string): Promise<readonly SigningKey[]> {
  const dir = await Deno.makeTempDir();
  try {
    await keysOf(dir, kinds);
    const keys = new SigningKeys(dir, (problem) => {
      throw new Error(problem);
    });
    await keys.load();
    return keys.of(AUTHORS);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
