import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { concat, encode, octetsOf } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { Cursor } from "../../src/imap/cursor.ts";
import { SearchTexts } from "../../src/imap/folder_texts.ts";
import type { SearchKey } from "../../src/imap/request.ts";
import { type Searching, searchMessages } from "../../src/imap/search.ts";
import { parseSearch } from "../../src/imap/search_parser.ts";
import { ANSWERED, DELETED, DRAFT, FLAGGED, SEEN } from "../../src/mailbox/flags.ts";
import { MemoryFolder } from "./memory_folder.ts";

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 30, 12);

function octets(text: string): Uint8Array {
  return encode(text.replaceAll("\n", "\r\n"));
}

const MESSAGES: readonly string[] = [
  "From: Jürgen <j@x.example>\nTo: brain@howstuffworks.com\nSubject: Lunch\n  tomorrow\nDate: 28 Nov 2026 23:30:00 -0900\nX-Odd : yes\n\nHello World,\nthe  quick brown fox\n",
  "From: =?utf-8?Q?J=C3=BCrgen?= <J@Y.example>\nCc: Ann <ann@x.example>\nSubject: =?iso-8859-1?Q?Gr=FC=DFe?= =?utf-8?Q?_an_alle?=\nDate: 30 Nov 2026 01:00:00 +0900\n" +
  "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nSch=F6ne Gr=FC=\n=DFe\n",
  "From: list@z.example\nBcc: hidden@x.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html; charset=utf-8\n\n<style>p {color: red}</style><p>Caf&eacute; &#8364;5</p><p>b<b>ol</b>d</p><!-- secret -->\n" +
  "--b\nContent-Type: application/pdf; name=invoice.pdf\nContent-Transfer-Encoding: base64\n\nSGVsbG8gV29ybGQ=\n--b\nContent-Type: message/rfc822\n\nSubject: forwarded\nFrom: nobody@q.example\n\ninner words\n--b--\n",
  "Subject: \n\n",
  "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nSGVsbG8KV29ybGQgw6lsw6h2ZQ==\n",
];

function folder(): MemoryFolder {
  const made = new MemoryFolder(MESSAGES.map((text, i) => ({ uid: 10 + 2 * i, octets: octets(text) })));
  const flags = [0, SEEN, SEEN | FLAGGED, SEEN | ANSWERED | DELETED, DRAFT];
  for (const [i, message] of made.list.entries()) {
    Object.assign(message, {
      flags: flags[i]!,
      modseq: 100 + i,
      internalDate: NOW - (4 - i) * DAY,
      savedDate: NOW - i * DAY,
    });
  }
  made.keywords = ["$Forwarded", "", "Work", ...Array.from({ length: 40 }, (_, i) => `k${i}`)];
  Object.assign(made.list[0]!, { keywordsLow: 1 });
  Object.assign(made.list[1]!, { keywordsLow: 4, keywordsHigh: 1 << 9 });
  return made;
}

