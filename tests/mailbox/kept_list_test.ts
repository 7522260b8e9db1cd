/** The kept list finds what a look at every message finds, whatever happens meanwhile. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { FoldedBlock } from "../../src/mail/folded_block.ts";
import { foldContent, type FoldedContent, foldHead } from "../../src/mail/folded_mail.ts";
import { type MailQuery, parseQuery } from "../../src/mail/query.ts";
import { FITS, judge } from "../../src/mail/query_match.ts";
import { KeptList, type MailSource } from "../../src/mailbox/kept_list.ts";
import { KeptLists } from "../../src/mailbox/kept_lists.ts";

interface Letter {
  readonly n: number;
  readonly subject: string;
  readonly text: string;
  readonly seen: boolean;
}

const WORDS = ["ant", "bee", "cat"];
const QUERIES = ["", "ant", "-bee", "subject:cat", "-subject:ant bee", "is:read", "is:unread cat", "nobody"];

function letterOf(n: number): Letter {
  const word = (by: number) => WORDS[Math.floor(n / by) % WORDS.length]!;
  // some texts are too long to be kept
  return {
    n,
    subject: word(1),
    text: n % 5 === 0 ? `${word(3)} ${"x".repeat(9000)}` : word(3),
    seen: n % 4 === 0,
  };
}

const headOf = ({ subject }: Letter) =>
  foldHead({ sender: "", recipients: [], fields: [{ name: "Subject", value: subject }] });
const contentOf = ({ text }: Letter) => foldContent({ text, html: null, attachments: [] });
const factsOf = ({ n, seen }: Letter) => ({ date: n, size: n, seen });

/** A place in memory that takes its time to answer, and counts what it was asked. */
class Place implements MailSource<Letter> {
  readonly letters = new Map<number, Letter>();
  shared: number | undefined;
  reads = 0;
  texts = 0;

  readonly nameOf = ({ n }: Letter) => String(n);
  readonly keyOf = ({ n }: Letter) => n;
  readonly factsOf = factsOf;
  readonly renewed = (_: Letter, now: Letter) => now;

  async version(): Promise<string | undefined> {
    await turn();
    return this.shared === undefined ? undefined : String(this.shared);
  }

  async list(before: number | undefined, limit: number): Promise<Letter[]> {
    await turn();
    const found = this.sorted().filter(({ n }) => before === undefined || n < before).slice(0, limit);
    await turn();
    return found;
  }

  read(letters: readonly Letter[], whole: boolean) {
    return Promise.all(letters.map((letter) => this.readOne(letter, whole)));
  }

  contents(letters: readonly Letter[]) {
    return Promise.all(letters.map((letter) => this.content(letter)));
  }

  async readOne(letter: Letter, whole: boolean) {
    this.reads++;
    await turn();
    const now = this.letters.get(letter.n);
    if (!now) return undefined;
    return {
      item: letter,
      head: headOf(now),
      ...(whole && letter.n % 2 === 0 && { content: contentOf(now) }),
    };
  }

  async content(letter: Letter): Promise<FoldedContent | undefined> {
    this.texts++;
    await turn();
    const now = this.letters.get(letter.n);
    return now && contentOf(now);
  }

  /** Newest first. */
  sorted(): Letter[] {
    return [...this.letters.values()].sort((a, b) => b.n - a.n);
  }

  /** A look at every message. */
  fitting(query: MailQuery): Letter[] {
    return this.sorted().filter((letter) => {
      const block = new FoldedBlock<Letter>(1);
      block.setContent(block.add(letter, headOf(letter)), contentOf(letter));
      return judge(query, block, factsOf)[0] === FITS;
    });
  }
}

const turn = () => new Promise<void>((resolve) => queueMicrotask(resolve));

function queryOf(text: string): MailQuery {
  const read = parseQuery(text);
  assert("terms" in read);
  return read.terms;
}

/** All pages of a search. */
async function pages(list: KeptList<Letter>, query: MailQuery, limit: number) {
  const found: Letter[] = [];
  let looked = 0;
  let before: number | undefined;
  do {
    const page = await list.search({ query, limit, before, until: 0 });
    assert(page.found.length <= limit);
    found.push(...page.found);
    looked += page.looked;
    before = page.last?.n;
  } while (before !== undefined);
  return { found, looked };
}

const step = fc.oneof(
  fc.record({
    kind: fc.constant("come" as const),
    first: fc.nat(2000),
    count: fc.integer({ min: 1, max: 600 }),
  }),
  fc.record({
    kind: fc.constant("go" as const),
    first: fc.nat(2000),
    count: fc.integer({ min: 1, max: 600 }),
  }),
  fc.record({
    kind: fc.constant("read" as const),
    first: fc.nat(2000),
    count: fc.integer({ min: 1, max: 50 }),
  }),
  fc.record({
    kind: fc.constant("search" as const),
    query: fc.constantFrom(...QUERIES),
    before: fc.option(fc.nat(2000), { nil: undefined }),
  }),
);

/** The numbers of a step, of those that are there or not. */
function numbers(place: Place, { first, count }: { first: number; count: number }, there: boolean): number[] {
  const all = Array.from({ length: count }, (_, i) => first + i);
  return all.filter((n) => place.letters.has(n) === there);
}

