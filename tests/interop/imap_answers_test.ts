/**
 * What is answered about a message, and which messages are found, sorted and threaded how, beside what Dovecot answers
 * about the same octets.
 */

import { assertEquals } from "@std/assert";
import { binaryString, octetsOf } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { Cursor } from "../../src/imap/cursor.ts";
import { fetchMessages } from "../../src/imap/fetch_output.ts";
import { parseItem } from "../../src/imap/fetch_parser.ts";
import { searchMessages } from "../../src/imap/search.ts";
import { parseSearch, parseSort } from "../../src/imap/search_parser.ts";
import { sortMessages } from "../../src/imap/sort.ts";
import { threadMessages } from "../../src/imap/thread.ts";
import { Collected, MemoryFolder } from "../imap/memory_folder.ts";
import { STRUCTURE_CASES } from "../mail/structure_cases.ts";
import { dovecotAnswers, fetchAnswers, FIRST_DATE } from "./support/dovecot_answers.ts";
import { testIf } from "./support/post_office.ts";

const NEEDED = ["dovecot", "setpriv", "/usr/lib/dovecot/imap"];

/** Where it answers otherwise, in words: `structure_cases.ts` says why ours is right. */
const OTHERWISE: Readonly<Record<"structure" | "parts", ReadonlySet<string>>> = {
  structure: new Set(
    ("group_empty_name null_from comment_name obsolete_dots name_only ewords two_froms folded semicolons broken_angle type_bad type_text " +
      "type_slash unquoted_name rfc2231 rfc2231_single rfc2231_gap encoding_comment multi multi_header_only multi_empty multi_none " +
      "multi_close_first no_blank_before_parts digest rfc822_no_blank global nul").split(" "),
  ),
  parts: new Set(
    ("global multi_blank multi_close_first multi_empty multi_header_only multi_none multi_prefix multi_same no_blank_before_parts nul " +
      "rfc822_empty rfc822_no_blank").split(" "),
  ),
};

function mailbox(messages: readonly Uint8Array[]) {
  const folder = new MemoryFolder(messages);
  folder.list.forEach((message, i) => message.internalDate = (FIRST_DATE + i) * 1000);
  const { view } = folder;
  const places = Uint32Array.from(messages, (_, i) => i);
  return { folder, view, places, clock: systemClock, isOver: () => false };
}

async function ourAnswers(messages: readonly Uint8Array[], item: string): Promise<Map<number, string>> {
  const out = new Collected();
  const items = [parseItem(new Cursor(octetsOf(item)))];
  await fetchMessages({ ...mailbox(messages), items, withUid: false, uidOnly: false, rev2: true, out });
  return fetchAnswers(binaryString(out.bytes));
}

testIf(
  NEEDED,
  "messages that are written badly have the structure that Dovecot gives them, but where ours is better",
  async () => {
    const names = Object.keys(STRUCTURE_CASES);
    const messages = names.map((name) => octetsOf(STRUCTURE_CASES[name]!.message.replaceAll("\n", "\r\n")));
    const differ = new Set<string>();
    for (const item of ["ENVELOPE", "BODYSTRUCTURE", "BODY"]) {
      const [said] = await dovecotAnswers(messages, [`FETCH 1:* (${item})`]);
      const [theirs, ours] = [fetchAnswers(said!), await ourAnswers(messages, item)];
      for (const [i, name] of names.entries()) if (theirs.get(i + 1) !== ours.get(i + 1)) differ.add(name);
    }
    assertEquals([...differ].sort(), [...OTHERWISE.structure].sort());
  },
);

const SECTIONS = [
  ...[
    "BODY.PEEK[]",
    "BODY.PEEK[HEADER]",
    "BODY.PEEK[TEXT]",
    "BODY.PEEK[1]",
    "BODY.PEEK[2]",
    "BODY.PEEK[1.2]",
    "BODY.PEEK[1.MIME]",
  ],
  ...[
    "BODY.PEEK[2.MIME]",
    "BODY.PEEK[1.HEADER]",
    "BODY.PEEK[1.TEXT]",
    "BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)]",
  ],
  ...[
    "BODY.PEEK[]<3.10>",
    "BODY.PEEK[TEXT]<0.4>",
    "BODY.PEEK[]<9999.5>",
    "RFC822.HEADER",
    "RFC822.SIZE",
  ],
];

testIf(
  NEEDED,
  "parts of messages are the octets that Dovecot gives, but where it sees other parts",
  async () => {
    const names = Object.keys(STRUCTURE_CASES);
    const messages = names.map((name) => octetsOf(STRUCTURE_CASES[name]!.message.replaceAll("\n", "\r\n")));
    const differ = new Set<string>();
    for (const section of SECTIONS) {
      const [said] = await dovecotAnswers(messages, [`FETCH 1:* (${section})`]);
      const [theirs, ours] = [fetchAnswers(said!), await ourAnswers(messages, section)];
      // it answers what is not there by an empty text
      const plain = (answer: string | undefined) => answer?.replace(/ NIL$/, ' ""');
      for (const [i, name] of names.entries()) {
        if (plain(ours.get(i + 1)) !== plain(theirs.get(i + 1))) differ.add(name);
      }
    }
    assertEquals([...differ].sort(), [...OTHERWISE.parts].sort());
  },
);