const PROGRAMS: readonly (readonly [program: string, numbers: readonly number[]])[] = [
  ["ALL", [1, 2, 3, 4, 5]],
  ["SEEN", [2, 3, 4]],
  ["UNSEEN", [1, 5]],
  ["FLAGGED", [3]],
  ["ANSWERED DELETED", [4]],
  ["UNDRAFT UNDELETED UNANSWERED UNFLAGGED", [1, 2]],
  ["RECENT", [4, 5]],
  ["NEW", [5]],
  ["OLD", [1, 2, 3]],
  ["KEYWORD $forwarded", [1]],
  ["KEYWORD work", [2]],
  ["KEYWORD k38", [2]],
  ["UNKEYWORD Work", [1, 3, 4, 5]],
  ["KEYWORD unknown", []],
  ["UNKEYWORD unknown", [1, 2, 3, 4, 5]],
  ["BEFORE 28-Nov-2026", [1, 2]],
  ["ON 28-Nov-2026", [3]],
  ["SINCE 28-Nov-2026", [3, 4, 5]],
  ["SENTON 28-Nov-2026", [1]],
  ["SENTON 30-Nov-2026", [2]],
  ["SENTBEFORE 30-Nov-2026", [1]],
  ["SENTSINCE 28-Nov-2026", [1, 2]],
  ["SAVEDON 30-Nov-2026", [1]],
  ["SAVEDBEFORE 28-Nov-2026", [4, 5]],
  ["SAVEDSINCE 29-Nov-2026", [1, 2]],
  ["SAVEDATESUPPORTED", [1, 2, 3, 4, 5]],
  ["OLDER 259200", [1, 2]],
  ["YOUNGER 259200", [2, 3, 4, 5]],
  ["LARGER 300", [3]],
  ["SMALLER 20", [4]],
  ["MODSEQ 103", [4, 5]],
  ['MODSEQ "/flags/\\\\Seen" all 104', [5]],
  ["EMAILID M14", [3]],
  ["THREADID x", []],
  ["2:3,5", [2, 3, 5]],
  ["4:*", [4, 5]],
  ["99", []],
  ["7:*", [5]],
  ["UID 12:15", [2, 3]],
  ["UID 17:*", [5]],
  ["SUBJECT lunch", [1]],
  ['SUBJECT "lunch tomorrow"', [1]],
  ["SUBJECT subject", []],
  ['SUBJECT "grüße AN"', [2]],
  ['SUBJECT ""', [1, 2, 4]],
  ["FROM JÜRGEN", [1, 2]],
  ["FROM y.example", [2]],
  ["TO brain", [1]],
  ["CC ann", [2]],
  ["BCC hidden", [3]],
  ["HEADER x-odd YES", [1]],
  ['HEADER X-Odd ""', [1]],
  ['HEADER Odd ""', []],
  ['HEADER Date ""', [1, 2]],
  ['BODY "hello world"', [1, 5]],
  ['BODY "THE QUICK"', [1]],
  ["BODY grüße", [2]],
  ["BODY élève", [5]],
  ["BODY bold", [3]],
  ["BODY café", [3]],
  ["BODY €5", [3]],
  ["BODY secret", []],
  ["BODY color", []],
  ["BODY invoice.pdf", [3]],
  ["BODY SGVsbG8", []],
  ["BODY inner", [3]],
  ["BODY forwarded", [3]],
  ["BODY lunch", []],
  ['BODY ""', [1, 2, 3, 4, 5]],
  ["TEXT lunch", [1]],
  ["TEXT x-odd", [1]],
  ["TEXT inner", [3]],
  ["NOT SEEN", [1, 5]],
  ["NOT BODY world", [2, 3, 4]],
  ["OR SUBJECT lunch BODY bold", [1, 3]],
  ["OR (SEEN FLAGGED) (UNSEEN BODY fox)", [1, 3]],
  ["NOT (OR FROM jürgen NOT SEEN)", [3, 4]],
  ["SEEN NOT FLAGGED TEXT jürgen", [2]],
];

async function numbers(
  in_: MemoryFolder,
  keys: readonly SearchKey[],
  more: Partial<Searching> = {},
): Promise<number[]> {
  const { view } = in_;
  const { places } = await searchMessages({
    folder: in_,
    view,
    keys,
    now: NOW,
    clock: systemClock,
    recent: (uid) => uid >= 16,
    isOver: () => false,
    ...more,
  });
  return Array.from(places, (place) => place + 1);
}

function program(text: string): readonly SearchKey[] {
  return parseSearch(new Cursor(encode(` CHARSET UTF-8 ${text}`)), false).keys;
}

Deno.test("each search key finds what it is to find, whether texts are kept or not", async () => {
  const of = new SearchTexts();
  const texts = { of, address: "brain", mailboxId: "F1" };
  for (const [text, expected] of PROGRAMS) {
    const keys = program(text);
    assertEquals(await numbers(folder(), keys), expected, text);
    // the second time from memory
    for (let i = 0; i < 2; i++) assertEquals(await numbers(folder(), keys, { texts }), expected, text);
  }
});

Deno.test("large messages are searched too, and nothing but their texts is read", async () => {
  const attachment = `--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n${
    "QUJD".repeat(500_000)
  }\r\n--b--\r\n`;
  const text =
    `Subject: big\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nneedle in it\r\n${attachment}`;
  const made = new MemoryFolder([octetsOf(text)]);
  made.pieceSize = 60_000;
  assertEquals(await numbers(made, program("BODY needle")), [1]);
  assert(made.octetsRead < 200_000, `${made.octetsRead}`);
  assertEquals(await numbers(made, program("BODY QUJDQUJD")), []);
  assertEquals(await numbers(made, program("SUBJECT big TEXT needle")), [1]);
  const long = new MemoryFolder([
    concat([octets("Subject: x\n\n"), new Uint8Array(300_000).fill(97), octets(" the end\n")]),
  ]);
  const texts = { of: new SearchTexts(), address: "brain", mailboxId: "F1" };
  for (let i = 0; i < 2; i++) assertEquals(await numbers(long, program('BODY "a the end"'), { texts }), [1]);
});

