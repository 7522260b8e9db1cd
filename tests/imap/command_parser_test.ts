import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { binaryString, octetsOf } from "../../src/base/bytes.ts";
import { parseAppendMessage } from "../../src/imap/append_parser.ts";
import type { State } from "../../src/imap/command.ts";
import { parseCommand } from "../../src/imap/command_parser.ts";
import { Cursor, literalAtEnd } from "../../src/imap/cursor.ts";
import { LAST } from "../../src/imap/sequence_set.ts";

/** What a command takes, as the parser understood it. */
function args(text: string, state: State = "selected"): unknown {
  const parsed = parseCommand(octetsOf(text), state);
  assert(parsed.ok, parsed.ok ? "" : parsed.text);
  return parsed.command.args;
}

/** The answer to a command that is refused. */
function refusal(text: string, state: State = "selected"): string {
  const parsed = parseCommand(octetsOf(text), state);
  assert(!parsed.ok, "It was understood");
  const code = parsed.code === undefined ? "" : ` [${parsed.code}]`;
  return `${parsed.tag} ${parsed.kind}${code} ${parsed.text}`;
}

Deno.test("command: tags and verbs in any case, dots and dashes", () => {
  for (const tag of ["a1", "0.0", "IDLE", "x-y_z", "]", "A'b"]) {
    const parsed = parseCommand(octetsOf(`${tag} nOOp`), "notAuthenticated");
    assert(parsed.ok);
    assertEquals([parsed.command.tag, parsed.command.verb], [tag, "NOOP"]);
  }
  const parsed = parseCommand(octetsOf("3 uid store 3 +Flags (\\Seen)"), "selected");
  assert(parsed.ok && parsed.command.uid);
  assertEquals(parsed.command.args, {
    set: [{ first: 3, last: 3 }],
    mode: "add",
    silent: false,
    flags: ["\\Seen"],
  });
});

Deno.test("command: BAD says what should stand where", () => {
  const before = "notAuthenticated";
  assertEquals(refusal("", before), "* BAD Expected a tag at octet 1, the end of the command");
  assertEquals(refusal("a", before), "a BAD Expected a blank at octet 2, the end of the command");
  assertEquals(refusal("+ NOOP", before), '* BAD Expected a tag at octet 1, before "+ NOOP"');
  assertEquals(refusal("a XYZ", before), 'a BAD Expected a command at octet 3, before "XYZ"');
  assertEquals(refusal("a NOOP x", before), 'a BAD Expected the end of the command at octet 8, before "x"');
  assertEquals(refusal("a SELECT INBOX", before), "a BAD Log in first");
  assertEquals(refusal("a FETCH 1 FLAGS", "authenticated"), "a BAD Select a mailbox first");
  assertEquals(refusal("a LOGIN x y"), "a BAD LOGIN is for before the login only");
  assertEquals(
    refusal("a UID NOOP"),
    'a BAD Expected a command that UID may stand before at octet 3, before "UID NOOP"',
  );
  assertEquals(refusal("a FETCH 0 FLAGS"), `a BAD Expected a message's number at octet 9, before "0 FLAGS"`);
  assertEquals(
    refusal("a FETCH 1 (FLAGS WORDS)"),
    'a BAD Expected an item of FETCH at octet 18, before "WORDS)"',
  );
  assertEquals(
    refusal("a FETCH 4294967296 FLAGS"),
    `a BAD Expected a message's number of at most 32 bits at octet 9, before "4294967296 FLAGS"`,
  );
  assertEquals(refusal("a SELECT \x01\x7f"), 'a BAD Expected a string at octet 10, before "??"');
  assertEquals(
    refusal('a SELECT "x'),
    "a BAD Expected the quotation mark that ends the text at octet 12, the end of the command",
  );
  assertEquals(
    refusal("a SELECT {3+}\r\nxy"),
    'a BAD Expected a whole literal at octet 10, before "{3+}??xy"',
  );
  assertEquals(refusal('a SELECT "\xff"'), 'a BAD Expected UTF-8 at octet 10, before ""?""');
});

