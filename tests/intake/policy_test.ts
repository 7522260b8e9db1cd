import { assertEquals, assertThrows } from "@std/assert";
import { Networks } from "../../src/base/networks.ts";
import type { EnvelopeRecipient } from "../../src/mail/envelope.ts";
import type { Reply } from "../../src/smtp/protocol/reply.ts";
import { BRAIN, Door, line, session } from "./support.ts";

const ALIASES = {
  "staff@here.example": {
    targets: ["brain@here.example", "pinky@here.example", "staff@here.example", "jsmith@there.example"],
  },
  "loop@here.example": { targets: ["loop@here.example"] },
  "deep@here.example": { targets: Array.from({ length: 1001 }, (_, i) => `u${i}@there.example`) },
  "the.brain@here.example": { targets: ["brain@here.example"] },
  "away@here.example": { targets: ["jsmith@there.example"] },
};

Deno.test("recipient() takes what is ours, and what is not only from those who may relay", async () => {
  await using door = await Door.open({ aliases: ALIASES, quotas: { brain: 0 } });
  const stranger = session();
  const trusted = session({ remote: { hostname: "10.1.2.3", port: 1 } });
  const mapped = session({ remote: { hostname: "::ffff:10.1.2.3", port: 1 } });
  const cases: [string, ReturnType<typeof session>, string | undefined][] = [
    ["pinky@here.example", stranger, undefined],
    ["PINKY+news@here.example", stranger, undefined],
    ["postmaster", stranger, undefined],
    ["staff@here.example", stranger, undefined],
    ["nobody@here.example", stranger, "550 5.1.1"],
    ["loop@here.example", stranger, "550 5.4.6"],
    ["deep@here.example", stranger, "550 5.4.6"],
    ["x@there.example", stranger, "550 5.7.1"],
    ["x@there.example", trusted, undefined],
    ["x@there.example", mapped, undefined],
    ["x@there.example", session(BRAIN), undefined],
    // a full mailbox, at once; among others of a list it is no reason
    ["brain@here.example", stranger, "452 4.2.2"],
    ["the.brain@here.example", stranger, "452 4.2.2"],
    ["away@here.example", stranger, undefined],
    // our own address as a literal (RFC 5321 4.1.3), and somebody else's
    ["pinky@[192.0.2.1]", stranger, undefined],
    ["nobody@[192.0.2.1]", stranger, "550 5.1.1"],
    ["pinky@[192.0.2.99]", stranger, "550 5.7.1"],
    // tricks to relay
    ["x%there.example@here.example", stranger, "550 5.1.1"],
    ["there.example!x@here.example", stranger, "550 5.1.1"],
    ['"x@there.example"@here.example', stranger, "550 5.1.1"],
  ];
  for (const [address, facts, expected] of cases) {
    const verdict = line(await door.policy.recipient(facts, { address }));
    assertEquals(verdict?.slice(0, 9), expected, `${address} from ${facts.remote.hostname}`);
  }
});

Deno.test("A session whose account was removed is a stranger's", async () => {
  await using door = await Door.open();
  const facts = session({ ...BRAIN, service: "submission" });
  const [from, to] = ["brain@here.example", { address: "x@there.example" }];
  assertEquals(door.policy.sender(facts, from), undefined);
  assertEquals(line(await door.policy.recipient(facts, to)), undefined);
  await door.house.accounts.remove("brain@here.example");
  assertEquals(line(await door.policy.sender(facts, from))?.slice(0, 9), "530 5.7.0");
  assertEquals(line(await door.policy.recipient(facts, to))?.slice(0, 9), "550 5.7.1");
});

Deno.test("recipient() says 452 when all of them together are too many for one message", async () => {
  await using door = await Door.open({
    aliases: {
      "many@here.example": { targets: Array.from({ length: 900 }, (_, i) => `user${i}@there.example`) },
    },
  });
  // a thousand long addresses with long ORCPTs
  const soFar: EnvelopeRecipient[] = [];
  const taken = async (recipient: EnvelopeRecipient, list: EnvelopeRecipient[]) => {
    const found = await door.policy.recipient(session(BRAIN), recipient, list);
    if ("code" in found) return line(found)!.slice(0, 9);
    list.push(found);
    return "ok";
  };
  let last = "ok";
  for (let i = 0; i < 1000 && last === "ok"; i++) {
    last = await taken({
      address: `${i}${"l".repeat(60)}@${"d".repeat(60)}.example`,
      orcpt: `rfc822;${"o".repeat(490)}`,
    }, soFar);
  }
  assertEquals([last, soFar.length > 200], ["452 4.5.3", true]);
  // a thousand usual ones fit
  const usual: EnvelopeRecipient[] = [];
  for (let i = 0; i < 1000; i++) {
    assertEquals(await taken({ address: `some.user${i}@domain${i}.example` }, usual), "ok");
  }
  // one list alone always does, and a few together; not any number
  const lists: EnvelopeRecipient[] = [];
  const answers: string[] = [];
  for (let i = 0; i < 5; i++) answers.push(await taken({ address: "many@here.example" }, lists));
  assertEquals([answers[0], answers.at(-1)], ["ok", "452 4.5.3"]);
});

