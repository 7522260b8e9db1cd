import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { encode } from "../../src/base/bytes.ts";
import { parseFields } from "../../src/mail/header.ts";
import { protocolName, type ReceivedFacts, receivedField, returnPathField } from "../../src/mail/trace.ts";

const FACTS: ReceivedFacts = {
  helo: "brain.example",
  remote: "192.0.2.1",
  by: "mail.example",
  protocol: "ESMTP",
  id: "0123456789ABCDEF",
  at: Date.UTC(2026, 10, 24, 3, 51, 22),
};

Deno.test("receivedField() tells from, by, with, id, for and when", () => {
  assertEquals(
    receivedField({
      ...FACTS,
      protocol: "ESMTPS",
      for: "jsmith@mindspring.com",
      tls: { protocol: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" },
    }),
    "Received: from brain.example ([192.0.2.1])\r\n" +
      " by mail.example with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n" +
      " id 0123456789ABCDEF for <jsmith@mindspring.com>;\r\n" +
      " Tue, 24 Nov 2026 03:51:22 +0000\r\n",
  );
  assertEquals(
    receivedField({ ...FACTS, remote: "2001:db8::1" }),
    "Received: from brain.example ([IPv6:2001:db8::1])\r\n by mail.example with ESMTP\r\n" +
      " id 0123456789ABCDEF; Tue, 24 Nov 2026 03:51:22 +0000\r\n",
  );
});

Deno.test("receivedField() writes a client's name only when it is one", () => {
  const rows: [helo: string, written: string][] = [
    // names and literals
    ["Brain.Example", "brain.example"],
    ["[192.0.2.9]", "[192.0.2.9]"],
    ["my_pc.local", "my_pc.local"],
    // anything else: the address stands for it
    ["", "[192.0.2.1]"],
    ["[x", "[192.0.2.1]"],
    ["a b", "[192.0.2.1]"],
    ["a\r\nBcc: b", "[192.0.2.1]"],
    ["a(b", "[192.0.2.1]"],
    ["a;b", "[192.0.2.1]"],
    ["x".repeat(300), "[192.0.2.1]"],
  ];
  for (const [helo, written] of rows) {
    const field = receivedField({ ...FACTS, helo });
    assert(field.startsWith(`Received: from ${written} ([192.0.2.1])\r\n`), field);
  }
});

Deno.test("receivedField() tells a recipient beyond ASCII only in a UTF8 transaction", () => {
  const to = "jürgen@x.example";
  assert(!receivedField({ ...FACTS, for: to }).includes("for"));
  assert(receivedField({ ...FACTS, for: to, protocol: "UTF8SMTP" }).includes(`for <${to}>`));
});

Deno.test("receivedField() is one field whatever the client says", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (helo, cipher) => {
    const field = receivedField({ ...FACTS, helo, tls: { protocol: "TLSv1.3", cipher } });
    assertEquals(parseFields(encode(`${field}\r\n`)).length, 1);
    assertEquals(field.split("\r\n").length, 4);
  }));
});

Deno.test("protocolName() follows RFC 3848 and 6531", () => {
  const rows: [flags: string, name: string][] = [
    // SMTP
    ["", "SMTP"],
    ["tls", "SMTP"],
    ["extended", "ESMTP"],
    ["extended tls", "ESMTPS"],
    ["extended authenticated", "ESMTPA"],
    ["extended tls authenticated", "ESMTPSA"],
    ["extended utf8", "UTF8SMTP"],
    ["extended utf8 tls authenticated", "UTF8SMTPSA"],
    // LMTP
    ["lmtp extended", "LMTP"],
    ["lmtp extended tls", "LMTPS"],
    ["lmtp extended tls authenticated", "LMTPSA"],
    ["lmtp extended utf8", "UTF8LMTP"],
  ];
  for (const [flags, name] of rows) {
    const has = (flag: string) => flags.split(" ").includes(flag);
    const session = {
      lmtp: has("lmtp"),
      extended: has("extended"),
      tls: has("tls"),
      authenticated: has("authenticated"),
      utf8: has("utf8"),
    };
    assertEquals(protocolName(session), name, flags);
  }
});

Deno.test("returnPathField() tells the reverse-path", () => {
  assertEquals(returnPathField("brain@howstuffworks.com"), "Return-Path: <brain@howstuffworks.com>\r\n");
  assertEquals(returnPathField(""), "Return-Path: <>\r\n");
});
