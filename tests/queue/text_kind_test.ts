import { assertEquals } from "@std/assert";
import { kindOfText } from "../../src/queue/text_kind.ts";

Deno.test("a text's kind leaves out what differs from message to message, and nothing else", () => {
  const table: [string, string][] = [
    ["451 4.7.1 Greylisted, try again in 300 seconds", "451 4.7.1 Greylisted, try again in 300 seconds"],
    ["450 4.2.1 <jo@x.example>: mailbox busy", "450 4.2.1 …: mailbox busy"],
    [
      "421 4.7.650 The mail server [192.0.2.17] has been limited",
      "421 4.7.650 The mail server […] has been limited",
    ],
    ["Connection refused by mx1.there.example [2001:db8::17]:25", "Connection refused by … […]:25"],
    ["550-5.7.26 host mx.x.example 7f3a9c12-gsmtp", "550-5.7.26 host …"],
    ["host said: 451 4.7.1 Later 25", "host said: 451 4.7.1 Later 25"],
    ["", ""],
    ["Your order 1000123 came", "Your order … came"],
    ["Grüße an alle", "Grüße an alle"],
  ];
  for (const [text, kind] of table) assertEquals(kindOfText(text), kind);
  // again, as it is remembered; and a kind is its own kind
  for (const [text, kind] of table) assertEquals([kindOfText(text), kindOfText(kind)], [kind, kind]);
});