Deno.test("what fits the budget fits the store", async () => {
  await using door = await Door.open({
    aliases: {
      "many@here.example": {
        targets: Array.from({ length: 1000 }, (_, i) => `user${i}@d${i}.there.example`),
      },
    },
  });
  const notify = ["success", "failure", "delay"] as const;
  const long = (i: number) => ({
    address: `${i}${"l".repeat(60)}@d${i}.example`,
    orcpt: `rfc822;${"o".repeat(490)}`,
    notify,
  });
  const soFar: EnvelopeRecipient[] = [];
  for (
    const recipient of [
      { address: "many@here.example", notify },
      ...Array.from({ length: 900 }, (_, i) => long(i)),
    ]
  ) {
    const found = await door.policy.recipient(session(BRAIN), recipient, soFar);
    if (!("code" in found)) soFar.push(found);
  }
  const reply = await door.send(soFar, `A: b\r\n\r\n${"x".repeat(119_000)}`, {
    session: BRAIN,
    envelope: { sender: "brain@here.example" },
  });
  assertEquals(line(reply as never)?.slice(0, 9), "250 2.0.0");
  await door.house.queue.idle();
  assertEquals(door.house.of("delivered").length, soFar.length - 1 + 1000);
  assertEquals(door.house.of("note"), []);
});

Deno.test("a thousand mailboxes with the longest addresses are one message, and one event each", async () => {
  const names = Array.from({ length: 1000 }, (_, i) => `${i}`.padStart(237, "l"));
  await using door = await Door.open({ names: ["brain", ...names] });
  const soFar = await door.named(names.map((name) => `${name}@here.example`));
  const reply = await door.send(soFar, `A: b\r\n\r\n${"x".repeat(119_000)}`);
  assertEquals(line(reply as never)?.slice(0, 9), "250 2.0.0");
  await door.house.queue.idle();
  assertEquals(door.house.of("mailbox").length, 1000);
  assertEquals(new Set(door.house.of("mailbox").map((e) => e.mailbox)).size, 1000);
});

Deno.test("sender() on submission: one's own addresses only", async () => {
  await using door = await Door.open({ aliases: ALIASES, names: ["postmaster", "brain", "pinky"] });
  const submission = session({ service: "submission", ...BRAIN });
  const cases: [ReturnType<typeof session>, string, string | undefined][] = [
    [session(), "anybody@there.example", undefined],
    [session({ service: "submission" }), "brain@here.example", "530 5.7.0"],
    [submission, "brain@here.example", undefined],
    [submission, "Brain@here.example", undefined],
    [submission, "brain+list@here.example", undefined],
    [submission, "the.brain@here.example", undefined],
    [submission, "staff@here.example", undefined],
    [submission, "", undefined],
    [submission, "pinky@here.example", "553 5.7.1"],
    [submission, "brain@there.example", "553 5.7.1"],
    [submission, "postmaster@here.example", "553 5.7.1"],
    [submission, "nobody@here.example", "553 5.7.1"],
  ];
  for (const [facts, sender, expected] of cases) {
    assertEquals(line(await door.policy.sender(facts, sender))?.slice(0, 9), expected, sender);
  }
});

Deno.test("sender() names the address, the account and the alias that would allow it", async () => {
  await using door = await Door.open();
  const submission = session({ service: "submission", ...BRAIN });
  const cases: [string, string][] = [
    [
      "news@here.example",
      "<news@here.example> is not an address of the account brain@here.example; " +
      "an alias news@here.example to brain@here.example would allow it",
    ],
    [
      "brain@there.example",
      "<brain@there.example> is not an address of the account brain@here.example; " +
      'an alias to it would allow it if there.example were one of "domains"',
    ],
  ];
  for (const [sender, text] of cases) {
    assertEquals(line(await door.policy.sender(submission, sender)), `553 5.7.1 ${text}`);
  }
});

