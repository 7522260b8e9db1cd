import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { binaryString, concat, encode, octetsOf } from "../../src/base/bytes.ts";
import { eventTurn } from "../../src/base/clock.ts";
import { Cursor } from "../../src/imap/cursor.ts";
import { CutLiteral, type Fetching, fetchMessages, setsSeen } from "../../src/imap/fetch_output.ts";
import { parseItem } from "../../src/imap/fetch_parser.ts";
import type { FetchItem } from "../../src/imap/request.ts";
import { Collected, MemoryFolder } from "./memory_folder.ts";

function octets(text: string): Uint8Array {
  return octetsOf(text.replaceAll("\n", "\r\n"));
}

/** Items as clients write them. */
function items(...texts: readonly string[]): FetchItem[] {
  return texts.map((text) => parseItem(new Cursor(encode(text))));
}

interface Ask extends Partial<Omit<Fetching, "items">> {
  readonly items: readonly string[];
}

async function fetched(folder: MemoryFolder, { items: texts, ...ask }: Ask): Promise<string> {
  return (await answered(folder, { items: texts, ...ask })).text;
}

async function answered(folder: MemoryFolder, { items: texts, ...ask }: Ask) {
  const out = new Collected();
  const { view } = folder;
  const places = Uint32Array.from({ length: view.length }, (_, i) => i);
  const result = await fetchMessages({
    folder,
    view,
    places,
    items: items(...texts),
    withUid: false,
    uidOnly: false,
    rev2: true,
    out,
    isOver: () => false,
    ...ask,
  });
  return { text: binaryString(out.bytes).replaceAll("\r\n", "\n"), ...result };
}

const MIXED = octets(
  "From: a@b.example\nSubject: one\nSUBJECT: two\n folded\nSubjects: no\nContent-Type: multipart/mixed; boundary=b\n\n" +
    "pre\n--b\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=\n=C3=9Fe\n" +
    "--b\nContent-Type: message/rfc822\n\nSubject: in\nX: y\n\ninner\n--b\nContent-Transfer-Encoding: base64\n\nAGE=\n--b\n" +
    "Content-Transfer-Encoding: x-odd\n\nodd\n--b--\n",
);

/** What is asked of {@linkcode MIXED}, and what is answered; `{n}` stands for the length. */
const SECTIONS: readonly (readonly [item: string, answer: string])[] = [
  [
    "BODY.PEEK[HEADER.FIELDS (subject fROM)]",
    "BODY[HEADER.FIELDS (subject fROM)] {n}\nFrom: a@b.example\nSubject: one\nSUBJECT: two\n folded\n\n",
  ],
  ["BODY.PEEK[HEADER.FIELDS (X-None)]", "BODY[HEADER.FIELDS (X-None)] {n}\n\n"],
  [
    'BODY.PEEK[HEADER.FIELDS ("Subjects" "a b")]',
    'BODY[HEADER.FIELDS (Subjects "a b")] {n}\nSubjects: no\n\n',
  ],
  [
    "BODY.PEEK[HEADER.FIELDS.NOT (Subject Content-Type)]",
    "BODY[HEADER.FIELDS.NOT (Subject Content-Type)] {n}\nFrom: a@b.example\nSubjects: no\n\n",
  ],
  ["BODY[1]", "BODY[1] {n}\nGr=C3=BC=\n=C3=9Fe"],
  ["BODY.PEEK[1]<3.4>", "BODY[1]<3> {n}\nC3=B"],
  ["BODY.PEEK[1]<100.4>", "BODY[1]<100> {n}\n"],
  [
    "BODY.PEEK[1.MIME]",
    "BODY[1.MIME] {n}\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n",
  ],
  ["BODY.PEEK[2]", "BODY[2] {n}\nSubject: in\nX: y\n\ninner"],
  ["BODY.PEEK[2.HEADER]", "BODY[2.HEADER] {n}\nSubject: in\nX: y\n\n"],
  ["BODY.PEEK[2.HEADER.FIELDS (X)]", "BODY[2.HEADER.FIELDS (X)] {n}\nX: y\n\n"],
  ["BODY.PEEK[2.TEXT]", "BODY[2.TEXT] {n}\ninner"],
  ["BODY.PEEK[2.1]", "BODY[2.1] {n}\ninner"],
  ["BODY.PEEK[2.1.MIME]", "BODY[2.1.MIME] {n}\nSubject: in\nX: y\n\n"],
  ["BODY.PEEK[2.2]", "BODY[2.2] NIL"],
  ["BODY.PEEK[1.1]", "BODY[1.1] NIL"],
  ["BODY.PEEK[5]", "BODY[5] NIL"],
  ["BODY.PEEK[1.HEADER]", "BODY[1.HEADER] NIL"],
  ["BINARY.PEEK[1]", "BINARY[1] {n}\nGr\xc3\xbc\xc3\x9fe"],
  ["BINARY[1]<2.3>", "BINARY[1]<2> {n}\n\xc3\xbc\xc3"],
  ["BINARY.SIZE[1]", "BINARY.SIZE[1] 7"],
  ["BINARY.PEEK[2]", "BINARY[2] {n}\nSubject: in\nX: y\n\ninner"],
  ["BINARY.PEEK[3]", "BINARY[3] ~{n}\n\0a"],
  ["BINARY.SIZE[3]", "BINARY.SIZE[3] 2"],
  ["BINARY.SIZE[9]", "BINARY.SIZE[9] NIL"],
  ["BODY.PEEK[]<0.7>", "BODY[]<0> {n}\nFrom: a"],
];

