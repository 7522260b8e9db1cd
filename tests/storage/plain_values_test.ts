import { assert, assertEquals } from "@std/assert";
import { deserialize } from "node:v8";
import fc from "fast-check";
import { ByteWriter } from "../../src/storage/kv_connect/byte_writer.ts";
import { decodeKey, encodeKey } from "../../src/storage/kv_connect/key_codec.ts";
import { writePlain } from "../../src/storage/kv_connect/plain_values.ts";
import { decodeValue, ENCODING, writeValue } from "../../src/storage/kv_connect/value_codec.ts";
import { u64 } from "../../src/storage/port.ts";

/** What was written, behind bytes that were there before, in a buffer that has to grow. */
function written(write: (to: ByteWriter) => boolean): Uint8Array | undefined {
  const to = new ByteWriter(2);
  to.bytes(Uint8Array.of(1, 2));
  const done = write(to);
  const bytes = to.finish();
  assertEquals([...bytes.subarray(0, 2)], [1, 2]);
  if (!done) assertEquals(bytes.length, 2);
  return done ? bytes.slice(2) : undefined;
}

const character = fc.nat(0xff).map((code) => String.fromCharCode(code));
const latin1 = fc.array(character, { maxLength: 20 }).map((all) => all.join(""));
const leaf = fc.oneof(
  latin1,
  fc.integer(),
  fc.double(),
  fc.constantFrom(null, undefined, true, false, -0, NaN, 2 ** 31, -(2 ** 31), 2 ** 53),
);
const { plain } = fc.letrec((tie) => ({
  plain: fc.oneof(
    leaf,
    fc.array(tie("plain"), { maxLength: 5 }),
    fc.dictionary(latin1.filter((name) => name !== "__proto__"), tie("plain"), { maxKeys: 5 }),
  ),
}));

Deno.test("plain values are written as V8 reads them", () => {
  let plainOnes = 0;
  fc.assert(
    fc.property(plain, (value) => {
      const bytes = written((to) => writePlain(to, value));
      if (bytes === undefined) return;
      plainOnes++;
      assertEquals(deserialize(bytes), value);
    }),
    { numRuns: 300 },
  );
  assert(plainOnes > 50);
});

const cycle: unknown[] = [];
cycle.push(cycle);
/** What isn't plain, or can't be written so. */
const OTHERS: Record<string, unknown> = {
  "other text": { text: "€" },
  "a name of other text": { "€": 1 },
  "an index as a name": { 1: "one", a: 2 },
  "a list with holes": [1, , 3], // deno-lint-ignore-line no-sparse-arrays
  "bytes inside": { bytes: Uint8Array.of(1, 2) },
  "a date": new Date(5),
  "a map": new Map([[1, 2]]),
  "a big number": 5n,
  "itself inside": cycle,
};

for (const [name, value] of Object.entries(OTHERS)) {
  Deno.test(`what is no plain value is left to V8's own serializer: ${name}`, () => {
    assertEquals(written((to) => writePlain(to, value)), undefined);
    let encoding = 0;
    const data = written((to) => (encoding = writeValue(to, value)) > 0)!;
    assertEquals(encoding, ENCODING.v8);
    const read = decodeValue({ data, encoding });
    if (value === cycle) assert((read as unknown[])[0] === read);
    else assertEquals(read, value);
  });
}

Deno.test("bytes and counters have encodings of their own", () => {
  let encoding = 0;
  const bytes = written((to) => (encoding = writeValue(to, Uint8Array.of(7, 8))) > 0)!;
  assertEquals([encoding, [...bytes]], [ENCODING.bytes, [7, 8]]);
  const count = written((to) => (encoding = writeValue(to, u64(-1))) > 0)!;
  assertEquals([encoding, [...count]], [ENCODING.le64, new Array(8).fill(255)]);
});

const part = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.double({ noNaN: true }),
  fc.boolean(),
  fc.uint8Array({ maxLength: 5 }).map((bytes) => Uint8Array.from(bytes)),
  fc.constantFrom("", "\0", "a\0b", 0, -0, Infinity, -Infinity),
);

Deno.test("keys are read as they were written", () => {
  fc.assert(fc.property(fc.array(part, { maxLength: 4 }), (key) => {
    assertEquals(decodeKey(encodeKey(key)), key);
  }));
});
