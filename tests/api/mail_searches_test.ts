/** Searches of mailboxes and of captured mail: what is kept in memory is what a fresh reading of the store finds. */

import { assert, assertEquals } from "@std/assert";
import { MailSearches } from "../../src/api/mail_searches.ts";
import { encode } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { CapturedMail, type Retention } from "../../src/capture/captured_mail.ts";
import { CapturedMailboxes } from "../../src/capture/captured_mailboxes.ts";
import { CapturedSearch } from "../../src/capture/captured_search.ts";
import { parseQuery } from "../../src/mail/query.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { draftOf } from "../../src/storage/bodies/bodies.ts";
import { together } from "../../src/storage/write.ts";
import { openStore, type Store } from "../../src/storage/store.ts";
import { deliver, endMailbox, memoryStore, uidOf } from "../mailbox/helpers.ts";
import { SHARED_KVS, startShared } from "../support/shared_kv.ts";

const BOX = "brain@howstuffworks.com";
const QUERIES = [
  "subject:even",
  "-subject:even",
  "odd",
  "number7",
  "-number1",
  "is:read",
  "from:jsmith number",
  "x:",
];
const COUNT = 120;

const textOf = (n: number) =>
  `From: Jo <jo@example.org>\r\nSubject: ${n % 2 === 0 ? "even" : "odd"}\r\n\r\nThe number${n} it is.\r\n`;

/** What each query finds; of the last one, that it is none, nothing. */
async function finds(search: MailSearches): Promise<string[][]> {
  const all: string[][] = [];
  for (const text of QUERIES) {
    const read = parseQuery(text);
    const wanted = { query: "terms" in read ? read.terms : [], limit: 1000, until: Infinity };
    all.push((await search.search(BOX, wanted)).found.map(({ uid }) => uid));
  }
  return all;
}

Deno.test("A search of a mailbox finds what a fresh one does, whatever came and went", async (t) => {
  await using store = await memoryStore();
  const mailStore = new MailStore(store, { clock: systemClock });
  const warm = new MailSearches(mailStore, { clock: systemClock });
  const send = (n: number, to = BOX) =>
    deliver({ store, mailStore }, { uid: uidOf(n), text: textOf(n), to: [to] });
  const steps: [what: string, step: () => Promise<unknown>][] = [
    ["an empty mailbox", () => Promise.resolve()],
    ["messages", async () => {
      for (let n = 100; n < 100 + COUNT; n++) await send(n);
    }],
    ["one more", () => send(100 + COUNT)],
    ["an older one, as an import brings it", () => send(7)],
    ["another mailbox's", () => send(8, "pinky@howstuffworks.com")],
    ["one that was looked at", () => mailStore.markSeen(BOX, uidOf(150))],
    ["one removed", () => mailStore.remove(BOX, [uidOf(151)])],
    ["many removed", () => mailStore.remove(BOX, Array.from({ length: 60 }, (_, i) => uidOf(101 + i)))],
    ["one that came and went between two searches", async () => {
      await send(400);
      await mailStore.remove(BOX, [uidOf(400)]);
    }],
    ["the mailbox's end", () => endMailbox(store, mailStore, BOX)],
    ["the next one of its name", () => send(500)],
  ];
  for (const [what, step] of steps) {
    await t.step(what, async () => {
      await step();
      assertEquals(await finds(warm), await finds(new MailSearches(mailStore, { clock: systemClock })));
      const { length } = (await finds(warm)).at(-1)!;
      assertEquals(length, (await mailStore.list(BOX)).length);
    });
  }
});

for (const kind of SHARED_KVS) {
  Deno.test(`A search of a mailbox on a shared store sees what other servers did (${kind.name})`, async () => {
    await using kv = await startShared(kind);
    const open = () => openStore({ location: kv.url, clock: systemClock });
    const [own, other] = [await open(), await open()];
    try {
      await seesOthers(own, other);
    } finally {
      await Promise.all([own.close(), other.close()]);
    }
  });
}

async function seesOthers(own: Store, other: Store): Promise<void> {
  const ownMail = new MailStore(own, { clock: systemClock });
  const otherMail = new MailStore(other, { clock: systemClock });
  const warm = new MailSearches(ownMail, { clock: systemClock });
  const there = { store: other, mailStore: otherMail };
  for (let n = 0; n < 5; n++) await deliver(there, { uid: uidOf(n), text: textOf(n), to: [BOX] });
  const numbers = async (q: string) => {
    const { terms } = parseQuery(q) as Extract<ReturnType<typeof parseQuery>, { terms: unknown }>;
    const { found } = await warm.search(BOX, { query: terms, limit: 10, until: Infinity });
    return found.map(({ uid }) => Number(uid.slice(-3)));
  };
  assertEquals(await numbers("subject:even"), [4, 2, 0]);
  await deliver(there, { uid: uidOf(6), text: textOf(6), to: [BOX] });
  assertEquals(await numbers("subject:even"), [6, 4, 2, 0]);
  await otherMail.markSeen(BOX, uidOf(2));
  assertEquals(await numbers("is:read"), [2]);
  await otherMail.remove(BOX, [uidOf(4)]);
  assertEquals(await numbers("subject:even"), [6, 2, 0]);
  await ownMail.remove(BOX, [uidOf(6)]);
  assertEquals(await numbers("number"), [3, 2, 1, 0]);
  await endMailbox(other, otherMail, BOX);
  assertEquals(await numbers("number"), []);
}

