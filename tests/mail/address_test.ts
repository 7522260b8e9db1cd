import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  localKey,
  localText,
  needsUtf8,
  type ParsedPath,
  parseMailbox,
  parsePath,
  quoteLocal,
  splitMailbox,
} from "../../src/mail/address.ts";
import { cpuMs } from "../support/cpu_time.ts";

type Row = [text: string, mailbox: string, rest?: string];

/** 153 octets in three labels: with a local part of 100 the path has exactly 256. */
const LONG_DOMAIN = `${"d".repeat(63)}.${"e".repeat(63)}.${"f".repeat(25)}`;

const ACCEPTED: Row[] = [
  // plain addresses
  ["<brain@howstuffworks.com>", "brain@howstuffworks.com"],
  ["<Brain@HowStuffWorks.COM>", "Brain@howstuffworks.com"],
  ["<a@localhost>", "a@localhost"],
  ["<first.middle.last@x.example>", "first.middle.last@x.example"],
  ["<!#$%&'*+-/=?^_`{|}~@x.example>", "!#$%&'*+-/=?^_`{|}~@x.example"],
  // old routing signs are ordinary characters
  ["<user%host@x.example>", "user%host@x.example"],
  ["<host!user@x.example>", "host!user@x.example"],
  // blanks and parameters around the path
  [" \t<a@x.example>", "a@x.example"],
  ["<a@x.example> SIZE=5 BODY=8BITMIME", "a@x.example", "SIZE=5 BODY=8BITMIME"],
  ["<a@x.example>   ", "a@x.example", ""],
  ["<a@x.example> \t SIZE=5 ", "a@x.example", "SIZE=5 "],
  // quoted strings: needless quotes go, needed ones stay, with as few backslashes as can be
  ['<"brain"@x.example>', "brain@x.example"],
  ['<"b\\rain"@x.example>', "brain@x.example"],
  ['<"a b"@x.example>', '"a b"@x.example'],
  ['<"a@b"@x.example> X=1', '"a@b"@x.example', "X=1"],
  ['<"a>b"@x.example>', '"a>b"@x.example'],
  ['<"a\\"b\\\\c"@x.example>', '"a\\"b\\\\c"@x.example'],
  ['<"a..b"@x.example>', '"a..b"@x.example'],
  ['<".a"@x.example>', '".a"@x.example'],
  ['<""@x.example>', '""@x.example'],
  // literals
  ["<a@[192.0.2.1]>", "a@[192.0.2.1]"],
  ["<a@[192.0.02.001]>", "a@[192.0.2.1]"],
  ["<a@[IPv6:2001:DB8:0:0:0:0:0:1]>", "a@[IPv6:2001:db8::1]"],
  ["<a@[ipv6:::1]>", "a@[IPv6:::1]"],
  ["<a@[X400:c=us@b]>", "a@[x400:c=us@b]"],
  // source routes are dropped
  ["<@one.example:a@x.example>", "a@x.example"],
  ["<@one.example,@two.example:a@x.example> SIZE=1", "a@x.example", "SIZE=1"],
  // characters beyond ASCII
  ["<jürgen@bücher.example>", "jürgen@xn--bcher-kva.example"],
  ["<a@BÜCHER。example>", "a@xn--bcher-kva.example"],
  ['<"jürgen k"@x.example>', '"jürgen k"@x.example'],
  ["<用户@例子.example>", "用户@xn--fsqu00a.example"],
  // dots in a row or at the end, as old Japanese phones have them
  ["<abc..def@docomo.example>", "abc..def@docomo.example"],
  ["<abc.@docomo.example>", "abc.@docomo.example"],
  ["<abc...@docomo.example>", "abc...@docomo.example"],
  ["<jü..rg.@x.example>", "jü..rg.@x.example"],
  // underscores, and the dot that ends a name
  ["<www-data@app_web_1>", "www-data@app_web_1"],
  ["<bounce@Mail_Server.example.net>", "bounce@mail_server.example.net"],
  ["<root@host.>", "root@host"],
  ["<a@us。>", "a@us"],
  ["<@one_1.example.:a@x.example>", "a@x.example"],
  // the lengths that are just right
  [`<${"l".repeat(244)}@x.example>`, `${"l".repeat(244)}@x.example`],
  [`<${"ü".repeat(122)}@x.example>`, `${"ü".repeat(122)}@x.example`],
  [`<"${"l".repeat(242)}"@x.example>`, `${"l".repeat(242)}@x.example`],
  [`<a@${"d".repeat(63)}.example>`, `a@${"d".repeat(63)}.example`],
  [`<${"l".repeat(100)}@${LONG_DOMAIN}>`, `${"l".repeat(100)}@${LONG_DOMAIN}`],
  [`<${"l".repeat(99)}ü@${LONG_DOMAIN.slice(1)}>`, `${"l".repeat(99)}ü@${LONG_DOMAIN.slice(1)}`],
  // the path is longer than the address: by quotes, backslashes, a route
  [`<"${"\\l".repeat(121)}"@x.example>`, `${"l".repeat(121)}@x.example`],
  [`<@${LONG_DOMAIN}:${"l".repeat(89)}@x.example>`, `${"l".repeat(89)}@x.example`],
  [`<a@${"d.".repeat(125)}ab>`, `a@${"d.".repeat(125)}ab`],
];