Deno.test("sections are what their numbers and names say, of small messages and large ones", async () => {
  for (const [item, answer] of SECTIONS) {
    const text = answer.slice(answer.indexOf("\n") + 1);
    const length = text.replaceAll("\n", "\r\n").length;
    const expected = `* 1 FETCH (${answer.replace("{n}", `{${length}}`)})\n`;
    assertEquals(await fetched(new MemoryFolder([MIXED]), { items: [item] }), expected);
    assertEquals(await fetched(large(MIXED), { items: [item] }), expected);
  }
});

/** The message as one that is streamed, in pieces of seven octets: it says that it has more octets than are held. */
function large(message: Uint8Array): MemoryFolder {
  const folder = new MemoryFolder([concat([message, new Uint8Array(140_000).fill(120)])]);
  folder.pieceSize = 7;
  folder.smallUpTo = 0;
  return folder;
}

Deno.test("a whole message goes out in every form, its octets untouched", async () => {
  for (const folder of [new MemoryFolder([MIXED]), large(MIXED)]) {
    const whole = folder.list[0]!.octets;
    const text = binaryString(whole).replaceAll("\r\n", "\n");
    const start = text.indexOf("\n\n") + 2;
    const [size, headerSize] = [whole.length, text.slice(0, start).replaceAll("\n", "\r\n").length];
    assertEquals(
      await fetched(folder, { items: ["BODY.PEEK[]"] }),
      `* 1 FETCH (BODY[] {${size}}\n${text})\n`,
    );
    assertEquals(await fetched(folder, { items: ["RFC822"] }), `* 1 FETCH (RFC822 {${size}}\n${text})\n`);
    assertEquals(
      await fetched(folder, { items: ["RFC822.HEADER"] }),
      `* 1 FETCH (RFC822.HEADER {${headerSize}}\n${text.slice(0, start)})\n`,
    );
    assertEquals(
      await fetched(folder, { items: ["RFC822.TEXT"] }),
      `* 1 FETCH (RFC822.TEXT {${size - headerSize}}\n${text.slice(start)})\n`,
    );
    assertEquals(
      await fetched(folder, { items: ["BINARY[]"] }),
      `* 1 FETCH (BINARY[] ~{${size}}\n${text})\n`.replace("~", ""),
    );
  }
});