async function capturing(keep: Partial<Retention>) {
  const store = await memoryStore();
  const clock = new ManualClock();
  const retention = { messages: 1000, age: null, size: 1e9, memory: false, ...keep };
  const mail = new CapturedMail(store, { clock, keep: retention });
  const mailStore = new CapturedMailboxes(store, { clock, mail });
  let n = 0;
  return {
    store,
    clock,
    mail,
    mailStore,
    async send(count: number) {
      for (; count > 0; count--) {
        const id = uidOf(++n);
        const message = {
          id,
          receivedAt: clock.now(),
          sender: "jo@example.org",
          recipients: [BOX, "other@x.example"],
        };
        assert(await mail.capture(message, draftOf(id, encode(textOf(n)))));
      }
    },
    async [Symbol.asyncDispose]() {
      await mail.close();
      await store.close();
    },
  };
}

for (const memory of [false, true]) {
  Deno.test(`A search of captured mail finds what is there, ${memory ? "in memory" : "in a store"}`, async (t) => {
    await using town = await capturing({ memory, messages: 100, age: 1000 });
    const { mail, mailStore, clock, send } = town;
    const boxes = new MailSearches(mailStore, { clock });
    const search = CapturedSearch.of(mail, clock);
    const steps: [what: string, step: () => Promise<unknown> | void][] = [
      ["nothing", () => {}],
      ["messages", () => send(50)],
      ["too many, so that the oldest go", () => send(80)],
      ["one that was looked at", () => mail.markSeen([mail.list()[5]!.id])],
      ["one that was looked at in a mailbox", () => mailStore.markSeen(BOX, mail.list()[8]!.id)],
      ["tags", () => mail.setTags([mail.list()[3]!.id], ["red"])],
      ["some removed", () => mail.remove(mail.list().slice(10, 40).map(({ id }) => id))],
      ["some out of one mailbox", () => mailStore.remove(BOX, mail.list().slice(20, 30).map(({ id }) => id))],
      ["a report for two mailboxes", async () => {
        const id = uidOf(999);
        const draft = draftOf(id, encode(textOf(999)));
        const writes = [BOX, "late@x.example"].map((recipient) =>
          mail.deliveryWrite({ id, sender: "", receivedAt: clock.now(), recipient }, {
            box: recipient,
            body: draft.ref(2),
          })
        );
        await town.store.write(together(draft.write(2), writes[0]!));
        await search.search({ query: [{ not: false, asked: { on: "to", text: "late" } }], by: "arrival" });
        await town.store.write(writes[1]!);
      }],
      ["their time is over", async () => {
        await clock.advance(1001);
      }],
      ["some more", () => send(3)],
      ["all removed", () => mail.removeAll()],
      ["and some more", () => send(2)],
    ];
    for (const [what, step] of steps) {
      await t.step(what, async () => {
        await step();
        assertEquals(await finds(boxes), await finds(new MailSearches(mailStore, { clock })), "its mailbox");
        for (const text of [...QUERIES.slice(0, -1), "tag:red", "to:late", "bcc:other"]) {
          const { terms: query } = parseQuery(text) as Extract<
            ReturnType<typeof parseQuery>,
            { terms: unknown }
          >;
          const { found, looked } = await search.search({ query, by: "arrival" });
          const each = await Promise.all(mail.list().map((one) => alone(one.id, text)));
          assertEquals(
            found.map(({ id }) => id),
            mail.list().map(({ id }) => id).filter((_, i) => each[i]),
            text,
          );
          assertEquals(looked, mail.count);
        }
      });
    }

    /** Does it fit, as the only message of a store that was just opened? */
    async function alone(id: string, text: string): Promise<boolean> {
      const { terms: query } = parseQuery(text) as Extract<ReturnType<typeof parseQuery>, { terms: unknown }>;
      const message = mail.get(id)!;
      await using one = await capturing({});
      const bytes = new Uint8Array(
        await new Response(ReadableStream.from(mail.content(message))).arrayBuffer(),
      );
      await one.mail.capture({ ...message, receivedAt: one.clock.now() }, draftOf(id, bytes));
      if (message.seen) await one.mail.markSeen([id]);
      return (await CapturedSearch.of(one.mail, one.clock).search({ query, by: "arrival" })).found.length ===
        1;
    }
  });
}