/** The same messages each time. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}

function letters(seed: number): Uint8Array[] {
  const below = random(seed);
  const pick = (of: readonly string[]) => of[below(of.length)]!;
  return Array.from({ length: 4 + below(14) }, () => {
    const fields = [
      `Date: ${1 + below(9)} Nov 2026 0${below(10)}:00:0${below(10)} ${pick(["+0000", "+0900", "-0500"])}`,
      `Subject: ${pick(["", "Re: ", "Fwd: ", "[l] ", "Re: [l] "])}${pick(["a", "b", "c", ""])}${
        pick(["", "", " (fwd)"])
      }`,
      `Message-ID: <${below(10)}@x>`,
      `References: ${Array.from({ length: below(4) }, () => `<${below(14)}@x>`).join(" ")}`,
      `In-Reply-To: <${below(10)}@x>`,
      `From: ${
        pick([
          "Zoe <a@x.example>",
          "b@x.example",
          "=?utf-8?Q?=C3=84nne?= <C@y.example>",
          '"Bob B" <d@z.example>',
        ])
      }`,
      `To: ${
        pick(["Zoe <a@x.example>, q@x", "b@x.example", "Ann <C@y.example>", "undisclosed-recipients:;"])
      }`,
      `Cc: ${pick(["Zoe <a@x.example>", "b@x.example"])}`,
    ].filter((_, i) => i === 0 || below(6) > 0);
    const text = pick(["hello world", "Hello\r\nWorld", "x".repeat(below(50)), "Lunch  tomorrow"]);
    return octetsOf(`${fields.join("\r\n")}\r\n\r\n${text}\r\n`);
  });
}

const PROGRAMS = [
  ...[
    "SUBJECT a",
    "SUBJECT re:",
    "FROM zoe",
    "FROM x.example",
    'FROM "\xc3\xa4nne"',
    "TO q@x",
    "CC b@",
    "HEADER Message-ID 1@x",
  ],
  ...[
    'HEADER Cc ""',
    'HEADER In-Reply-To ""',
    "BODY world",
    "TEXT hello",
    "TEXT subject",
    "BODY subject",
    "SENTON 3-Nov-2026",
  ],
  ...[
    "SENTSINCE 3-Nov-2026",
    "SENTBEFORE 3-Nov-2026",
    "OR FROM zoe SUBJECT a",
    "NOT FROM zoe",
    "SMALLER 200",
    "LARGER 200",
  ],
  ...[
    "(OR (FROM b SUBJECT b) NOT TO zoe) LARGER 100",
    'SUBJECT ""',
    "ON 14-Nov-2023",
    "SINCE 14-Nov-2023",
    "BEFORE 14-Nov-2023",
  ],
  ...[
    'HEADER References "1@x"',
    "1:3",
    "UID 2:*",
    "NOT 1:3",
    "SEEN",
    "UNSEEN",
    "OLDER 1",
    "YOUNGER 60",
  ],
];
const SORTS = [
  ...["DATE", "SUBJECT DATE", "FROM", "TO", "CC", "SIZE", "ARRIVAL", "DISPLAYFROM", "DISPLAYTO"],
  ...["REVERSE SUBJECT SIZE", "REVERSE FROM REVERSE DATE"],
];

testIf(NEEDED, "what is searched, sorted and threaded is what Dovecot finds, in its order", async () => {
  for (const seed of [1, 2, 3]) {
    const messages = letters(seed);
    const box = mailbox(messages);
    const numbers = (places: Uint32Array) => Array.from(places, (place) => ` ${place + 1}`).join("");
    const asked: [command: string, ours: string][] = [];
    for (const program of PROGRAMS) {
      const { keys } = parseSearch(new Cursor(octetsOf(` CHARSET UTF-8 ${program}`)), false);
      const { places } = await searchMessages({ ...box, keys, now: Date.now(), recent: () => false });
      asked.push([`SEARCH CHARSET UTF-8 ${program}`, `* SEARCH${numbers(places)}`]);
    }
    for (const by of SORTS) {
      const parsed = parseSort(new Cursor(octetsOf(` (${by}) UTF-8 ALL`)), false);
      asked.push([
        `SORT (${by}) UTF-8 ALL`,
        `* SORT${numbers(await sortMessages({ ...box, by: parsed.by }))}`,
      ]);
    }
    for (const algorithm of ["REFERENCES", "ORDEREDSUBJECT"] as const) {
      const threads = await threadMessages({ ...box, algorithm, number: (place) => place + 1 });
      asked.push([`THREAD ${algorithm} UTF-8 ALL`, `* THREAD ${threads}`]);
    }
    const said = await dovecotAnswers(messages, asked.map(([command]) => command));
    for (const [i, [command, ours]] of asked.entries()) {
      assertEquals(ours, said[i]!.trimEnd(), `${command}, seed ${seed}`);
    }
  }
});
