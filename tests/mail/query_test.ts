import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Asked, parseQuery, type Term } from "../../src/mail/query.ts";
import { FoldedBlock } from "../../src/mail/folded_block.ts";
import { type Content, foldContent, foldHead, type Head } from "../../src/mail/folded_mail.ts";
import { CONTENT_DECIDES, FITS, FITS_NOT, judge, type MailFacts } from "../../src/mail/query_match.ts";

const term = (asked: Asked, not = false): Term => ({ not, asked });
const day = Date.UTC(2026, 0, 31);

const PARSED: [query: string, terms: Term[]][] = [
  ["", []],
  ["  \t ", []],
  ["Needle", [term({ on: "any", text: "needle" })]],
  ['"Your  Code"', [term({ on: "any", text: "your code" })]],
  ["a  b", [term({ on: "any", text: "a" }), term({ on: "any", text: "b" })]],
  ["from:Ann@x.example", [term({ on: "from", text: "ann@x.example" })]],
  ['SUBJECT:"Your code"', [term({ on: "subject", text: "your code" })]],
  ["reply-to:x", [term({ on: "reply-to", text: "x" })]],
  ["message-id:<1@x>", [term({ on: "message-id", text: "<1@x>" })]],
  ["tag:urgent", [term({ on: "tag", text: "urgent" })]],
  ["has:attachment has:inline", [
    term({ on: "has", what: "attachment" }),
    term({ on: "has", what: "inline" }),
  ]],
  ["is:READ -is:unread !is:tagged", [
    term({ on: "is", what: "read" }),
    term({ on: "is", what: "unread" }, true),
    term({ on: "is", what: "tagged" }, true),
  ]],
  ["before:2026-01-31 after:2026-01-31", [
    term({ on: "before", at: day }),
    term({ on: "after", at: day }),
  ]],
  ["after:2026-01-31T10:00Z", [term({ on: "after", at: day + 36e6 })]],
  ["after:2026-01-31T10:00:00+01:00", [term({ on: "after", at: day + 324e5 })]],
  ["larger:1KiB smaller:2M larger:10", [
    term({ on: "larger", octets: 1024 }),
    term({ on: "smaller", octets: 2 * 2 ** 20 }),
    term({ on: "larger", octets: 10 }),
  ]],
  ['-"not this" !subject:spam', [
    term({ on: "any", text: "not this" }, true),
    term({ on: "subject", text: "spam" }, true),
  ]],
  // a colon in something else
  ["https://x.example/a 10:30 12:ab", [
    term({ on: "any", text: "https://x.example/a" }),
    term({ on: "any", text: "10:30" }),
    term({ on: "any", text: "12:ab" }),
  ]],
  ['"Re: offer" e-mail', [term({ on: "any", text: "re: offer" }), term({ on: "any", text: "e-mail" })]],
  ["GRÜẞE", [term({ on: "any", text: "grüße" })]],
];

Deno.test("parseQuery() reads what the language has", async (t) => {
  for (const [query, terms] of PARSED) {
    await t.step(query, () => assertEquals(parseQuery(query), { terms }));
  }
});

const FAULTS: [query: string, told: string[]][] = [
  ['"no end', ["has no end", '"']],
  ['from:"no end', ["has no end"]],
  ['ab"c', ["quotation marks"]],
  ['"a"b', ["no blank behind"]],
  ['""', ["empty phrase"]],
  ['subject:""', ["subject:", "nothing"]],
  ["from:", ["from:", "right behind the colon"]],
  ["from: jo", ["from:", "right behind the colon"]],
  ["-", ["stands alone"]],
  ["a ! b", ["stands alone"]],
  ["form:jo", ["form:", "from:", "quotation marks"]],
  ["has:wings", ["has:wings", "has:attachment", "has:inline"]],
  ["is:green", ["is:green", "is:read", "is:unread"]],
  ["before:yesterday", ["before:yesterday", "2026-01-31"]],
  ["after:2026-02-30", ["after:2026-02-30", "2026-01-31"]],
  ["after:2026-1-3", ["2026-01-31"]],
  ["after:2026-01-31T25:00Z", ["2026-01-31"]],
  ["larger:much", ["larger:much", "500KB"]],
  ["smaller:-1", ["500KB"]],
  [Array(51).fill("a").join(" "), ["more than 50"]],
];

Deno.test("parseQuery() says what does not parse, and what would be right", async (t) => {
  for (const [query, told] of FAULTS) {
    await t.step(query, () => {
      const read = parseQuery(query);
      assert("fault" in read, JSON.stringify(read));
      for (const text of told) assertStringIncludes(read.fault, text);
    });
  }
});