Deno.test("command: strings quoted, bare and as literals", () => {
  const expected = { name: 'br"ain', password: "na\\rf" };
  assertEquals(args('a LOGIN "br\\"ain" "na\\\\rf"', "notAuthenticated"), expected);
  assertEquals(args('a LOGIN {6}\r\nbr"ain {5+}\r\nna\\rf', "notAuthenticated"), expected);
  assertEquals(args("a LOGIN x {2+}\r\n\xff\xfe", "notAuthenticated"), { name: "x", password: undefined });
  assertEquals(args("a SELECT {5}\r\ninbox"), { mailbox: "INBOX", condstore: false });
  assertEquals(args('a SELECT "Gr\xc3\xbc\xc3\x9fe"'), { mailbox: "Grüße", condstore: false });
  assertEquals(args("a SELECT Gr\xc3\xbc\xc3\x9fe]"), { mailbox: "Grüße]", condstore: false });
});

Deno.test("command: SELECT with what a client knows", () => {
  assertEquals(args("a SELECT x (CONDSTORE)"), { mailbox: "x", condstore: true });
  assertEquals(args("a select x (qresync (67890007 20050715194045000 41,43:211,214:541 (1,2 3,4)))"), {
    mailbox: "x",
    condstore: false,
    qresync: {
      uidValidity: 67890007,
      modseq: 20050715194045000,
      known: [{ first: 41, last: 41 }, { first: 43, last: 211 }, { first: 214, last: 541 }],
      matched: {
        numbers: [{ first: 1, last: 1 }, { first: 2, last: 2 }],
        uids: [{ first: 3, last: 3 }, { first: 4, last: 4 }],
      },
    },
  });
  assertEquals(args("a SELECT x (QRESYNC (1 2))"), {
    mailbox: "x",
    condstore: false,
    qresync: { uidValidity: 1, modseq: 2 },
  });
  assertEquals(args("a SELECT x (QRESYNC (1 9223372036854775807 (1 1)))"), {
    mailbox: "x",
    condstore: false,
    qresync: {
      uidValidity: 1,
      modseq: 2 ** 63,
      matched: { numbers: [{ first: 1, last: 1 }], uids: [{ first: 1, last: 1 }] },
    },
  });
  assert(refusal("a SELECT x (QRESYNC (1))").startsWith("a BAD Expected a blank"));
});

Deno.test("command: FETCH", () => {
  const set = [{ first: 1, last: LAST }];
  assertEquals(args("a UID FETCH 1:* (UID body.peek[header.fields (From to)]<0.2048>)"), {
    uid: true,
    set,
    items: [{ item: "UID" }, {
      item: "BODY[]",
      peek: true,
      section: { part: [], text: "HEADER.FIELDS", fields: ["From", "to"] },
      partial: { start: 0, count: 2048 },
    }],
  });
  assertEquals(args("a FETCH 1:* FAST"), {
    uid: false,
    set,
    items: [{ item: "FLAGS" }, { item: "INTERNALDATE" }, { item: "RFC822.SIZE" }],
  });
  assertEquals(args("a FETCH $ BODY[1.2.MIME]"), {
    uid: false,
    set: "$",
    items: [{ item: "BODY[]", peek: false, section: { part: [1, 2], text: "MIME" } }],
  });
  assertEquals(args("a FETCH 1:* (PREVIEW (LAZY) PREVIEW BINARY.PEEK[1]<3.4> BINARY.SIZE[2.1] BODY[])"), {
    uid: false,
    set,
    items: [
      { item: "PREVIEW", lazy: true },
      { item: "PREVIEW", lazy: false },
      { item: "BINARY[]", peek: true, part: [1], partial: { start: 3, count: 4 } },
      { item: "BINARY.SIZE", part: [2, 1] },
      { item: "BODY[]", peek: false, section: { part: [] } },
    ],
  });
  assertEquals(args("a UID FETCH 1:* FLAGS (CHANGEDSINCE 12 VANISHED)"), {
    uid: true,
    set,
    items: [{ item: "FLAGS" }],
    changedSince: 12,
    vanished: true,
  });
  assertEquals(args("a UID FETCH 1:* FLAGS (PARTIAL -1:-30)"), {
    uid: true,
    set,
    items: [{ item: "FLAGS" }],
    partial: { from: -1, to: -30 },
  });
  for (
    const wrong of [
      "BODY[MIME]",
      "BODY[1.]",
      "BODY[HEADER.FIELDS ()]",
      "BODY[]<0>",
      "BODY[]<0.0>",
      "BINARY[1.]",
      "(FAST)",
      "()",
    ]
  ) {
    assert(refusal(`a FETCH 1 ${wrong}`).startsWith("a BAD Expected"), wrong);
  }
});