Deno.test("parsePath() accepts what RFC 5321 and 6531 allow, in the canonical form", () => {
  for (const [text, mailbox, rest = ""] of ACCEPTED) {
    for (const kind of ["reverse", "forward"] as const) {
      const path = text.slice(0, text.lastIndexOf(">"));
      const utf8 = [...path].some((character) => character > "\x7f");
      assertEquals(parsePath(text, kind), { ok: true, mailbox, rest, utf8 }, text);
    }
  }
});

const REFUSED: string[] = [
  // no path at all
  "",
  "a@x.example",
  "a@x.example>",
  "<a@x.example",
  "< a@x.example>",
  "<a@x.example >",
  "<<a@x.example>>",
  "<a@x.example>SIZE=1",
  // halves missing
  "<@>",
  "<a@>",
  "<@x.example>",
  "<a>",
  "<a@b@x.example>",
  // dots in the wrong place
  "<.a@x.example>",
  "<.@x.example>",
  "<a@us..>",
  "<a@.>",
  "<a@.us>",
  "<a@x..us>",
  // domains that are none
  "<a@-x.example>",
  "<a@x-.example>",
  "<a@x y.example>",
  "<a@x%.example>",
  "<a@é%00.example>",
  `<a@${"d".repeat(64)}.example>`,
  // literals that are none
  "<a@[]>",
  "<a@[192.0.2]>",
  "<a@[192.0.2.256]>",
  "<a@[192.0.2.1>",
  "<a@[192.0.2.1]x>",
  "<a@[IPv6:zz::1]>",
  "<a@[IPv6:fe80::1%eth0]>",
  "<a@[IPv6:1:2:3:4:5:6:7:8:9]>",
  "<a@[2001:db8::1]>",
  "<a@[x-:1]>",
  "<a@[x:a b]>",
  // specials outside quotes, quotes that don't close or enclose only a part
  "<a b@x.example>",
  "<a,b@x.example>",
  "<a(c)@x.example>",
  "<a\\b@x.example>",
  '<"a@x.example>',
  '<"a"b@x.example>',
  '<a."b"@x.example>',
  '<"a\\"@x.example>',
  // control bytes, broken UTF-8 and broken surrogates
  "<a\0@x.example>",
  '<"a\0"@x.example>',
  '<"a\tb"@x.example>',
  '<"a\\\tb"@x.example>',
  "<a\r\n@x.example>",
  "<a\x7f@x.example>",
  "<a\x85@x.example>",
  "<a\u2028@x.example>",
  "<a\ufffd@x.example>",
  "<a\ud800@x.example>",
  "<a@x\0.example>",
  // source routes that are none
  "<@one.example a@x.example>",
  "<@one.example,two.example:a@x.example>",
  "<@one.example,:a@x.example>",
  "<@us..:a@x.example>",
  "<@one.example:>",
  // lengths
  `<${"l".repeat(245)}@x.example>`,
  `<${"ü".repeat(123)}@x.example>`,
  `<"${"l".repeat(243)}"@x.example>`,
  `<${"l".repeat(100)}@${LONG_DOMAIN}f>`,
  `<${"l".repeat(99)}ü@${LONG_DOMAIN}>`,
  `<"${"\\l".repeat(121)}l"@x.example>`,
  `<"${"\\l".repeat(120)}lü"@x.example>`,
  `<@${LONG_DOMAIN}:${"l".repeat(90)}@x.example>`,
  `<@${LONG_DOMAIN}:${"l".repeat(88)}ü@x.example>`,
  `<a@${"d.".repeat(126)}ab>`,
  `<@${"d.".repeat(120)}ab:aaaaaaaaaa@x.example>`,
];