Deno.test("trusts() those of our own: submission, also before the login, and trusted networks", async () => {
  await using door = await Door.open();
  const remote = { hostname: "10.1.2.3", port: 1 };
  const cases: [ReturnType<typeof session>, boolean][] = [
    [session(), false],
    [session({ service: "lmtp" }), false],
    [session({ service: "submission" }), true],
    [session({ service: "submissions", ...BRAIN }), true],
    [session({ remote }), true],
    [session({ service: "lmtp", remote }), true],
  ];
  for (const [facts, expected] of cases) assertEquals(door.policy.trusts(facts), expected);
});

Deno.test("may() follows the configuration", async () => {
  const facts = [session(), session({ remote: { hostname: "10.0.0.1", port: 1 } }), session(BRAIN)];
  const cases = [["always", [true, true, true]], ["authenticated", [false, true, true]], ["never", [
    false,
    false,
    false,
  ]]] as const;
  for (const [policy, expected] of cases) {
    await using door = await Door.open({}, { verbs: { VRFY: policy, EXPN: policy, VERB: policy } });
    for (const verb of ["VRFY", "EXPN", "VERB"] as const) {
      assertEquals(facts.map((f) => door.policy.may(verb, f)), [...expected]);
    }
  }
});

Deno.test("verify() and expand() answer as the contract says (RFC 5321 3.5)", async () => {
  await using door = await Door.open({ aliases: ALIASES });
  const { policy, house } = door;
  await house.accounts.update("brain@here.example", { name: "The Brain" });
  const vrfy: [string, string][] = [
    ["brain", "250 2.1.5 The Brain <brain@here.example>"],
    ["BRAIN@HERE.example", "250 2.1.5 The Brain <brain@here.example>"],
    ["<brain@here.example>", "250 2.1.5 The Brain <brain@here.example>"],
    ["the brain", "250 2.1.5 The Brain <brain@here.example>"],
    ["pinky", "250 2.1.5 <pinky@here.example>"],
    ["staff", "250 2.1.5 <staff@here.example>"],
    ["postmaster", "250 2.1.5 <postmaster@here.example>"],
    ["nobody", "550 5.1.1 nobody: no such user here"],
    ["nobody@here.example", "550 5.1.1 nobody@here.example: no such user here"],
    ["<>", "550 5.1.1 <>: no such user here"],
    ["x@there.example", "252 2.5.2 Not verified: not one of this server's domains; try to deliver"],
  ];
  for (const [text, expected] of vrfy) {
    assertEquals(line(await policy.verify(session(), text)), expected, text);
  }
  const members = "<brain@here.example>|<pinky@here.example>|<jsmith@there.example>";
  const expn: [string, string][] = [
    ["staff", `250 2.1.5 ${members}`],
    ["staff@here.example", `250 2.1.5 ${members}`],
    ["<STAFF@here.example>", `250 2.1.5 ${members}`],
    ["brain", "550 5.1.1 brain: no list of that name here"],
    ["nobody", "550 5.1.1 nobody: no list of that name here"],
    ["loop", "550 5.1.1 loop: no list of that name here"],
    ["x@there.example", "252 2.5.2 Not verified: not one of this server's domains; try to deliver"],
  ];
  for (const [text, expected] of expn) {
    assertEquals(line(await policy.expand(session(), text)), expected, text);
  }
});

Deno.test("Networks knows blocks and single addresses of both families", () => {
  const networks = new Networks(["192.0.2.0/24", "2001:db8::/32", "127.0.0.1", "::1"]);
  const cases: [string, boolean][] = [
    ["192.0.2.255", true],
    ["192.0.3.0", false],
    ["::ffff:192.0.2.1", true],
    ["2001:db8:1::1", true],
    ["2001:db9::1", false],
    ["127.0.0.1", true],
    ["127.0.0.2", false],
    ["::1", true],
    ["nonsense", false],
    ["", false],
  ];
  for (const [address, expected] of cases) {
    assertEquals(networks.has(address), expected, address);
    assertEquals(networks.has(address), expected, `${address}, remembered`);
  }
  assertEquals(new Networks([]).has("127.0.0.1"), false);
  for (const wrong of ["", "192.0.2.0/33", "example.com", "192.0.2.0/x"]) {
    assertThrows(() => new Networks([wrong]), TypeError, "is no network");
  }
});

Deno.test("a full mailbox still takes what is for the postmaster (RFC 5321 4.5.1)", async () => {
  await using door = await Door.open({ names: ["brain"], quotas: { brain: 0 } });
  for (const address of ["postmaster", "postmaster@here.example", "abuse@here.example"]) {
    assertEquals(line(await door.policy.recipient(session(), { address })), undefined, address);
    assertEquals(line(await door.send([address]) as Reply)?.slice(0, 9), "250 2.0.0", address);
  }
  assertEquals(line(await door.send(["brain@here.example"]) as Reply)?.slice(0, 9), "452 4.2.2");
});
