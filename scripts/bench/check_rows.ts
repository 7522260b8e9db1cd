/** The rows of the table that measure what the checks of a stranger's message compute; the DNS answers from memory. */

import { MessageCheck } from "../../src/authentication/checks.ts";
import { systemClock } from "../../src/base/clock.ts";
import { encode } from "../../src/base/bytes.ts";
import type { Zones } from "../../src/testing/dns_zones.ts";
import { bodyHash, ed25519Pair, rsaPair, signedWith } from "../../tests/authentication/signed.ts";
import { ZoneResolver } from "../../tests/authentication/zone_resolver.ts";
import { cpuMs } from "../../tests/support/cpu_time.ts";
import type { Bench } from "./bench.ts";

const KIB = 1024;
const rsa = rsaPair(2048);
const ed25519 = ed25519Pair();
const zones: Zones = {
  "sender.test": { TXT: ["v=spf1 include:hosts.test -all"] },
  "hosts.test": { TXT: [`v=spf1 ${many((n) => `ip4:198.51.100.${n}`)} ip4:192.0.2.0/24 ~all`] },
  "1.2.0.192.in-addr.arpa": { PTR: ["mail.sender.test"] },
  "mail.sender.test": { A: ["192.0.2.1"] },
  "r._domainkey.sender.test": { TXT: [rsa.record] },
  "e._domainkey.sender.test": { TXT: [ed25519.record] },
  "_dmarc.sender.test": { TXT: ["v=DMARC1; p=reject; rua=mailto:dmarc@sender.test"] },
};
const policies = { spf: "enforce", dkim: "enforce", dmarc: "enforce", arc: "enforce" } as const;
const client = { ip: "192.0.2.1", helo: "mail.sender.test", sender: "jo@sender.test" };

/** Checks messages with two signatures, one after the other. */
export async function checks(bench: Bench): Promise<void> {
  for (const size of [4 * KIB, 100 * KIB, 5000 * KIB]) {
    const { header, body } = message(size);
    await check(header, body); // the code is warm then
    let count = 0;
    const start = performance.now();
    const cpu = await cpuMs(async () => {
      for (; performance.now() - start < bench.seconds * 1000; count++) await check(header, body);
    });
    const what = `checks of ${size / KIB} KiB, signed twice: CPU`;
    bench.tell({ what, value: cpu / count, unit: "ms", ...(size < 10 * KIB && { target: "≤ 2" }) });
  }
}

async function check(header: Uint8Array, body: Uint8Array): Promise<void> {
  const resolver = new ZoneResolver(zones);
  const options = { resolver, clock: systemClock, hostname: "mx.here.test", policies };
  const one = new MessageCheck(client, options);
  one.header(header);
  for (let at = 0; at < body.length; at += 16 * KIB) one.body(body.subarray(at, at + 16 * KIB));
  const { refusal, words } = await one.finish();
  if (refusal || words["dmarc"] !== "pass") throw new Error(`The check says ${JSON.stringify(words)}`);
}

function message(size: number): { header: Uint8Array; body: Uint8Array } {
  const line = `a line of ${"some text ".repeat(5)}ends\r\n`;
  const body = line.repeat(Math.ceil(size / line.length));
  const tags = (algorithm: string, selector: string) =>
    `v=1; a=${algorithm}; c=relaxed/relaxed; d=sender.test; s=${selector}; h=from:to:subject:date; bh=${
      bodyHash(body)
    }`;
  const fields =
    `From: Jo <jo@sender.test>\r\nTo: ann@here.test\r\nSubject: Hi\r\nDate: Mon, 5 Jan 2026 09:00:00 +0000\r\n`;
  const once = signedWith(ed25519, tags("ed25519-sha256", "e"), { header: fields });
  return {
    header: encode(`${signedWith(rsa, tags("rsa-sha256", "r"), { header: once })}\r\n`),
    body: encode(body),
  };
}

function many(term: (n: number) => string): string {
  return Array.from({ length: 20 }, (_, n) => term(n)).join(" ");
}