Deno.test("parsePath() refuses what is no path, with a reason in plain ASCII", () => {
  for (const text of REFUSED) {
    for (const kind of ["reverse", "forward"] as const) {
      const parsed = parsePath(text, kind);
      assert(!parsed.ok, `accepted: ${JSON.stringify(text)}`);
      assert(/^[ -~]{5,}$/.test(parsed.reason), parsed.reason);
    }
  }
});

Deno.test("parsePath() takes the null path as a reverse-path only", () => {
  assertEquals(parsePath("<> SIZE=1", "reverse"), { ok: true, mailbox: "", rest: "SIZE=1", utf8: false });
  assert(!parsePath("<>", "forward").ok);
  assert(!parsePath("<>SIZE=1", "reverse").ok);
});

Deno.test("parsePath() takes <postmaster> as a forward-path only", () => {
  for (const text of ["<postmaster>", "<Postmaster>", "<POSTMASTER> NOTIFY=NEVER"]) {
    const parsed = parsePath(text, "forward");
    assert(parsed.ok, text);
    assertEquals(parsed.mailbox, "postmaster");
    assert(!parsePath(text, "reverse").ok, text);
  }
  assert(!parsePath("<postmaster", "forward").ok);
});

Deno.test("parsePath() takes addresses without angle brackets where it is told to", () => {
  const rows: [string, string, string?][] = [
    ["a@x.example", "a@x.example"],
    [" A@X.example. SIZE=1", "A@x.example", "SIZE=1"],
    ['"a b"@x.example', '"a b"@x.example'],
    ["a@[192.0.2.1] ", "a@[192.0.2.1]"],
    // with brackets as ever
    ["<a@x.example> SIZE=1", "a@x.example", "SIZE=1"],
  ];
  for (const [text, mailbox, rest = ""] of rows) {
    for (const kind of ["reverse", "forward"] as const) {
      assertEquals(parsePath(text, kind, { bare: true }), { ok: true, mailbox, rest, utf8: false }, text);
    }
  }
  assertEquals(parsePath("postmaster NOTIFY=NEVER", "forward", { bare: true }), {
    ok: true,
    mailbox: "postmaster",
    rest: "NOTIFY=NEVER",
    utf8: false,
  });
  const wrong = [
    "",
    " ",
    "a",
    "postmaster@",
    "a@x.example>",
    "<a@x.example",
    "a@x.example,b@x.example",
    "SIZE=1",
  ];
  for (const text of [...wrong, "<a@x.example>SIZE=1", "@one.example:a@x.example"]) {
    for (const kind of ["reverse", "forward"] as const) {
      assert(!parsePath(text, kind, { bare: true }).ok, JSON.stringify(text));
    }
  }
  assert(!parsePath("postmaster", "reverse", { bare: true }).ok);
});

Deno.test("parseMailbox() takes a bare address and nothing around it", () => {
  assertEquals(parseMailbox("Brain@X.example"), "Brain@x.example");
  assertEquals(parseMailbox('"a b"@[192.0.2.1]'), '"a b"@[192.0.2.1]');
  for (
    const text of ["", "a", "<a@x.example>", " a@x.example", "a@x.example ", "a@x.example\n", "a@x.example,"]
  ) {
    assertEquals(parseMailbox(text), undefined, JSON.stringify(text));
  }
});

Deno.test("parseMailbox() takes what fits a path, in octets", () => {
  const rows: [text: string, fits: boolean][] = [
    [`${"l".repeat(244)}@x.example`, true],
    [`${"l".repeat(245)}@x.example`, false],
    [`${"ü".repeat(122)}@x.example`, true],
    [`${"ü".repeat(122)}l@x.example`, false],
    [`${"用".repeat(81)}l@x.example`, true],
    [`${"用".repeat(81)}ü@x.example`, false],
    [`${"😀".repeat(61)}@x.example`, true],
    [`${"😀".repeat(61)}l@x.example`, false],
  ];
  for (const [text, fits] of rows) {
    assertEquals(parseMailbox(text) !== undefined, fits, text);
    for (const bare of [true, false]) {
      assertEquals(parsePath(bare ? text : `<${text}>`, "forward", { bare }).ok, fits, text);
    }
  }
});