const MAIL: Head & MailFacts = {
  sender: "bounces+7@lists.example",
  recipients: ["brain@example.org"],
  fields: [
    { name: "From", value: "Ann Ünique <ann@example.com>" },
    { name: "To", value: "Staff <staff@example.org>" },
    { name: "Cc", value: "carol@example.net" },
    { name: "Reply-To", value: "desk@example.com" },
    { name: "Subject", value: "Your code   for today" },
    { name: "Message-ID", value: "<42@example.com>" },
    { name: "X-Tags", value: "Urgent, billing" },
  ],
  date: day,
  size: 5000,
  seen: false,
};
const CONTENT: Content = {
  text: "The needle is\r\nin the hay.",
  html: "<p>Seen <b>as</b> bold</p><style>p { color: red }</style>",
  attachments: [{ filename: "Invoice.pdf", inline: false }],
};

const MATCHES: [query: string, fits: boolean][] = [
  ["", true],
  ["ann carol needle invoice.pdf", true],
  ['"needle is in"', true],
  ['"as bold"', true],
  ["color", false],
  ["code nothing", false],
  ["-nothing", true],
  ["-needle", false],
  ["from:ünique from:ann@example from:bounces+7", true],
  ["from:carol", false],
  ["to:staff to:BRAIN@example.org", true],
  ["to:carol", false],
  ["cc:carol -cc:staff", true],
  ["bcc:brain", true],
  ["bcc:staff", false],
  ["reply-to:desk addressed:desk addressed:carol addressed:ann", true],
  ["addressed:code", false],
  ['subject:"code for"', true],
  ["subject:ann", false],
  ["message-id:42@", true],
  ["tag:urgent tag:BILLING is:tagged", true],
  ["tag:urg", false],
  ["has:attachment -has:inline", true],
  ["has:inline", false],
  ["is:unread -is:read", true],
  ["is:read", false],
  ["after:2026-01-31 before:2026-02-01", true],
  ["before:2026-01-31", false],
  ["after:2026-02-01", false],
  ["larger:4999 smaller:5001", true],
  ["larger:5000", false],
  ["smaller:5000", false],
];

const OTHER: Head & MailFacts = { sender: "", recipients: [], fields: [], date: 0, size: 0, seen: true };

/** What is told of MAIL among others, with its content or without. */
function verdict(
  query: string,
  { content, mail = MAIL }: { content?: Content; mail?: typeof MAIL } = {},
): number {
  const read = parseQuery(query);
  assert("terms" in read);
  const block = new FoldedBlock<MailFacts>();
  for (const one of [OTHER, OTHER, mail, OTHER]) block.add(one, foldHead(one));
  block.remove(1);
  if (content) {
    block.setContent(3, foldContent({ text: "other", html: null, attachments: [] }));
    block.setContent(2, foldContent(content));
  }
  const verdicts = judge(read.terms, block, (item) => item);
  assertEquals(verdicts[1], FITS_NOT, "it was taken out");
  return verdicts[2]!;
}

Deno.test("a query fits a message when all its terms do", async (t) => {
  for (const [query, expected] of MATCHES) {
    await t.step(query, () => {
      assertEquals(verdict(query, { content: CONTENT }), expected ? FITS : FITS_NOT);
      // what the header tells already is the same
      assert([expected ? FITS : FITS_NOT, CONTENT_DECIDES].includes(verdict(query)));
    });
  }
});

Deno.test("the content is asked for only where it decides", () => {
  assertEquals(verdict("from:ann code"), FITS);
  assertEquals(verdict("from:carol needle"), FITS_NOT);
  assertEquals(verdict("from:ann needle"), CONTENT_DECIDES);
  assertEquals(verdict("-needle"), CONTENT_DECIDES);
  assertEquals(verdict("-ann needle"), FITS_NOT);
});

Deno.test("tags that were given count in place of those that a message came with", () => {
  const mail = { ...MAIL, tags: ["Later"] };
  assertEquals(verdict("tag:later is:tagged -tag:urgent", { mail }), FITS);
  assertEquals(verdict("is:tagged", { mail: { ...MAIL, tags: [] } }), FITS_NOT);
});

Deno.test("a block gives back what was added, and forgets no more than the texts", () => {
  const block = new FoldedBlock<number>(3);
  const [head, content] = [foldHead(MAIL), foldContent(CONTENT)];
  assertEquals([block.add(1, head), block.add(2, {}), block.add(3, head)], [0, 1, 2]);
  assert(block.isFull);
  block.setContent(2, content);
  block.setContent(0, { ...content, text: "short" });
  block.setContent(1, content, { keepText: false });
  assertEquals([block.headOf(0), block.headOf(1), block.headOf(2)], [head, {}, head]);
  assertEquals([block.contentOf(0)?.text, block.contentOf(1), block.contentOf(2)], [
    "short",
    undefined,
    content,
  ]);
  const before = block.octets;
  assertEquals([block.dropTexts(), block.dropTexts()], [true, false]);
  assert(block.octets < before);
  assertEquals([block.contentOf(0), block.has(1, "attachment"), block.has(1, "inline")], [
    undefined,
    true,
    false,
  ]);
});