Deno.test("whatever order is asked for, UID, flags and sizes stand first and texts last", async () => {
  const folder = new MemoryFolder([{ uid: 7, octets: octets("Subject: x\n\nhi\n"), flags: 1, modseq: 12 }]);
  const asked = [
    "BODY[]",
    "BODY.PEEK[HEADER]",
    "PREVIEW",
    "BINARY.SIZE[1]",
    "BODY[TEXT]",
    "ENVELOPE",
    "SAVEDATE",
    "THREADID",
    "EMAILID",
  ];
  const text = await fetched(folder, {
    items: [...asked, "RFC822.SIZE", "INTERNALDATE", "MODSEQ", "FLAGS", "UID", "FLAGS", "BODY[]"],
  });
  assertEquals(
    text,
    '* 1 FETCH (UID 7 FLAGS (\\Seen) MODSEQ (12) INTERNALDATE "30-Nov-2026 06:35:08 +0000" RFC822.SIZE 18 SAVEDATE "30-Nov-2026 06:35:08 +0000" ' +
      'EMAILID (M7) THREADID NIL ENVELOPE (NIL "x" NIL NIL NIL NIL NIL NIL NIL NIL) PREVIEW "hi" BINARY.SIZE[1] 4 BODY[HEADER] {14}\nSubject: x\n\n ' +
      "BODY[TEXT] {4}\nhi\n BODY[] {18}\nSubject: x\n\nhi\n)\n",
  );
});

Deno.test("UID is answered where UIDs are used, UIDFETCH where numbers are not", async () => {
  const folder = new MemoryFolder([{ uid: 7, octets: octets("\n") }, { uid: 9, octets: octets("\n") }]);
  const ask = { items: ["FLAGS"], withUid: true };
  assertEquals(await fetched(folder, ask), "* 1 FETCH (UID 7 FLAGS ())\n* 2 FETCH (UID 9 FLAGS ())\n");
  assertEquals(
    await fetched(folder, { ...ask, uidOnly: true, places: Uint32Array.of(1) }),
    "* 9 UIDFETCH (FLAGS ())\n",
  );
});

Deno.test("flags are told with keywords, and \\Recent to who is to see it", async () => {
  const folder = new MemoryFolder([
    { uid: 1, octets: octets("\n"), flags: 31, keywordsLow: 5 },
    { uid: 2, octets: octets("\n"), flags: 31, keywordsLow: 5, keywordsHigh: 1 },
    { uid: 3, octets: octets("\n"), keywordsLow: 2 ** 31 + 2 },
  ]);
  folder.keywords = ["$Forwarded", "", "Work", ...Array.from({ length: 30 }, (_, i) => `k${i}`)];
  const all = "\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded Work";
  assertEquals(
    await fetched(folder, { items: ["FLAGS"], recent: (uid) => uid !== 2 }),
    `* 1 FETCH (FLAGS (${all} \\Recent))\n* 2 FETCH (FLAGS (${all} k29))\n* 3 FETCH (FLAGS (k28 \\Recent))\n`,
  );
});

Deno.test("dates are told as IMAP has them", async () => {
  const dates = [Date.UTC(2026, 1, 3, 4, 5, 6), 0, -1, Date.UTC(1999, 11, 31, 23, 59, 59, 999)];
  const folder = new MemoryFolder(
    dates.map((internalDate, i) => ({ uid: i + 1, octets: octets("\n"), internalDate })),
  );
  const text = await fetched(folder, { items: ["INTERNALDATE"] });
  assertEquals([...text.matchAll(/".*"/g)].map(([date]) => date), [
    '" 3-Feb-2026 04:05:06 +0000"',
    '" 1-Jan-1970 00:00:00 +0000"',
    '"31-Dec-1969 23:59:59 +0000"',
    '"31-Dec-1999 23:59:59 +0000"',
  ]);
});

Deno.test("structures are told as the revision of IMAP has them", async () => {
  const folder = new MemoryFolder([octets("Content-Type: message/global\n\nSubject: x\n\ny\n")]);
  const head = '"message" "global" NIL NIL NIL "7bit" 17';
  const inner =
    '(NIL "x" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1';
  assertEquals(
    await fetched(folder, { items: ["BODYSTRUCTURE", "BODY"] }),
    `* 1 FETCH (BODYSTRUCTURE (${head} ${inner} NIL NIL NIL NIL) 3 NIL NIL NIL NIL) BODY (${head} ${inner}) 3))\n`,
  );
  assertEquals(
    await fetched(folder, { items: ["BODYSTRUCTURE", "BODY"], rev2: false }),
    `* 1 FETCH (BODYSTRUCTURE (${head} NIL NIL NIL NIL) BODY (${head}))\n`,
  );
});

