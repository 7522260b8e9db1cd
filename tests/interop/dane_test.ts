/** Postfix as a host with TLSA records, in a zone that ldnsutils sign and unbound validates. */

import { assertEquals, assertMatch } from "@std/assert";
import { createHash, X509Certificate } from "node:crypto";
import { encode } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { systemRandom } from "../../src/base/random.ts";
import { RemoteAgent } from "../../src/delivery/remote_agent.ts";
import { SystemResolver } from "../../src/dns/resolver.ts";
import type { Outcome } from "../../src/mail/outcome.ts";
import { ADDRESS, Foreign } from "./support/foreign.ts";
import { postfix } from "./support/foreign_server.ts";
import { testIf } from "./support/post_office.ts";
import { SignedZone, SIGNERS, type ZoneState } from "./support/signed_zone.ts";

const HOSTS = `@ IN MX 10 mail\nmail IN A ${ADDRESS}\n`;
const JSMITH = "jsmith@mindspring.com";
const text = encode("Subject: Hello\r\n\r\nHello\r\n");

/** A letter to jsmith, whose zone is so. */
async function deliver(records: string, state: ZoneState = {}): Promise<Outcome> {
  await using zone = await SignedZone.serve("mindspring.com", HOSTS + records, state);
  const resolver = new SystemResolver({
    nameServer: zone.nameServer,
    trustAd: true,
    timeoutMs: 5000,
    clock: systemClock,
    random: systemRandom,
  });
  const agent = new RemoteAgent({
    resolver,
    random: systemRandom,
    clock: systemClock,
    hostname: "mail.howstuffworks.com",
    ownNames: [],
    allowPrivate: true,
  });
  const [attempt] = await agent.deliver({
    id: "1",
    sender: "brain@howstuffworks.com",
    recipients: [{ address: JSMITH }],
    domain: "mindspring.com",
    size: text.length,
    parameters: {},
    text: () => [text],
    stillOurs: () => true,
  });
  await agent.close();
  resolver.close();
  return attempt!.outcome;
}

testIf(
  [...postfix.programs, ...SIGNERS, "unshare"],
  "Postfix gets mail by DANE as its signed zone says",
  async (t) => {
    await using theirs = await Foreign.start(postfix);
    const certificate = new X509Certificate(await theirs.certificate());
    const key = certificate.publicKey.export({ type: "spki", format: "der" });
    const right = createHash("sha256").update(key).digest("hex");
    const whole = createHash("sha512").update(certificate.raw).digest("hex");
    const wrong = "ab".repeat(32);
    const tlsa = (rdata: string) => `_25._tcp.mail IN TLSA ${rdata}\n`;
    const rows: [string, string, ZoneState, string, RegExp][] = [
      ["3 1 1 of its key", tlsa(`3 1 1 ${right}`), {}, "delivered", /\(dane\)$/],
      ["3 0 2 of its certificate", tlsa(`3 0 2 ${whole}`), {}, "delivered", /\(dane\)$/],
      [
        "a second record is right",
        tlsa(`3 1 1 ${wrong}`) + tlsa(`3 1 1 ${right}`),
        {},
        "delivered",
        /\(dane\)$/,
      ],
      ["below a wildcard", `*._tcp.mail IN TLSA 3 1 1 ${right}\n`, {}, "delivered", /\(dane\)$/],
      ["another key", tlsa(`3 1 1 ${wrong}`), {}, "deferred", /name other certificates/],
      ["usage 1 alone", tlsa(`1 1 1 ${right}`), {}, "delivered", /\(encrypted\)$/],
      ["no record", "", {}, "delivered", /\(encrypted\)$/],
      ["no record, opt-out", "", { signed: "nsec3" }, "delivered", /\(encrypted\)$/],
      ["no signatures", tlsa(`3 1 1 ${wrong}`), { signed: "unsigned" }, "delivered", /\(encrypted\)$/],
      ["wrong signatures", tlsa(`3 1 1 ${right}`), { signed: "bogus" }, "deferred", /SERVFAIL/],
    ];
    for (const [name, records, state, kind, words] of rows) {
      await t.step(name, async () => {
        const outcome = await deliver(records, state);
        assertEquals(outcome.kind, kind, outcome.text);
        assertMatch(kind === "delivered" ? outcome.tls! : outcome.text, words);
      });
    }
    assertMatch(await theirs.letter(), /\(using TLSv1\.3/);
  },
);
