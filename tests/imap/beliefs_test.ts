/**
 * Sessions on one mailbox do what comes to mind, and each client keeps a list of messages by nothing but what it is told
 * (EXISTS, EXPUNGE, VANISHED, FETCH). After NOOP the list has to be what is there.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Client, Harness } from "./harness.ts";

interface Believed {
  uid?: number;
  flags?: string;
}

/** A client with its list. */
class Believer {
  messages: Believed[] = [];
  mailbox = "INBOX";

  constructor(readonly client: Client, readonly kind: "plain" | "qresync" | "uidonly") {}

  async start(): Promise<void> {
    await this.client.logIn();
    if (this.kind === "qresync") await this.say("ENABLE QRESYNC");
    if (this.kind === "uidonly") await this.say("ENABLE UIDONLY");
    await this.select("INBOX");
  }

  async select(mailbox: string): Promise<void> {
    this.messages = [];
    this.mailbox = mailbox;
    await this.say(`SELECT ${mailbox}`);
    await this.say("UID FETCH 1:* (FLAGS)");
  }

  /** Says a command and believes the answer. */
  async say(command: string): Promise<string> {
    // what it does itself in silence it is not told
    if (command.includes("SILENT")) { for (const message of this.messages) delete message.flags; }
    const lines = await this.client.command(command);
    for (const line of lines) this.#believe(line, command);
    const last = lines.at(-1)!;
    assert(/^tag (OK|NO|BAD) /.test(last), `${command}: ${last}`);
    assert(!last.includes("SERVERBUG"), `${command}: ${last}`);
    return last;
  }

  #believe(line: string, command: string): void {
    const { messages } = this;
    const [, number, what, rest = ""] = /^\* (\d+) (EXISTS|EXPUNGE|FETCH|UIDFETCH)(.*)$/.exec(line) ?? [];
    const byNumber = /^(FETCH|STORE|SEARCH)/.test(command);
    if (what === "EXISTS") {
      assert(Number(number) >= messages.length, `${command}: ${line} of ${messages.length}`);
      while (messages.length < Number(number)) messages.push({});
    } else if (what === "EXPUNGE") {
      assert(!byNumber, `${command}: ${line}`);
      assert(this.kind === "plain" && Number(number) <= messages.length, `${line} of ${messages.length}`);
      messages.splice(Number(number) - 1, 1);
    } else if (what === "FETCH") {
      assert(this.kind !== "uidonly" && Number(number) <= messages.length, `${line} of ${messages.length}`);
      this.#learn(messages[Number(number) - 1]!, rest);
    } else if (what === "UIDFETCH") {
      // which of the new ones it is can be told where all are listed
      const listed = command.startsWith("UID FETCH 1:* ")
        ? messages.find(({ uid }) => uid === undefined)
        : undefined;
      const message = messages.find(({ uid }) => uid === Number(number)) ?? listed;
      if (message) this.#learn(message, `${rest} UID ${number}`);
    } else if (line.startsWith("* VANISHED ") && !line.includes("EARLIER")) {
      assert(!byNumber, `${command}: ${line}`);
      this.messages = messages.filter(({ uid }) => uid === undefined || !inSet(uid, line.slice(11)));
    }
  }

  #learn(message: Believed, items: string): void {
    const uid = /\bUID (\d+)/.exec(items)?.[1];
    const flags = /\bFLAGS \(([^)]*)\)/.exec(items)?.[1];
    if (uid !== undefined) {
      assert(message.uid === undefined || message.uid === Number(uid), `UID ${uid} of ${message.uid}`);
      message.uid = Number(uid);
    }
    if (flags !== undefined) message.flags = flags.split(" ").filter((one) => one !== "").sort().join(" ");
  }

  /** Is what it believes so? */
  async check(): Promise<void> {
    await this.say("NOOP");
    // UIDs have to be known where messages are told to be gone by them
    const before = this.messages.map((one) => ({ ...one }));
    await this.say("UID FETCH 1:* (FLAGS)");
    assertEquals(before.length, this.messages.length);
    for (const [i, { uid, flags }] of before.entries()) {
      if (uid !== undefined) assertEquals(uid, this.messages[i]!.uid);
      if (flags !== undefined) assertEquals(flags, this.messages[i]!.flags, `flags of ${uid}`);
    }
    const uids = this.messages.map(({ uid }) => uid!);
    assertEquals(uids, [...uids].sort((a, b) => a - b));
  }
}

