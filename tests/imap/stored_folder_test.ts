import { assert, assertEquals } from "@std/assert";
import { binaryString, concat, encode } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { Cursor } from "../../src/imap/cursor.ts";
import { type Fetching, fetchMessages } from "../../src/imap/fetch_output.ts";
import { parseItem } from "../../src/imap/fetch_parser.ts";
import { SearchTexts } from "../../src/imap/folder_texts.ts";
import { searchMessages } from "../../src/imap/search.ts";
import { parseSearch } from "../../src/imap/search_parser.ts";
import { sortMessages } from "../../src/imap/sort.ts";
import { threadMessages } from "../../src/imap/thread.ts";
import { readCard, writeCard } from "../../src/mail/facts_card.ts";
import { readFacts } from "../../src/mail/message_facts.ts";
import type { Folder } from "../../src/mailbox/folders.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { draftOf } from "../../src/storage/bodies/bodies.ts";
import { deliver, memoryStore, uidOf } from "../mailbox/helpers.ts";
import { Collected } from "./memory_folder.ts";

const BRAIN = "brain@howstuffworks.com";
const PREFIX = "Return-Path: <jsmith@mindspring.com>\r\n";

function message(n: number, filler = ""): string {
  return `From: Jo ${n} <j${n}@x.example>\r\nSubject: number ${n}\r\nDate: Mon, 30 Nov 2026 06:35:08 +0000\r\n` +
    `Message-ID: <${n}@x>\r\n${
      n % 3 === 1 ? `References: <${n - 1}@x>\r\n` : ""
    }\r\ntext of ${n}.\r\n${filler}`;
}

/** A mailbox with so many delivered messages, of which some are large; `made`: how many cards were made. */
async function mailbox(count: number) {
  const store = await memoryStore();
  const mailStore = new MailStore(store, { clock: systemClock });
  const counted = { made: 0 };
  mailStore.useFacts({
    make: async (pieces) => {
      counted.made++;
      return writeCard(await readFacts(pieces));
    },
    isGood: (card) => readCard(card) !== undefined,
  });
  for (let n = 0; n < count; n++) {
    const filler = n % 50 === 7 ? `${"x".repeat(76)}\r\n`.repeat(3000) : "";
    await deliver({ store, mailStore }, { uid: uidOf(n), text: message(n, filler), to: [BRAIN] });
  }
  const folders = await mailStore.open(BRAIN);
  const inbox = await folders.select(folders.byName("INBOX")!.id);
  return Object.assign(counted, {
    inbox,
    folders,
    async [Symbol.asyncDispose]() {
      inbox[Symbol.dispose]();
      folders[Symbol.dispose]();
      await mailStore.close();
      await store.close();
    },
  });
}

function viewOf({ messages: { uids, length } }: Folder) {
  return { view: { uids, length }, places: Uint32Array.from({ length }, (_, i) => i) };
}

async function fetched(inbox: Folder, items: readonly string[], more: Partial<Fetching> = {}) {
  const out = new Collected();
  const result = await fetchMessages({
    folder: inbox,
    ...viewOf(inbox),
    items: items.map((item) => parseItem(new Cursor(encode(item)))),
    withUid: true,
    uidOnly: false,
    rev2: false,
    out,
    isOver: () => false,
    ...more,
  });
  return { ...result, text: binaryString(out.bytes) };
}

Deno.test("messages of the store are fetched, small and large ones, with what was put before them", async () => {
  await using box = await mailbox(120);
  const { text, missing } = await fetched(box.inbox, [
    "RFC822.SIZE",
    "BODY.PEEK[]",
    "BODY.PEEK[HEADER.FIELDS (Subject)]",
    "ENVELOPE",
  ]);
  let expected = "";
  for (let n = 0; n < 120; n++) {
    const whole = PREFIX + message(n, n % 50 === 7 ? `${"x".repeat(76)}\r\n`.repeat(3000) : "");
    const from = `(("Jo ${n}" NIL "j${n}" "x.example"))`;
    const subject = `Subject: number ${n}\r\n\r\n`;
    expected += `* ${n + 1} FETCH (UID ${n + 1} RFC822.SIZE ${whole.length} ` +
      `ENVELOPE ("Mon, 30 Nov 2026 06:35:08 +0000" "number ${n}" ${from} ${from} ${from} NIL NIL NIL NIL "<${n}@x>") ` +
      `BODY[HEADER.FIELDS (Subject)] {${subject.length}}\r\n${subject} BODY[] {${whole.length}}\r\n${whole})\r\n`;
  }
  assertEquals(text === expected, true);
  assertEquals(missing, 0);
  assertEquals(box.made, 120);
  await fetched(box.inbox, ["BODYSTRUCTURE"]);
  assertEquals(box.made, 120);
});