Deno.test("command: SEARCH", () => {
  assertEquals(args('a UID SEARCH CHARSET UTF-8 (SUBJECT "Gr\xc3\xbc\xc3\x9fe")'), {
    uid: true,
    keys: [{ key: "text", in: "subject", text: "Grüße" }],
    hasModseq: false,
  });
  assertEquals(args("a SEARCH RETURN (SAVE COUNT) 1:5 NOT OR DELETED UID 7:* since 1-Feb-1994"), {
    uid: false,
    returns: { save: true, count: true },
    keys: [
      { key: "set", uid: false, set: [{ first: 1, last: 5 }] },
      {
        key: "not",
        not: {
          key: "or",
          either: [{ key: "flag", flag: 8, has: true }, {
            key: "set",
            uid: true,
            set: [{ first: 7, last: LAST }],
          }],
        },
      },
      { key: "date", of: "internal", is: "since", day: Date.UTC(1994, 1, 1) / 86_400_000 },
    ],
    hasModseq: false,
  });
  assertEquals(args("a SEARCH RETURN () ALL"), {
    uid: false,
    returns: { all: true },
    keys: [{ key: "all" }],
    hasModseq: false,
  });
  assertEquals(args('a SEARCH MODSEQ "/flags/\\\\draft" all 620162338'), {
    uid: false,
    keys: [{ key: "modseq", modseq: 620162338 }],
    hasModseq: true,
  });
  assertEquals(args("a SORT (REVERSE DATE SUBJECT) UTF-8 UNSEEN"), {
    uid: false,
    by: [{ by: "DATE", reverse: true }, { by: "SUBJECT", reverse: false }],
    keys: [{ key: "flag", flag: 1, has: false }],
    hasModseq: false,
  });
  assertEquals(args("a UID THREAD REFERENCES UTF-8 ALL"), {
    uid: true,
    algorithm: "REFERENCES",
    keys: [{ key: "all" }],
    hasModseq: false,
  });
  assertEquals(
    refusal("a SEARCH CHARSET KOI8-R ALL"),
    "a NO [BADCHARSET (US-ASCII UTF-8)] There is no charset KOI8-R here",
  );
  assertEquals(
    refusal('a SEARCH SUBJECT "\xff"'),
    "a NO [BADCHARSET (US-ASCII UTF-8)] The text to search for is not in the charset",
  );
  assertEquals(
    refusal("a SEARCH BEFORE 30-Feb-2026"),
    'a BAD Expected a date such as 1-Feb-1994 at octet 17, before "30-Feb-2026"',
  );
});

Deno.test("command: what is nested too deeply is refused, not followed", () => {
  assert(
    refusal(`a SEARCH ${"(".repeat(60)}ALL${")".repeat(60)}`).startsWith(
      "a BAD [LIMIT] Nested more than 50 deep",
    ),
  );
  assert(refusal(`a SEARCH ${"NOT ".repeat(60)}ALL`).startsWith("a BAD [LIMIT]"));
  assert(
    refusal(`a SEARCH ${"ALL ".repeat(2100)}ALL`).startsWith("a BAD [LIMIT] More than 2000 search keys"),
  );
  args(`a SEARCH ${"(".repeat(40)}ALL${")".repeat(40)}`);
});

Deno.test("command: a criterion of SORT counts once", () => {
  const { by } = args("a SORT (SUBJECT REVERSE SUBJECT DATE SUBJECT) UTF-8 ALL") as { by?: unknown };
  assertEquals(by, [{ by: "SUBJECT", reverse: false }, { by: "DATE", reverse: false }]);
});

Deno.test("command: FETCH takes no more items than anybody needs", () => {
  assert(
    refusal(`a FETCH 1 (${"BODY.PEEK[] ".repeat(200)}UID)`).startsWith("a BAD [LIMIT] More than 200 items"),
  );
  args(`a FETCH 1 (${"BODY.PEEK[] ".repeat(199)}UID)`);
  const notify = (items: string) => `a NOTIFY SET (SELECTED (MessageNew (${items}) MessageExpunge))`;
  assert(refusal(notify(`${"BODY.PEEK[] ".repeat(200)}UID`)).startsWith("a BAD [LIMIT] More than 200 items"));
  args(notify("UID BODY.PEEK[]"));
});