Deno.test("splitMailbox() splits where the domain begins", () => {
  const rows: [string, string, string][] = [
    // usual, quoted @, literal, @ inside a general literal
    ["a@x.example", "a", "x.example"],
    ['"a@b"@x.example', '"a@b"', "x.example"],
    ['"a@[b]"@x.example', '"a@[b]"', "x.example"],
    ["a@[192.0.2.1]", "a", "[192.0.2.1]"],
    ["a@[x:b@c]", "a", "[x:b@c]"],
    // without a domain
    ["postmaster", "postmaster", ""],
    ["", "", ""],
  ];
  for (const [mailbox, local, domain] of rows) assertEquals(splitMailbox(mailbox), { local, domain });
});

Deno.test("localKey() is the same for addresses of one mailbox", () => {
  const rows: [string, string][] = [
    // case
    ["Brain@x.example", "brain@x.example"],
    ["BRAIN@X.example", "brain@x.example"],
    ["Postmaster", "postmaster"],
    // quotes
    ['"Brain"@x.example', "brain@x.example"],
    ['"A b"@x.example', '"a b"@x.example'],
    ['"A..b"@x.example', "a..b@x.example"],
    ["A..b.@x.example", "a..b.@x.example"],
    // Unicode: composed and decomposed, and a sign whose composed form is ASCII that needs quotes
    ["JU\u0308RGEN@x.example", "jürgen@x.example"],
    ["a\u037eb@x.example", '"a;b"@x.example'],
    // capitals that have no composed form, while their small letters have one: J with caron, H with line below
    ["J\u030c@x.example", "\u01f0@x.example"],
    ["\u01f0@x.example", "\u01f0@x.example"],
    ["H\u0331al@x.example", "\u1e96al@x.example"],
    ['"T\u0308 x"@x.example', '"\u1e97 x"@x.example'],
  ];
  for (const [mailbox, key] of rows) assertEquals(localKey(mailbox), key);
});

Deno.test("quoteLocal() and localText() undo each other", () => {
  for (const text of ["brain", "a b", 'a"b\\c', "", "a..b", "jürgen"]) {
    assertEquals(localText(quoteLocal(text)), text);
  }
});

Deno.test("needsUtf8() is about the local part, since domains are A-labels", () => {
  assert(needsUtf8(parseMailbox("jürgen@x.example")!));
  assert(!needsUtf8(parseMailbox("juergen@bücher.example")!));
});

// ── properties ──

const atom = fc.string({
  unit: fc.constantFrom(..."abzAZ09!#$%&'*+-/=?^_`{|}~éΩ用"),
  minLength: 1,
  maxLength: 5,
});
const dotString = fc.array(atom, { minLength: 1, maxLength: 4 }).map((atoms) => atoms.join("."));
const quoted = fc.string({ unit: fc.constantFrom(...' !"#()<>@,;:[]\\.abéΩ'), maxLength: 20 })
  .map((text) => `"${text.replace(/["\\]/g, "\\$&")}"`);
const label = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9-]{0,6}[A-Za-z0-9])?$/).filter((l) =>
  !/^..--/.test(l)
);
const literal = fc.oneof(
  fc.ipV4().map((ip) => `[${ip}]`),
  fc.ipV6().map((ip) => `[IPv6:${ip}]`),
  fc.stringMatching(/^\[[a-z]{1,5}:[a-z@.,=]{1,9}\]$/).filter((text) => !text.startsWith("[ipv6:")),
);
const domain = fc.oneof(fc.array(label, { minLength: 1, maxLength: 4 }).map((l) => l.join(".")), literal);
const address = fc.tuple(fc.oneof(dotString, quoted), domain).map(([l, d]) => `${l}@${d}`);

