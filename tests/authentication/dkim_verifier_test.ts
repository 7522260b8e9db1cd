import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { verifyDkim } from "./verify.ts";
import type { DkimResult } from "../../src/authentication/dkim_result.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import valid from "../../fixtures/dkim/valid.json" with { type: "json" };
import { BODY, bodyHash, ed25519Pair, HEADER, rsaPair, signedWith } from "./signed.ts";
import { TxtResolver, type TxtZone } from "./txt_resolver.ts";

const NOW = Date.UTC(2026, 10, 30);
const NOW_SECONDS = NOW / 1000;
/** The strings of a record are one text. */
const ZONE: TxtZone = Object.fromEntries(
  Object.entries(valid.zone as Record<string, string[] | { cname: string }>)
    .map(([name, data]) => [name, Array.isArray(data) ? [data.join("")] : data]),
);

/** Cuts a message behind its header section, and its body into pieces of so many octets. */
function cut(message: Uint8Array, size = Infinity): { header: Uint8Array; body: Uint8Array[] } {
  const blank = Buffer.from(message).indexOf("\r\n\r\n");
  const end = blank < 0 ? message.length : blank + 4;
  const body = message.subarray(end);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < body.length; at += size) pieces.push(body.subarray(at, at + size));
  return { header: message.subarray(0, end), body: pieces };
}

function verify(
  message: Uint8Array,
  { zone = ZONE, size = Infinity, now = NOW } = {},
): Promise<DkimResult[]> {
  return verifyDkim(cut(message, size), { resolver: new TxtResolver(zone), clock: new ManualClock(now) });
}

Deno.test("each of 214 messages that are signed rightly passes, however its body is cut", async () => {
  assertEquals(Object.keys(valid.messages).length, 214);
  for (const [name, { message, signatures }] of Object.entries(valid.messages)) {
    const octets = Uint8Array.fromBase64(message);
    for (const size of [Infinity, 1, 3]) {
      const results = await verify(octets, { size });
      assertEquals(
        results.map(({ result, reason }) => [name, result, reason]),
        Array.from({ length: signatures }, () => [name, "pass", undefined]),
      );
    }
  }
});

Deno.test("each of them fails when a signed octet of its body or header is another one", async () => {
  for (const [name, { message }] of Object.entries(valid.messages)) {
    const octets = Uint8Array.fromBase64(message);
    const { header, body } = cut(octets);
    const visible = body[0]?.findIndex((octet) => octet > 32) ?? -1;
    if (visible >= 0) {
      const changed = octets.slice();
      changed[header.length + visible]! ^= 1;
      const [first] = await verify(changed);
      assertEquals([name, first!.result, first!.reason], [name, "fail", "the body was changed"]);
    }
    const changed = octets.slice();
    changed[Buffer.from(octets).indexOf("Brain <")]! ^= 1;
    const results = await verify(changed);
    assertEquals([name, ...results.map(({ result }) => result)], [name, ...results.map(() => "fail")]);
    assertEquals(results[0]!.reason, "the signature does not fit");
  }
});