function inSet(uid: number, set: string): boolean {
  return set.split(",").some((range) => {
    const [first, last = first] = range.split(":").map(Number);
    return uid >= first! && uid <= last!;
  });
}

const FLAGS = ["\\Seen", "\\Deleted", "\\Deleted", "\\Flagged", "$Forwarded", "work"];
const number = fc.integer({ min: 1, max: 8 });
const set = fc.oneof(
  number.map(String),
  fc.tuple(number, number).map(([a, b]) => `${a}:${b}`),
  fc.constantFrom("*", "1:*", "$"),
);
const flag = fc.constantFrom(...FLAGS);
const uid = fc.constantFrom("", "UID ");
const command = fc.oneof(
  fc.tuple(uid, set, fc.constantFrom("+", "-", ""), fc.constantFrom("", ".SILENT"), flag)
    .map(([u, s, mode, silent, f]) => `${u}STORE ${s} ${mode}FLAGS${silent} (${f})`),
  fc.tuple(uid, set).map(([u, s]) => `${u}FETCH ${s} (UID FLAGS)`),
  fc.tuple(uid, set).map(([u, s]) => `${u}FETCH ${s} (BODY[])`),
  fc.tuple(uid, set, fc.constantFrom("COPY", "MOVE"), fc.constantFrom("Archive", "INBOX", "Trash"))
    .map(([u, s, verb, to]) => `${u}${verb} ${s} ${to}`),
  fc.tuple(uid, fc.constantFrom("ALL", "RETURN (SAVE) DELETED", "UNSEEN", "RETURN (SAVE MIN) ALL"))
    .map(([u, keys]) => `${u}SEARCH ${keys}`),
  fc.constantFrom(
    "NOOP",
    "EXPUNGE",
    "UID EXPUNGE 1:*",
    "APPEND INBOX {5+}\r\nx\r\n\r\n",
    "APPEND INBOX (\\Flagged) {3+}\r\nabc {3+}\r\ndef",
    "STATUS INBOX (MESSAGES RECENT)",
    'LIST "" *',
    "CHECK",
  ),
  fc.constantFrom("SELECT INBOX", "SELECT Archive", "EXAMINE INBOX"),
);

Deno.test("what clients believe by what they are told is what is there", async () => {
  const turn = fc.tuple(fc.nat(3), command);
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { minLength: 5, maxLength: 40 }), async (turns) => {
      await using harness = await Harness.start();
      const believers: Believer[] = [];
      for (const kind of ["plain", "plain", "qresync", "uidonly"] as const) {
        const believer = new Believer(new Client(await harness.connect()), kind);
        await believer.start();
        believers.push(believer);
      }
      for (const [who, what] of turns) {
        const believer = believers[who]!;
        const [, select, mailbox] = /^(SELECT|EXAMINE) (.*)$/.exec(what) ?? [];
        if (select) await believer.select(mailbox!);
        else await believer.say(what);
        // who does not know the UIDs of what is new asks
        if (believer.kind !== "plain" && believer.messages.some(({ uid }) => uid === undefined)) {
          await believer.say("UID FETCH 1:* (FLAGS)");
        }
      }
      for (const believer of believers) await believer.check();
      assertEquals(harness.events.filter(({ kind }) => kind === "error"), []);
    }),
    { numRuns: Number(Deno.env.get("BELIEFS") ?? 60) },
  );
});