Deno.test("what is read without PEEK sets \\Seen", () => {
  const set = ["BODY[]", "BODY[1]<0.5>", "BINARY[1]", "RFC822", "RFC822.TEXT"];
  for (const one of set) assertEquals(setsSeen(items("FLAGS", one)), true, one);
  const unset = [
    "BODY.PEEK[]",
    "BINARY.PEEK[1]",
    "BINARY.SIZE[1]",
    "RFC822.HEADER",
    "BODY",
    "ENVELOPE",
    "PREVIEW",
  ];
  assertEquals(setsSeen(items(...unset)), false);
});

Deno.test("an unknown encoding is told of, and answers nothing", async () => {
  for (const folder of [new MemoryFolder([MIXED]), large(MIXED)]) {
    const { text, unknownEncoding } = await answered(folder, {
      items: ["UID", "BINARY.PEEK[4]", "BINARY.SIZE[4]"],
    });
    assertEquals([text, unknownEncoding], ["* 1 FETCH (UID 1)\n", true]);
    const alone = await answered(folder, { items: ["BINARY.PEEK[4]"] });
    assertEquals([alone.text, alone.unknownEncoding], ["", true]);
  }
});

Deno.test("messages that are gone, or go meanwhile, are left out and counted", async () => {
  const folder = new MemoryFolder(
    [1, 2, 3, 4].map((uid) => ({ uid, octets: octets(`Subject: ${uid}\n\n`), lost: uid === 2 })),
  );
  const { view } = folder;
  folder.list.splice(2, 1);
  assertEquals(await answered(folder, { items: ["UID"], view, places: Uint32Array.of(0, 1, 2, 3) }), {
    text: "* 1 FETCH (UID 1)\n* 2 FETCH (UID 2)\n* 4 FETCH (UID 4)\n",
    missing: 1,
    unknownEncoding: false,
  });
  for (const smallUpTo of [0, 1000]) {
    folder.smallUpTo = smallUpTo;
    const { text, missing } = await answered(folder, {
      items: ["UID", "BODY.PEEK[HEADER]"],
      view,
      places: Uint32Array.of(0, 1, 2, 3),
    });
    assertEquals([text.match(/Subject: \d/g), missing], [["Subject: 1", "Subject: 4"], 2]);
  }
  // one goes while an earlier one is sent
  const out = new Collected();
  const flush = () => {
    if (folder.list.length > 1) folder.list.pop();
    return Promise.resolve();
  };
  const sending = { put: out.put.bind(out), write: out.write.bind(out), flushIfMuch: flush };
  const { text, missing } = await answered(folder, {
    items: ["BODY.PEEK[]", "ENVELOPE"],
    view,
    places: Uint32Array.of(0, 1, 3),
    out: sending,
  });
  assertEquals([text, missing], ["", 2]);
  assert(binaryString(out.bytes).startsWith("* 1 FETCH (ENVELOPE"));
});

Deno.test("a large message whose body is gone has no answer at all", async () => {
  const folder = large(MIXED);
  folder.list[0]!.lost = true;
  assertEquals(await answered(folder, { items: ["UID", "BODY.PEEK[]"] }), {
    text: "",
    missing: 1,
    unknownEncoding: false,
  });
});

Deno.test("a store that fails within a literal ends the connection", async () => {
  const folder = large(MIXED);
  const read = folder.read.bind(folder);
  folder.read = async function* (place, from) {
    let pieces = 0;
    for await (const piece of read(place, from)) {
      if (pieces++ > 10) throw new Error("The disk is gone");
      yield piece;
    }
  };
  await assertRejects(() => fetched(folder, { items: ["BODY.PEEK[]"] }), CutLiteral);
  const short = large(MIXED);
  short.read = async function* () {
    yield await Promise.resolve(MIXED);
  };
  await assertRejects(() => fetched(short, { items: ["BODY.PEEK[]"] }), CutLiteral, "instead of");
});

Deno.test("a piece of a large message is read without what stands before it", async () => {
  const folder = new MemoryFolder([new Uint8Array(50_000_000)]);
  folder.pieceSize = 60_000;
  folder.smallUpTo = 0;
  const text = await fetched(folder, { items: ["BODY.PEEK[]<40000000.16384>"] });
  assertEquals(text.length, "* 1 FETCH (BODY[]<40000000> {16384}\n)\n".length + 16384);
  assert(folder.octetsRead < 200_000, `${folder.octetsRead}`);
});