Deno.test("command: LIST", () => {
  assertEquals(args('a list (subscribed) "" "*" return (special-use)'), {
    select: { subscribed: true },
    reference: "",
    patterns: ["*"],
    returns: { specialUse: true },
    extended: true,
  });
  assertEquals(args('a LIST "" %/*'), {
    select: {},
    reference: "",
    patterns: ["%/*"],
    returns: {},
    extended: false,
  });
  assertEquals(args('a LIST () "" (INBOX "Dr%") RETURN (STATUS (MESSAGES unseen) CHILDREN)'), {
    select: {},
    reference: "",
    patterns: ["INBOX", "Dr%"],
    returns: { status: ["MESSAGES", "UNSEEN"], children: true },
    extended: true,
  });
  assert(refusal('a LIST (RECURSIVEMATCH) "" *').includes("beside RECURSIVEMATCH"));
});

Deno.test("command: NOTIFY", () => {
  const parsed = args(
    "a NOTIFY SET STATUS (selected (MessageNew (UID BODY.PEEK[TEXT]) MessageExpunge FlagChange)) " +
      '(subtree ("Lists" x) (MailboxName)) (personal NONE)',
  ) as { status: boolean; groups: { filter: unknown; events: Set<string> }[] };
  assertEquals(parsed.status, true);
  assertEquals(parsed.groups.map(({ filter, events }) => ({ filter, events: [...events] })), [
    { filter: { of: "selected" }, events: ["MESSAGENEW", "MESSAGEEXPUNGE", "FLAGCHANGE"] },
    { filter: { of: "subtree", mailboxes: ["Lists", "x"] }, events: ["MAILBOXNAME"] },
    { filter: { of: "personal" }, events: [] },
  ]);
  assert(refusal("a NOTIFY SET (selected (MessageNew))").includes("together"));
});

Deno.test("command: ID, ENABLE, CREATE, AUTHENTICATE", () => {
  assertEquals([...args('a ID ("Name" "x" "version" NIL)') as Map<string, string>], [["name", "x"], [
    "version",
    "",
  ]]);
  assertEquals([...args("a ID NIL") as Map<string, string>], []);
  assertEquals([...args("a ID ()") as Map<string, string>], []);
  assertEquals(args("a enable condstore UTF8=Accept"), { names: ["CONDSTORE", "UTF8=ACCEPT"] });
  assertEquals(args("a CREATE x (USE (\\Sent))"), { mailbox: "x", use: ["\\Sent"] });
  assertEquals(args("a AUTHENTICATE PLAIN =", "notAuthenticated"), { mechanism: "PLAIN", initial: "=" });
  assertEquals(args("a AUTHENTICATE PLAIN", "notAuthenticated"), { mechanism: "PLAIN" });
});

Deno.test("command: what stands before a message of APPEND", () => {
  const parse = (text: string) =>
    parseAppendMessage(new Cursor(octetsOf(`${text}\r\n`)), literalAtEnd(octetsOf(text))!);
  assertEquals(parse(' () " 2-Jan-2026 12:00:00 +0100" {310+}'), {
    flags: [],
    utf8: false,
    internalDate: Date.UTC(2026, 0, 2, 11),
  });
  assertEquals(parse(' (\\Seen $x) "02-Jan-2026 00:00:00 -0030" UTF8 (~{310}'), {
    flags: ["\\Seen", "$x"],
    utf8: true,
    internalDate: Date.UTC(2026, 0, 2, 0, 30),
  });
  assertEquals(parse(" {5}"), { flags: [], utf8: false });
});

Deno.test("command: no octets make the parser fail otherwise than by an answer", () => {
  const word = fc.constantFrom(
    ...'SELECT FETCH UID SEARCH STORE LIST NOTIFY ID APPEND RETURN BODY[ ] ( ) " \\ {3}\r\nxyz ~{2+}\r\nab * : , $ 1 4294967295 NOT OR FLAGS 1-Feb-1994 <0.1> HEADER.FIELDS . \xff\xfe - +'
      .split(" "),
    " ",
  );
  fc.assert(
    fc.property(
      fc.array(word, { maxLength: 30 }),
      fc.string({ maxLength: 20, unit: "binary" }),
      (words, noise) => {
        for (const text of [words.join(" "), words.join(""), noise]) {
          const parsed = parseCommand(octetsOf(`a ${text}`), "selected");
          // an answer is one line of US-ASCII
          if (!parsed.ok) assert(/^[\x20-\x7e]*$/.test(parsed.text), parsed.text);
          else assert(binaryString(parsed.cursor.bytes).length > 0);
        }
      },
    ),
    { numRuns: 2000 },
  );
});
