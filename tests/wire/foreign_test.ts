import { assert } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import { COMMANDS } from "../../src/pop3/command.ts";
import { VERBS } from "../../src/smtp/protocol/command.ts";
import { looksForeign } from "../../src/wire/foreign.ts";

Deno.test("looksForeign() knows other protocols by their first octets", () => {
  const foreign = [
    "GET / HTTP/1.0",
    "GET / HTTP/1.1",
    "PRI * HTTP/2.0",
    "POST",
    "\x16\x03\x01",
    "\x03\0\0\x2f\x2a\xe0", // RDP
    "\x05\x01\0", // SOCKS
    "SSH-2.0",
    "OPTIONS * RTSP",
  ];
  for (const input of foreign) assert(looksForeign(encode(input)), input);
  for (const input of ["", "EHLO x", "G", "helo x", "\tEHLO x", "\r\nEHLO x", "\0", "USER brain", "CAPA"]) {
    assert(!looksForeign(encode(input)), input);
  }
});

Deno.test("looksForeign() takes no verb of SMTP or POP3 for another protocol's", () => {
  for (const verb of [...VERBS, ...Object.keys(COMMANDS)]) assert(!looksForeign(encode(`${verb} x`)), verb);
});
