import { assert, assertEquals } from "@std/assert";
import { octetsOf } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { SortBy, SortKey, ThreadAlgorithm } from "../../src/imap/request.ts";
import { sortMessages } from "../../src/imap/sort.ts";
import { threadMessages, threadsOf, threadText } from "../../src/imap/thread.ts";
import type { Threadable } from "../../src/imap/thread_links.ts";
import { cpuMs } from "../support/cpu_time.ts";
import { MemoryFolder } from "./memory_folder.ts";
import { THREAD_CASES } from "./thread_cases.ts";

function folderOf(messages: readonly string[]): MemoryFolder {
  return new MemoryFolder(messages.map((text) => octetsOf(`${text}\n\nx\n`.replaceAll("\n", "\r\n"))));
}

function reading(folder: MemoryFolder) {
  const { view } = folder;
  const places = Uint32Array.from({ length: view.length }, (_, i) => i);
  return { folder, view, places, clock: systemClock, isOver: () => false };
}

async function sorted(folder: MemoryFolder, ...by: readonly string[]): Promise<number[]> {
  const keys: SortKey[] = by.map((one) => ({
    by: one.replace("REVERSE ", "") as SortBy,
    reverse: one.startsWith("REVERSE "),
  }));
  return Array.from(await sortMessages({ ...reading(folder), by: keys }), (place) => place + 1);
}

async function threaded(folder: MemoryFolder, algorithm: ThreadAlgorithm): Promise<string> {
  return await threadMessages({ ...reading(folder), algorithm, number: (place) => place + 1 });
}

Deno.test("messages are sorted by each criterion, and by their order where it does not tell them apart", async () => {
  const folder = folderOf([
    "Date: 3 Nov 2026 10:00:00 +0000\nSubject: Re: banana\nFrom: Zoe <zz@x.example>\nTo: Team: b@y.example;\nCc: m@x.example",
    "Date: 3 Nov 2026 10:30:00 +0100\nSubject: [list] Apple (fwd)\nFrom: =?utf-8?Q?=C3=84nne?= <B@x.example>\nTo: a@y.example",
    "Subject: apple\nFrom: b@x.example\nTo: Zed <c@y.example>",
    "Date: 1 Nov 2026 00:00:00 +0000\nFrom: aa@x.example\nCc: A@x.example",
  ]);
  const dates = [4, 3, 2, 1].map((day) => Date.UTC(2026, 10, day));
  folder.list.forEach((message, i) => message.internalDate = dates[i]!);
  assertEquals(await sorted(folder, "ARRIVAL"), [4, 3, 2, 1]);
  assertEquals(await sorted(folder, "DATE"), [4, 3, 2, 1]);
  assertEquals(await sorted(folder, "REVERSE DATE"), [1, 2, 3, 4]);
  assertEquals(await sorted(folder, "SUBJECT"), [4, 2, 3, 1]);
  assertEquals(await sorted(folder, "REVERSE SUBJECT"), [1, 2, 3, 4]);
  assertEquals(await sorted(folder, "SUBJECT", "REVERSE ARRIVAL"), [4, 2, 3, 1]);
  assertEquals(await sorted(folder, "FROM"), [4, 2, 3, 1]);
  assertEquals(await sorted(folder, "TO"), [4, 2, 3, 1]);
  assertEquals(await sorted(folder, "CC"), [2, 3, 4, 1]);
  assertEquals(await sorted(folder, "DISPLAYFROM"), [4, 2, 3, 1]);
  assertEquals(await sorted(folder, "DISPLAYTO"), [4, 2, 1, 3]);
  assertEquals(
    await sorted(folder, "SIZE"),
    [...folder.list].sort((a, b) => a.octets.length - b.octets.length).map(({ uid }) => uid),
  );
});

Deno.test("what is gone is neither sorted nor threaded", async () => {
  const folder = folderOf(["Subject: b", "Subject: a", "Subject: c"]);
  const ask = reading(folder);
  folder.list.splice(1, 1);
  for (const by of ["SUBJECT", "SIZE"] as const) {
    assertEquals([...await sortMessages({ ...ask, by: [{ by, reverse: false }] })], [0, 2]);
  }
  const text = await threadMessages({ ...ask, algorithm: "REFERENCES", number: (place) => place + 10 });
  assertEquals(text, "(10)(12)");
});

