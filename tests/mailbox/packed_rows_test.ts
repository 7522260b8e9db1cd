import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { packWent, unpackWent, withWent } from "../../src/mailbox/change_row.ts";
import { type Copies, packCopies, unpackCopies } from "../../src/mailbox/copy_row.ts";
import { flagBit, flagNames, isKeyword } from "../../src/mailbox/flags.ts";
import { type IndexEntry, IndexRow, ROW_MESSAGES } from "../../src/mailbox/index_row.ts";
import { type MailObject, packObjects, ROW_OBJECTS, unpackObjects } from "../../src/mailbox/object_row.ts";

const u32 = fc.nat(0xffffffff);
const id = fc.string({
  unit: fc.constantFrom(..."0123456789ABCDEFGHJKMNPQRSTVWXYZ"),
  minLength: 1,
  maxLength: 16,
});
const entry: fc.Arbitrary<IndexEntry> = fc.record({
  uid: u32,
  object: u32,
  copy: fc.nat(0xffff),
  modseq: fc.maxSafeNat(),
  flags: fc.nat(31),
  keywordsLow: u32,
  keywordsHigh: u32,
  size: u32,
  internalDate: fc.maxSafeNat(),
  saved: u32,
  id,
});

function rowOf(entries: readonly IndexEntry[], room = entries.length): IndexRow {
  const row = IndexRow.empty(room);
  for (const one of entries) row.push(one);
  return row;
}

function entriesOf(row: IndexRow): IndexEntry[] {
  return Array.from({ length: row.count }, (_, place) => row.at(place));
}

Deno.test("An index row comes back as it was, whatever room it had and wherever its octets lie", () => {
  fc.assert(fc.property(fc.array(entry, { maxLength: 40 }), fc.nat(9), fc.nat(9), (entries, room, offset) => {
    const bytes = rowOf(entries, entries.length + room).encode();
    const moved = new Uint8Array(offset + bytes.length);
    moved.set(bytes, offset);
    assertEquals(entriesOf(IndexRow.decode(moved.subarray(offset))), entries);
  }));
});

Deno.test("Index rows lose messages, are joined and copied without a change of the others", () => {
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 30 }),
      fc.array(entry, { maxLength: 5 }),
      fc.nat(),
      (a, b, mask) => {
        const row = rowOf(a);
        const gone = a.map((_, i) => i).filter((i) => (mask >> (i % 31) & 1) === 1);
        const kept = a.filter((_, i) => !gone.includes(i));
        const less = row.without(gone);
        assertEquals(entriesOf(less), kept);
        assertEquals(entriesOf(less.joined(rowOf(b))), [...kept, ...b]);
        const copy = row.copy(1);
        if (a.length > 0) copy.flags[0] = 77;
        copy.push(a[0] ?? { ...NO_ENTRY });
        assertEquals(entriesOf(row), a);
      },
    ),
  );
});

const NO_ENTRY: IndexEntry = {
  uid: 1,
  object: 1,
  copy: 0,
  modseq: 1,
  flags: 0,
  keywordsLow: 0,
  keywordsHigh: 0,
  size: 0,
  internalDate: 0,
  saved: 0,
  id: "",
};

Deno.test("A full index row fits a value of the store, and damaged ones are refused", () => {
  const bytes = rowOf(Array.from({ length: ROW_MESSAGES }, () => NO_ENTRY)).encode();
  assert(bytes.length <= 60 * 1024);
  for (
    const wrong of [bytes.subarray(1), bytes.subarray(0, 3), new Uint8Array(0), bytes.subarray(0, 59_000)]
  ) {
    assertThrows(() => IndexRow.decode(wrong.slice()), RangeError);
  }
  assertThrows(() => rowOf([{ ...NO_ENTRY, id: "ä" }]), RangeError);
  assertThrows(() => rowOf([{ ...NO_ENTRY, id: "12345678901234567" }]), RangeError);
});

const ref = fc.record({ id, size: fc.maxSafeNat(), chunks: fc.nat(9999), shared: fc.boolean() });
const object: fc.Arbitrary<MailObject> = fc.record({
  id,
  receivedAt: fc.maxSafeNat(),
  body: fc.oneof(ref, ref.map((body) => ({ ...body, offset: 7 }))),
  prefix: fc.constantFrom("", "Return-Path: <a@b>\r\n", "ü"),
  sender: fc.constantFrom("", "a@b", "ü@b"),
  recipient: fc.string(),
  tags: fc.array(fc.string()),
}, { requiredKeys: ["id", "receivedAt", "body", "prefix", "sender", "recipient"] });

Deno.test("Rows of objects come back as they were, with refs that know more too", () => {
  fc.assert(fc.property(fc.array(fc.tuple(u32, object), { maxLength: ROW_OBJECTS }), (objects) => {
    const map = new Map(objects);
    const back = unpackObjects(packObjects(map));
    assertEquals(back.size, map.size);
    for (const [number, one] of map) assertEquals(back.get(number), one);
  }));
  assertThrows(() => unpackObjects(Uint8Array.of(9)), RangeError);
  assertThrows(() => unpackObjects(packObjects(new Map([[3, OBJECT]])).slice(0, -1)), RangeError);
});

const OBJECT: MailObject = {
  id: "A",
  receivedAt: 1_767_603_600_000,
  body: { id: "B", size: 1, chunks: 1, shared: false },
  prefix: "",
  sender: "",
  recipient: "x@y",
};

Deno.test("A row of the largest objects fits a value of the store", () => {
  const long = `${"a".repeat(64)}@${"b".repeat(255)}`;
  const all = Array.from({ length: ROW_OBJECTS }, (_, n): [number, MailObject] => {
    const sender = `${n}${long}`;
    const prefix = `Return-Path: <${sender}>\r\nDelivered-To: ${long}\r\n`;
    return [0xfffffff0 + n, { ...OBJECT, sender, prefix, recipient: `${n}-${long}` }];
  });
  assert(packObjects(new Map(all)).length <= 60 * 1024);
});

Deno.test("Rows of copies and of changes come back as they were", () => {
  const copies = fc.record<Copies>({ placements: fc.nat(70_000), next: fc.nat(0xffff) });
  fc.assert(fc.property(fc.array(fc.tuple(u32, copies)), (all) => {
    const map = new Map(all);
    assertEquals(unpackCopies(packCopies(map)), new Map([...map].sort(([a], [b]) => a - b)));
  }));
  const uids = fc.uniqueArray(u32, { maxLength: 50 }).map((all) => all.sort((a, b) => a - b));
  const change = fc.record({ modseq: fc.maxSafeNat(), folder: u32, uids });
  fc.assert(fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
    let row: Uint8Array | undefined;
    for (const one of changes) row = withWent(row, packWent(one));
    const back = unpackWent(row!).map(({ modseq, folder, uids }) => ({
      modseq,
      folder,
      uids: uids.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i)),
    }));
    assertEquals(back, changes);
  }));
});

Deno.test("System flags have names in any case, and keywords are atoms", () => {
  assertEquals(flagNames(31), ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"]);
  for (const name of flagNames(31)) assertEquals(flagNames(flagBit(name.toUpperCase())), [name]);
  assertEquals([flagBit("\\Recent"), flagBit("Seen")], [0, 0]);
  for (const good of ["$Forwarded", "NonJunk", "a-b_c!", "x]"]) assertEquals(isKeyword(good), good !== "x]");
  for (const bad of ["", "\\Seen", "a b", "a(", "a{", "a%", 'a"', "ü", "a*", "x".repeat(300)]) {
    assertEquals(isKeyword(bad), false, bad);
  }
});