function act(
  place: Place,
  list: KeptList<Letter>,
  one: { kind: "come" | "go" | "read"; first: number; count: number },
): void {
  // another process tells nobody but by the version
  const told = place.shared === undefined;
  if (place.shared !== undefined) place.shared++;
  if (one.kind === "come") {
    for (const n of numbers(place, one, false)) {
      place.letters.set(n, letterOf(n));
      if (told) list.came(letterOf(n));
    }
  } else if (one.kind === "go") {
    const gone = numbers(place, one, true);
    for (const n of gone) place.letters.delete(n);
    if (told) list.went(gone.map(String));
  } else {
    for (const n of numbers(place, one, true)) {
      const letter = { ...place.letters.get(n)!, seen: true };
      place.letters.set(n, letter);
      if (told) list.came(letter);
    }
  }
}

for (
  const [name, shared, most] of [
    ["with all changes told", undefined, undefined],
    ["with hardly any room", undefined, 40_000],
    ["where others change it", 0, undefined],
    ["where others change it, with hardly any room", 0, 40_000],
  ] as const
) {
  Deno.test(`A kept list finds what a look at every message finds, ${name}`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(step, { maxLength: 6 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 700 }),
        async (rounds, limit) => {
          const place = new Place();
          place.shared = shared;
          const clock = new ManualClock(1);
          const list = new KeptList(place, { clock, lists: new KeptLists(most) });
          for (const round of rounds) {
            // all at the same time: a search under way may find what came or not
            await Promise.all(round.map(async (one, i) => {
              for (let n = 0; n < 3 * i; n++) await turn();
              if (one.kind !== "search") return act(place, list, one);
              const { query, before } = one;
              await list.search({ query: queryOf(query), before, limit, until: 0 });
            }));
            for (const text of QUERIES) {
              const query = queryOf(text);
              const expected = place.fitting(query);
              assertEquals(
                await pages(list, query, limit),
                { found: expected, looked: place.letters.size },
                text,
              );
            }
          }
        },
      ),
      { numRuns: 15 },
    );
  });
}

async function warm(count: number): Promise<{ place: Place; list: KeptList<Letter> }> {
  const place = new Place();
  for (let n = 0; n < count; n++) place.letters.set(n, letterOf(n));
  const list = new KeptList(place, { clock: new ManualClock(1), lists: new KeptLists() });
  await pages(list, queryOf("nobody"), 10);
  place.reads = place.texts = 0;
  return { place, list };
}

Deno.test("A kept list reads nothing twice but long texts", async () => {
  const { place, list } = await warm(1000);
  await pages(list, queryOf("subject:nobody"), 10);
  assertEquals([place.reads, place.texts], [0, 0]);
  await pages(list, queryOf("nobody"), 10);
  assertEquals([place.reads, place.texts], [0, 200]);
  act(place, list, { kind: "come", first: 3000, count: 2 });
  await pages(list, queryOf("subject:nobody"), 10);
  assertEquals(place.reads, 2);
});

Deno.test("A kept list that must be listed anew reads only what it does not know", async () => {
  const { place, list } = await warm(1000);
  place.shared = 1;
  act(place, list, { kind: "come", first: 1000, count: 3 });
  act(place, list, { kind: "go", first: 10, count: 5 });
  const { found } = await pages(list, queryOf("subject:ant"), 10);
  assertEquals(found, place.fitting(queryOf("subject:ant")));
  assertEquals([place.reads, place.texts], [3, 0]);
});

Deno.test("A search whose store fails is told, and the next one finds all", async () => {
  const { place, list } = await warm(600);
  const { read } = place;
  place.read = () => Promise.reject(new Error("away"));
  act(place, list, { kind: "come", first: 1000, count: 40 });
  await assertRejects(() => pages(list, queryOf("bee"), 10), Error, "away");
  await assertRejects(() => pages(list, queryOf("bee"), 10), Error, "away");
  place.read = read;
  assertEquals((await pages(list, queryOf("bee"), 10)).found, place.fitting(queryOf("bee")));
});

Deno.test("A search comes back in time with what it has, and says how far it came", async () => {
  const place = new Place();
  for (let n = 0; n < 1000; n++) place.letters.set(n, letterOf(n));
  const list = new KeptList(place, { clock: new ManualClock(1), lists: new KeptLists() });
  const first = await list.search({ query: queryOf("subject:nobody"), limit: 10, until: 0 });
  assertEquals([first.found, first.looked, first.last?.n], [[], 25, 975]);
  const rest = await list.search({
    query: queryOf("subject:nobody"),
    limit: 10,
    before: 975,
    until: Infinity,
  });
  assertEquals([rest.found, rest.looked, rest.last], [[], 975, undefined]);
});

Deno.test("Of several kept lists those go first that nobody has searched for the longest time", async () => {
  const lists = new KeptLists(150_000);
  const all = await Promise.all([0, 1, 2, 3].map(async (i) => {
    const place = new Place();
    for (let n = 0; n < 300; n++) place.letters.set(n, letterOf(n));
    const list = new KeptList(place, { clock: new ManualClock(1), lists });
    for (let n = 0; n < 50 * i; n++) await turn();
    return { place, list };
  }));
  for (const { list } of all) await list.search({ query: queryOf("subject:ant"), limit: 1, until: Infinity });
  const isEmpty = all.map(({ list }) => list.isEmpty);
  assertEquals([isEmpty[0], isEmpty[3]], [true, false]);
  assert(all.reduce((sum, { list }) => sum + list.octets, 0) <= 150_000);
});