Deno.test("threads are those that Dovecot finds", async () => {
  for (const { messages, references, orderedSubject } of THREAD_CASES) {
    const folder = folderOf(
      messages.map(([day, subject, id, refs, inReplyTo]) =>
        `Date: ${day} Nov 2026 00:00:00 +0000\nSubject: ${subject}` + (id && `\nMessage-ID: ${id}`) +
        (refs && `\nReferences: ${refs}`) + (inReplyTo && `\nIn-Reply-To: ${inReplyTo}`)
      ),
    );
    assertEquals(await threaded(folder, "REFERENCES"), references);
    assertEquals(await threaded(folder, "ORDEREDSUBJECT"), orderedSubject);
  }
});

function message(number: number, { id, refs = [], subject = "", isReply = false }: {
  id?: string;
  refs?: string[];
  subject?: string;
  isReply?: boolean;
}): Threadable {
  return {
    number,
    date: number,
    references: refs,
    subject,
    isReply,
    ...(id !== undefined && { messageId: id }),
  };
}

Deno.test("threads by references: missing messages, loops, ids that come twice, answers without references", () => {
  const text = (messages: Threadable[], algorithm: ThreadAlgorithm = "REFERENCES") =>
    threadText(threadsOf(messages, algorithm));
  assertEquals(text([]), "");
  assertEquals(
    text([message(1, { id: "a" }), message(2, { id: "b", refs: ["a"] }), message(3, { refs: ["a", "b"] })]),
    "(1 2 3)",
  );
  assertEquals(
    text([message(1, { id: "a" }), message(2, { refs: ["a"] }), message(3, { refs: ["a"] })]),
    "(1 (2)(3))",
  );
  // the one that both answer is not here
  assertEquals(text([message(2, { refs: ["a"] }), message(3, { refs: ["a"] })]), "((2)(3))");
  assertEquals(text([message(2, { refs: ["a", "b"] })]), "(2)");
  assertEquals(
    text([message(1, { id: "a", refs: ["b"] }), message(2, { id: "b", refs: ["a"] })]),
    "(1 2)".replace("1 2", "2 1"),
  );
  assertEquals(text([message(1, { id: "a", refs: ["a"] })]), "(1)");
  assertEquals(
    text([message(1, { id: "a" }), message(2, { id: "a" }), message(3, { refs: ["a"] })]),
    "(1 3)(2)",
  );
  const answers = [message(1, { id: "a", subject: "X" }), message(2, { subject: "X", isReply: true })];
  assertEquals(text(answers), "(1 2)");
  assertEquals(text(answers, "REFS"), "(1)(2)");
  assertEquals(text([message(1, { subject: "X" }), message(2, { subject: "X" })]), "((1)(2))");
  assertEquals(text([message(1, { subject: "X", isReply: true }), message(2, { subject: "X" })]), "(2 1)");
  // a thread that had news lately is last
  assertEquals(
    text([message(1, { id: "a" }), message(2, {}), message(3, { refs: ["a"] })], "REFS"),
    "(2)(1 3)",
  );
});

Deno.test("a chain of answers may be as long as a folder", async () => {
  const messages: Threadable[] = [];
  for (let i = 0; i < 100_000; i++) {
    messages.push(message(i + 1, { id: `${i}`, refs: i === 0 ? [] : [`${i - 1}`] }));
  }
  for (const some of [messages, [...messages].reverse()]) {
    const ms = await cpuMs(() => {
      for (const algorithm of ["REFERENCES", "REFS"] as const) {
        assertEquals(
          threadText(threadsOf(some, algorithm)).length,
          messages.map(({ number }) => number).join(" ").length + 2,
        );
      }
    });
    assert(ms < 10_000, `${ms} ms`);
  }
  const wide = [
    message(1, { id: "a" }),
    ...Array.from({ length: 200_000 }, (_, i) => message(i + 2, { refs: ["a"] })),
  ];
  assert(threadText(threadsOf(wide, "REFERENCES")).startsWith("(1 (2)(3)"));
});
