import { assert, assertEquals, assertMatch } from "@std/assert";
import { binaryString, decode, encode } from "../../../src/base/bytes.ts";
import { House } from "./whole_server.ts";

/** Octets as the talk has them, one character each, and back. */
const octets = (text: string): string => binaryString(encode(text));
const textOf = (said: string): string => decode(Uint8Array.from(said, (c) => c.charCodeAt(0)));

Deno.test("VRFY and EXPN take SMTPUTF8, and say nothing beyond ASCII without it (RFC 6531 3.7.4.2)", async () => {
  await using house = await House.start({
    config: {
      vrfy: "always",
      expn: "always",
      accounts: {
        "jo@howstuffworks.com": { password: "gRiZZly bear", name: "Zoë Müller" },
        "pelé@howstuffworks.com": { password: "gRiZZly bear", name: "Edson" },
      },
      aliases: { "team@howstuffworks.com": ["pelé@howstuffworks.com", "jo@howstuffworks.com"] },
    },
  });
  using talk = await house.talk();
  for (
    const [command, expected] of [
      ["VRFY jo", "250 2.1.5 <jo@howstuffworks.com>"],
      ["VRFY jo SMTPUTF8", "250 2.1.5 Zoë Müller <jo@howstuffworks.com>"],
      ["VRFY <jo@howstuffworks.com> smtputf8", "250 2.1.5 Zoë Müller <jo@howstuffworks.com>"],
      ["VRFY pelé", "553 5.6.8 The answer is not in ASCII; add SMTPUTF8 to the command"],
      ["VRFY pelé SMTPUTF8", "250 2.1.5 Edson <pelé@howstuffworks.com>"],
      ["VRFY müller", "550 5.1.1 m?ller: no such user here"],
      ["EXPN team", "553 5.6.8 The answer is not in ASCII; add SMTPUTF8 to the command"],
      ["EXPN <team@howstuffworks.com> SMTPUTF8", /^250-2\.1\.5 <pelé@.*>\r\n250 2\.1\.5 <jo@.*>$/],
      ["VRFY SMTPUTF8", "550 5.1.1 SMTPUTF8: no such user here"],
    ] as const
  ) {
    await talk.send(octets(`${command}\r\n`));
    const said = textOf(await talk.maybeReply() ?? "").trimEnd();
    if (typeof expected === "string") assertEquals(said, expected, command);
    else assertMatch(said, expected, command);
  }
});

Deno.test("a reply repeats no more of a name than a line holds (RFC 5321 4.5.3.1.5)", async () => {
  await using house = await House.start({ config: { vrfy: "always", expn: "always" } });
  using talk = await house.talk();
  for (const verb of ["VRFY", "EXPN"]) {
    for (const name of ["x".repeat(3000), "あ".repeat(1000), "🦕".repeat(900)]) {
      await talk.send(octets(`${verb} ${name} SMTPUTF8\r\n`));
      const said = await talk.maybeReply();
      assertMatch(said ?? "", /^550 5\.1\.1 /);
      assert(said!.length <= 512, said);
    }
  }
});