Deno.test("messages that another session removes meanwhile are left out, and all others are whole", async () => {
  for (const items of [["ENVELOPE"], ["BODY.PEEK[]"], ["ENVELOPE", "BODY.PEEK[TEXT]"]]) {
    await using box = await mailbox(90);
    const { inbox } = box;
    let answers = 0;
    const out = new Collected();
    const { missing } = await fetched(inbox, items, {
      out: {
        put: (text) => out.put(text),
        write: (bytes) => out.write(bytes),
        async flushIfMuch() {
          if (++answers === 3) await inbox.expunge(Uint32Array.of(2, 5, 6, 30, 89, 90));
        },
      },
    });
    const numbers = [...binaryString(out.bytes).matchAll(/\* (\d+) FETCH \(UID (\d+) /g)].map(
      ([, n, uid]) => {
        assertEquals(n, uid);
        return Number(n);
      },
    );
    const left = Array.from({ length: 90 }, (_, i) => i + 1).filter((n) => ![5, 6, 30, 89, 90].includes(n));
    assertEquals(numbers, left);
    assertEquals(missing, 5);
  }
});

Deno.test("a mailbox of the store is searched, sorted and threaded", async () => {
  await using box = await mailbox(60);
  const { inbox } = box;
  const texts = { of: new SearchTexts(), address: BRAIN, mailboxId: inbox.info.mailboxId };
  const ask = { folder: inbox, ...viewOf(inbox), clock: systemClock, isOver: () => false };
  const found = async (program: string) => {
    const { keys } = parseSearch(new Cursor(encode(` ${program}`)), false);
    const { places } = await searchMessages({ ...ask, keys, now: 0, recent: () => false, texts });
    return Array.from(places, (place) => place + 1);
  };
  for (let i = 0; i < 2; i++) {
    assertEquals(await found('BODY "text of 5."'), [6]);
    assertEquals(await found('BODY "text of 57."'), [58]);
    assertEquals(await found("SUBJECT 17 TEXT jsmith"), [18]);
    assertEquals(await found("SENTON 30-Nov-2026 LARGER 100000"), [8, 58]);
    assertEquals(await found('BODY "xxxx"'), [8, 58]);
  }
  await inbox.expunge(Uint32Array.of(6));
  assertEquals(await found('BODY "text of 5."'), []);
  const sorted = await sortMessages({ ...ask, by: [{ by: "SUBJECT", reverse: true }] });
  assertEquals([...sorted].slice(0, 3), [9, 8, 7]);
  const threads = await threadMessages({ ...ask, algorithm: "REFERENCES", number: (place) => place + 1 });
  assert(threads.startsWith("(1 2)(3)(4 5)(7 8)(9)"), threads);
});

Deno.test("what is appended has its facts, and copies share them", async () => {
  await using box = await mailbox(1);
  const { folders, inbox } = box;
  const archive = await folders.select(folders.byName("Archive")!.id);
  const body = draftOf("06FZAAAAAAAAAAAA", concat([encode(message(500))]));
  await archive.append([{ body, flags: 1, keywords: ["$Forwarded"], internalDate: 0 }]);
  await archive.copy(Uint32Array.of(1), folders.byName("INBOX")!.id);
  const { text } = await fetched(inbox, ["FLAGS", "EMAILID", "ENVELOPE"], { places: Uint32Array.of(1) });
  assert(
    text.startsWith(
      '* 2 FETCH (UID 2 FLAGS (\\Seen $Forwarded) EMAILID (06FZAAAAAAAAAAAA) ENVELOPE ("Mon, 30 Nov 2026',
    ),
    text,
  );
  const before = box.made;
  const { text: archived } = await fetched(archive, ["FLAGS", "EMAILID", "ENVELOPE"]);
  assertEquals(archived.slice(archived.indexOf("EMAILID")), text.slice(text.indexOf("EMAILID")));
  assertEquals(box.made, before);
  archive[Symbol.dispose]();
});