Deno.test("what came and went since texts were kept is seen", async () => {
  const texts = { of: new SearchTexts(), address: "brain", mailboxId: "F1" };
  const made = folder();
  assertEquals(await numbers(made, program('BODY "hello world"'), { texts }), [1, 5]);
  const { view } = made;
  made.list.splice(0, 1);
  assertEquals(await numbers(made, program('BODY "hello world"'), { texts, view }), [5]);
  assertEquals(await numbers(made, program('NOT BODY "hello world"'), { texts, view }), [2, 3, 4]);
  made.list.push({ uid: 30, octets: octets("\nhello world") });
  assertEquals(await numbers(made, program('BODY "hello world"'), { texts, view }), [5]);
  assertEquals(await numbers(made, program('BODY "hello world"'), { texts }), [4, 5]);
});

Deno.test("a message without its body is found by what is known of it, and by nothing else", async () => {
  const made = folder();
  made.list[0]!.lost = true;
  made.smallUpTo = 0;
  assertEquals(await numbers(made, program("BODY world")), [5]);
  assertEquals(await numbers(made, program("UNSEEN")), [1, 5]);
});

Deno.test("the highest mod-sequence of what was found is told", async () => {
  const made = folder();
  const ask = {
    folder: made,
    view: made.view,
    now: NOW,
    clock: systemClock,
    recent: () => false,
    isOver: () => false,
  };
  assertEquals((await searchMessages({ ...ask, keys: program("SEEN MODSEQ 1") })).modseq, 103);
  assertEquals((await searchMessages({ ...ask, keys: program("BODY nothing") })).modseq, 0);
});

Deno.test("progress is told, and an end of waiting ends the reading", async () => {
  const made = new MemoryFolder(Array.from({ length: 450 }, (_, i) => octets(`Subject: ${i}\n\ntext\n`)));
  const told: string[] = [];
  await numbers(made, program("BODY text"), { onProgress: (done, all) => told.push(`${done}/${all}`) });
  assertEquals(told, ["100/450", "200/450", "300/450", "400/450", "450/450"]);
  told.length = 0;
  let asked = 0;
  await numbers(made, program("BODY text"), {
    onProgress: (done) => told.push(`${done}`),
    isOver: () => ++asked > 2,
  });
  assertEquals(told, ["100", "200"]);
});

Deno.test("a store that fails fails the search", async () => {
  const made = folder();
  made.smallTexts = async function* () {
    await Promise.resolve();
    yield undefined;
    throw new Error("The disk is gone");
  };
  await assertRejects(() => numbers(made, program("BODY x")), Error, "The disk is gone");
});

Deno.test("what is kept stays within bounds", async () => {
  const of = new SearchTexts(60_000);
  for (let account = 0; account < 20; account++) {
    const made = new MemoryFolder(
      Array.from({ length: 50 }, (_, i) => octets(`Subject: ${i}\n\n${"word ".repeat(100)}${i}.\n`)),
    );
    const texts = { of, address: `${account}`, mailboxId: "F1" };
    for (let i = 0; i < 2; i++) assertEquals(await numbers(made, program('BODY " 7."'), { texts }), [8]);
  }
  let kept = 0;
  for (let account = 0; account < 20; account++) kept += of.use(`${account}`, "F1").octets;
  assert(kept < 200_000, `${kept}`);
});

/** What a program means, message by message. */
function means(key: SearchKey, leaf: (key: SearchKey) => boolean): boolean {
  switch (key.key) {
    case "and":
      return key.all.every((one) => means(one, leaf));
    case "or":
      return key.either.some((one) => means(one, leaf));
    case "not":
      return !means(key.not, leaf);
    default:
      return leaf(key);
  }
}

Deno.test("any program means what its keys mean", async () => {
  const made = folder();
  const leaves: SearchKey[] = PROGRAMS.flatMap(([text]) => program(text)).filter(({ key }) =>
    !["and", "or", "not"].includes(key)
  );
  const answers = new Map<SearchKey, number[]>();
  for (const key of leaves) answers.set(key, await numbers(made, [key]));
  const texts = { of: new SearchTexts(), address: "brain", mailboxId: "F1" };
  const { key } = fc.letrec<{ key: SearchKey }>((tie) => ({
    key: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.constantFrom(...leaves),
      tie("key").map((not): SearchKey => ({ key: "not", not })),
      fc.tuple(tie("key"), tie("key")).map((either): SearchKey => ({ key: "or", either })),
      fc.array(tie("key"), { minLength: 1, maxLength: 4 }).map((all): SearchKey => ({ key: "and", all })),
    ),
  }));
  await fc.assert(
    fc.asyncProperty(fc.array(key, { minLength: 1, maxLength: 3 }), async (keys) => {
      const expected = [1, 2, 3, 4, 5].filter((n) =>
        keys.every((one) => means(one, (leaf) => answers.get(leaf)!.includes(n)))
      );
      assertEquals(await numbers(made, keys, { texts }), expected);
    }),
    { numRuns: 300 },
  );
});