Deno.test("a slow client holds the reading back", async () => {
  const folder = new MemoryFolder([new Uint8Array(3_000_000)]);
  folder.pieceSize = 60_000;
  folder.smallUpTo = 0;
  let [waiting, resume] = [0, () => {}];
  const out = new Collected();
  const slow = {
    put: () => {},
    flushIfMuch: () => {},
    write: (bytes: Uint8Array) => {
      out.put(bytes);
      if (++waiting > 1) return Promise.resolve();
      return new Promise<void>((resolve) => resume = resolve);
    },
  };
  const done = answered(folder, { items: ["BODY.PEEK[]"], out: slow });
  while (waiting === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert(folder.octetsRead <= 180_000, `${folder.octetsRead}`);
  resume();
  await done;
  assertEquals(out.bytes.length, 3_000_000);
});

Deno.test("nobody waits any more: nothing more is read", async () => {
  const folder = new MemoryFolder(Array.from({ length: 500 }, () => MIXED));
  let asked = 0;
  const { text } = await answered(folder, { items: ["BODY.PEEK[]"], isOver: () => ++asked > 5 });
  assert(text.split("FETCH").length < 10);
});

Deno.test("any part of any message is the same, held or streamed", async () => {
  const piece = fc.constantFrom(
    ...[
      "\n",
      "--b\n",
      "--b--\n",
      "--c\n",
      "Content-Type: multipart/mixed; boundary=b\n",
      "Content-Type: message/rfc822\n",
    ],
    ...[
      "Content-Type: multipart/digest; boundary=c\n",
      "Subject: x\n",
      "text\n",
      "\n\n",
      "Content-Transfer-Encoding: base64\n",
      "QUJD\n",
    ],
  );
  const number = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 4 });
  const text = fc.constantFrom(undefined, "HEADER", "TEXT", "MIME", "HEADER.FIELDS", "HEADER.FIELDS.NOT");
  const partial = fc.option(fc.record({ start: fc.nat(60), count: fc.integer({ min: 1, max: 60 }) }), {
    nil: undefined,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 25 }),
      number,
      text,
      partial,
      async (pieces, part, text, partial) => {
        const message = octets(pieces.join(""));
        const section = {
          part,
          ...(text && { text }),
          ...(text?.includes("FIELDS") && { fields: ["Subject"] }),
        };
        const asked: FetchItem[] = [
          {
            item: "BODY[]",
            peek: true,
            section: section as Extract<FetchItem, { item: "BODY[]" }>["section"],
            partial,
          },
          { item: "BINARY[]", peek: true, part, partial },
          { item: "BINARY.SIZE", part },
        ];
        const answers: string[] = [];
        const whole = concat([message, new Uint8Array(140_000)]);
        for (const smallUpTo of [1_000_000, 0]) {
          const folder = new MemoryFolder([whole]);
          Object.assign(folder, { smallUpTo, pieceSize: 3000 });
          const out = new Collected();
          const { view } = folder;
          const ask = {
            folder,
            view,
            places: Uint32Array.of(0),
            items: asked,
            withUid: true,
            uidOnly: false,
            rev2: true,
            out,
          };
          await fetchMessages({ ...ask, isOver: () => false });
          answers.push(binaryString(out.bytes));
        }
        assertEquals(answers[1] === answers[0], true);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("a FETCH gives others their turn by the octets it goes through, not by messages", async () => {
  const header = octets(`${"X-Field: a value\n".repeat(50)}\n`);
  const folder = new MemoryFolder(Array.from({ length: 400 }, () => header));
  const names = Array.from({ length: 6000 }, (_, n) => `X-Name-${n}`).join(" ");
  const turns = async (...texts: string[]) => {
    let [count, isDone] = [0, false];
    const others = (async () => {
      for (; !isDone; count++) await eventTurn();
    })();
    await fetched(folder, { items: texts });
    isDone = true;
    await others;
    return count;
  };
  // 26 MB of names; and 5 MB to be looked through, for one octet of each
  assert(await turns(`BODY.PEEK[HEADER.FIELDS (${names})]`) > 20);
  const many = Array.from({ length: 15 }, (_, n) => `BODY.PEEK[HEADER.FIELDS (X-None-${n})]<0.1>`);
  assert(await turns(...many) > 3);
  // little is done in one go
  assert(await turns("BODY.PEEK[HEADER]") <= 2);
});