Deno.test("the examples of RFC 6376 A and RFC 8463 A pass", async () => {
  const zone = {
    "brisbane._domainkey.example.com": [
      "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYf" +
      "cTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB",
    ],
    "brisbane._domainkey.football.example.com": [
      "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    ],
    "test._domainkey.football.example.com": [
      "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi" +
      "0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
    ],
  };
  const results = [];
  for (const name of ["rfc6376", "rfc8463"]) {
    const octets = await Deno.readFile(new URL(`../../fixtures/dkim/${name}.eml`, import.meta.url));
    results.push(...await verify(octets, { zone }));
  }
  assertEquals(results, [
    {
      result: "pass",
      domain: "example.com",
      selector: "brisbane",
      identity: "joe@football.example.com",
      algorithm: "rsa-sha256",
      start: "AuUoFEfD",
      keyBits: 1024,
    },
    {
      result: "pass",
      domain: "football.example.com",
      selector: "brisbane",
      identity: "@football.example.com",
      algorithm: "ed25519-sha256",
      start: "/gCrinpc",
      keyBits: 256,
    },
    {
      result: "pass",
      domain: "football.example.com",
      selector: "test",
      identity: "@football.example.com",
      algorithm: "rsa-sha256",
      start: "F45dVWDf",
      keyBits: 1024,
    },
  ]);
});

const RSA = rsaPair(2048);
const WEAK = rsaPair(768);
const EDWARDS = ed25519Pair();
const BH = `bh=${bodyHash(BODY)}`;
/** Tags that pass; a test changes them. */
const TAGS = `v=1; a=rsa-sha256; c=relaxed/relaxed; d=ex.test; s=r; h=From:To:Subject; ${BH}`;

/** The record of an RSA key of so many octets: any number of that length will do. */
function hugeKey(octets: number): string {
  const length = (n: number) => [0x82, n >> 8, n & 255];
  const modulus = [0x02, ...length(octets + 1), 0, ...new Array<number>(octets).fill(0xff)];
  const integers = Buffer.from([...modulus, 0x02, 3, 1, 0, 1]);
  return `v=DKIM1; p=${Buffer.from([0x30, ...length(integers.length), ...integers]).toString("base64")}`;
}

/** What a message signed with these tags comes to where that is published at `r._domainkey.ex.test`. */
async function verdict(
  tags: string,
  { record = [RSA.record], pair = RSA, hash = "sha256", body = BODY, header = HEADER, over = "" }: {
    record?: string[] | { failure: string };
    pair?: typeof RSA;
    hash?: string;
    body?: string;
    header?: string;
    over?: string;
  } = {},
): Promise<string> {
  const message = `${over}${signedWith(pair, tags, { header, hash })}\r\n${body}`;
  const zone = { "r._domainkey.ex.test": record };
  const results = await verify(Buffer.from(message, "latin1"), { zone });
  return results.map(({ result, reason }) => reason === undefined ? result : `${result}: ${reason}`).join(
    ", ",
  );
}

Deno.test("a signature that can't be read is neutral", async () => {
  const cases: [string, string][] = [
    [TAGS.replace("v=1; ", "v=2; "), "not of version 1"],
    [TAGS.replace("v=1; ", ""), "without a version"],
    [TAGS.replace("a=rsa-sha256", "a=rsa-sha512"), "a= is no known algorithm"],
    [TAGS.replace("a=rsa-sha256; ", ""), "a= is no known algorithm"],
    [TAGS.replace("c=relaxed/relaxed", "c=strict"), "c= is no known canonicalization"],
    [TAGS.replace("d=ex.test; ", ""), "d= is no domain"],
    [TAGS.replace("d=ex.test", "d=ex..test"), "d= is no domain"],
    [TAGS.replace("s=r; ", ""), "s= is no selector"],
    [TAGS.replace("s=r;", `s=${"long.".repeat(50)}r;`), "s= is no selector"],
    [TAGS.replace("h=From:To:Subject; ", ""), "h= is missing"],
    [TAGS.replace("h=From:To", "h=From::To"), "h= is no list of fields"],
    [TAGS.replace(BH, "bh=!"), "bh= is no hash"],
    [TAGS.replace(`; ${BH}`, ""), "bh= is no hash"],
    [`${TAGS}; d=ex.test`, "not a list of tags"],
    [`${TAGS}; s=other`, "not a list of tags"],
    [`${TAGS}; 1x=2`, "not a list of tags"],
    [`${TAGS}; zort`, "not a list of tags"],
    [`${TAGS};; q=dns/txt`, "not a list of tags"],
    [`${TAGS}; q=dns/foo`, "q= names no known method"],
    [`${TAGS}; l=many`, "l= is no number"],
    [`${TAGS}; l=-1`, "l= is no number"],
    [`${TAGS}; t=now`, "t= or x= is no time"],
    [`${TAGS}; t=5; x=5`, "x= is not behind t="],
    [`${TAGS}; i=ex.test`, "i= is no address"],
    [`${TAGS}; i=a=2@ex.test`, "i= is no address"],
  ];
  for (const [tags, reason] of cases) assertEquals([tags, await verdict(tags)], [tags, `neutral: ${reason}`]);
});

Deno.test("one that nobody should rely on is policy", async () => {
  const cases: [string, string, Parameters<typeof verdict>[1]?][] = [
    [TAGS.replace("rsa-sha256", "rsa-sha1"), "rsa-sha1 is no longer trusted", { hash: "sha1" }],
    [TAGS, "an RSA key of 768 bits is no longer trusted", { pair: WEAK, record: [WEAK.record] }],
    [`${TAGS}; x=${NOW_SECONDS}`, "the signature is over"],
    [`${TAGS}; t=${NOW_SECONDS + 301}`, "the signature is from the future"],
    [`${TAGS}; l=6`, "8 octets of the body are not signed", { body: `${BODY}Point!\r\n` }],
  ];
  for (const [tags, reason, more] of cases) assertEquals(await verdict(tags, more), `policy: ${reason}`);
  assertEquals(await verdict(`${TAGS}; t=${NOW_SECONDS + 300}; x=${NOW_SECONDS + 301}`), "pass");
});

Deno.test("without a key that may be used so it is permerror, or temperror where the DNS can't be asked", async () => {
  const { record } = RSA;
  const other = EDWARDS.record;
  const cases: [string, string, Parameters<typeof verdict>[1]?][] = [
    [TAGS.replace("s=r", "s=none"), "permerror: no key"],
    [TAGS, "temperror: the key could not be asked for", { record: { failure: "SERVFAIL" } }],
    [TAGS, "permerror: the record is no key", { record: ["hello"] }],
    [TAGS, "permerror: the record is no key", { record: ["v=DKIM1; k=rsa"] }],
    [TAGS, "permerror: the record is no key", { record: [record.replace("DKIM1", "DKIM2")] }],
    [TAGS, "permerror: the record is no key", { record: [`${record.slice(9)}; v=DKIM1`] }],
    [TAGS, "permerror: the record is no key", { record: [`${record}; p=${record.slice(20)}`] }],
    [TAGS, "permerror: the key is revoked", { record: ["v=DKIM1; p="] }],
    [TAGS, "permerror: the key is revoked", { record: ["google-site-verification=1", "v=DKIM1; p="] }],
    [TAGS, "permerror: the key is for another algorithm", { record: [other] }],
    [TAGS, "permerror: the key is for another hash", { record: [`${record}; h=sha1`] }],
    [TAGS, "permerror: the key is not for mail", { record: [`${record}; s=tlsrpt`] }],
    [TAGS, "permerror: the key can't be read", { record: ["v=DKIM1; p=QUJD"] }],
    [TAGS, "permerror: the key can't be read", { record: [hugeKey(1024)] }],
    [`${TAGS}; i=@sub.ex.test`, "permerror: the key is for i= of its own domain alone", {
      record: [`${record}; t=s`],
    }],
    [`${TAGS}; i=@ex.test.evil.test`, "permerror: i= is not within d="],
    [`${TAGS}; i=@evilex.test`, "permerror: i= is not within d="],
    [TAGS.replace("h=From:", "h="), "permerror: From is not signed"],
    [TAGS, "pass", { record: ["v=spf1 -all", record] }],
    [TAGS, "pass", { record: [rsaPair(1024).record, record] }],
    [`${TAGS}; i=@Sub.Ex.Test`, "pass", { record: [`${record}; t=y`] }],
  ];
  for (const [tags, expected, more] of cases) {
    assertEquals([tags, await verdict(tags, more)], [tags, expected]);
  }
});

Deno.test("a signature that does not fit fails: other text, another key, a second field where none was signed", async () => {
  const cases: [string, string, Parameters<typeof verdict>[1]?][] = [
    [TAGS, "the body was changed", { body: "Poit\r\n" }],
    [TAGS, "the body was changed", { body: `${BODY}more\r\n` }],
    [`${TAGS}; l=7`, "the body is shorter than l="],
    [TAGS, "the signature does not fit", { record: [rsaPair(2048).record] }],
    [TAGS.replace("a=rsa", "a=ed25519"), "the signature does not fit", { record: [EDWARDS.record] }],
    [TAGS.replace("h=", "h=Subject:"), "the signature does not fit", { over: "Subject: Poit\r\n" }],
    [TAGS.replace("h=", "h=From:"), "the signature does not fit", { over: "From: pinky@evil.test\r\n" }],
  ];
  for (const [tags, reason, more] of cases) {
    assertEquals([tags, await verdict(tags, more)], [tags, `fail: ${reason}`]);
  }
});

Deno.test("each signature is judged for itself, sixteen at most", async () => {
  const unreadable = "DKIM-Signature: v=2; a=what; b=QUJD\r\n";
  const over = unreadable + "DKIM-Signature: zort\r\n";
  assertEquals(await verdict(TAGS, { over }), "neutral: not of version 1, neutral: not a list of tags, pass");
  assertEquals(
    await verdict(TAGS, { over: unreadable.repeat(16) }),
    `${"neutral: not of version 1, ".repeat(16)}policy: too many signatures`,
  );
  const many = await verdict(TAGS, { over: unreadable.repeat(500) });
  assertEquals(many.split(", ").length, 17);
});

Deno.test("a key that is only tested is told of, and asked for once for each signature", async () => {
  const message = Buffer.from(`${signedWith(RSA, TAGS)}\r\n${BODY}`);
  const resolver = new TxtResolver({ "r._domainkey.ex.test": [`${RSA.record}; t=y : s`] });
  const [result] = await verifyDkim(cut(message), { resolver, clock: new ManualClock(NOW) });
  assertEquals([result!.result, result!.testing, result!.keyBits], ["pass", true, 2048]);
  assertEquals(resolver.asked, ["r._domainkey.ex.test"]);
});