function reparsed(parsed: ParsedPath): void {
  if (!parsed.ok || parsed.mailbox === "" || parsed.mailbox === "postmaster") return;
  assertEquals(parseMailbox(parsed.mailbox), parsed.mailbox);
  assert(new TextEncoder().encode(parsed.mailbox).length <= 254);
  const { local, domain } = splitMailbox(parsed.mailbox);
  assertEquals(`${local}@${domain}`, parsed.mailbox);
  assert(/^[!-~]+$/.test(domain));
  assertEquals(localKey(localKey(parsed.mailbox)), localKey(parsed.mailbox));
}

Deno.test("parsePath() accepts every generated address, and its canonical form is a fixed point", () => {
  fc.assert(
    fc.property(address, fc.constantFrom("", " SIZE=1"), (text, rest) => {
      const parsed = parsePath(`<${text}>${rest}`, "forward");
      assert(parsed.ok, `${text}: ${parsed.ok || parsed.reason}`);
      assertEquals(parsed.rest, rest.trim());
      assertEquals(parseMailbox(text), parsed.mailbox);
      const sent = splitMailbox(text);
      assertEquals(localText(splitMailbox(parsed.mailbox).local), localText(sent.local));
      reparsed(parsed);
    }),
    { numRuns: 500 },
  );
});

Deno.test("parsePath() never throws, and what it accepts parses to itself", () => {
  const near = fc.tuple(address, fc.nat(), fc.string({ unit: "binary", maxLength: 2 })).map(
    ([text, at, noise]) => {
      const cut = at % (text.length + 1);
      return `<${text.slice(0, cut)}${noise}${text.slice(cut)}>`;
    },
  );
  const signs = fc.string({ unit: fc.constantFrom(...'<>@"\\[]:,. a1\0\tü\ud800'), maxLength: 30 });
  const any = fc.oneof(near, signs, fc.string({ unit: "binary", maxLength: 300 }));
  fc.assert(
    fc.property(any, fc.constantFrom("reverse" as const, "forward" as const), (text, kind) => {
      const parsed = parsePath(text, kind);
      assert(parsed.ok || parsed.reason !== "");
      // deno-lint-ignore no-control-regex
      if (parsed.ok) assert(!/[\x00-\x1f\x7f]/.test(parsed.mailbox));
      reparsed(parsed);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("parsePath() takes the usual path for what it takes any other for", () => {
  const part = fc.constantFrom(
    ...[
      "a",
      "B",
      "foo",
      "-",
      "_",
      ".",
      "..",
      "@",
      "@",
      "@",
      "x.example",
      "sink.test",
      "Sink.test",
      "localhost",
    ],
    ...[
      ">",
      ">",
      "> ",
      " ",
      "\t",
      "SIZE=1",
      "\u00fc",
      "%",
      "[",
      '"',
      ",",
      "\0",
      "\n",
      "l".repeat(63),
      "m".repeat(50),
    ],
  );
  const near = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(""));
  const usual = fc.tuple(
    fc.constantFrom("", " ", "\t "),
    fc.stringMatching(/^[a-zA-Z0-9!#$%&'*+=?^_`{|}~\/.-]{1,20}$/),
    fc.stringMatching(/^[a-z0-9_-]{1,64}(\.[a-zA-Z0-9_-]{1,20}){0,3}\.?$/),
    fc.constantFrom("", " ", " SIZE=1", "\tA=1 B=2 ", "x", " \n"),
  );
  const check = (blanks: string, text: string) => {
    // behind a source route, which is dropped, the same text never goes the short way
    const expected = parsePath(`${blanks}<@r.example:${text}`, "reverse");
    assertEquals(parsePath(`${blanks}<${text}`, "reverse"), expected, text);
  };
  // what is something else without its route
  const isOther = (text: string) => /^[@>]/.test(text) || text.length > 230;
  fc.assert(fc.property(near, (text) => isOther(text) || check("", text)), { numRuns: 4000 });
  fc.assert(
    fc.property(usual, ([blanks, local, name, rest]) => check(blanks, `${local}@${name}>${rest}`)),
    { numRuns: 4000 },
  );
});

Deno.test("parsePath() takes linear time for hostile texts", async () => {
  for (const text of ["<" + "a.".repeat(50_000), '<"' + "\\".repeat(100_000), "<" + "@a,".repeat(30_000)]) {
    const ms = await cpuMs(() => assert(!parsePath(text, "forward").ok));
    assert(ms < 500, `${ms} ms`);
  }
});
