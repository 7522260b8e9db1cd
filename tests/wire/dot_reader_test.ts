import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { binaryString, concat } from "../../src/base/bytes.ts";
import { DotReader, type DotState } from "../../src/wire/dot_reader.ts";

type Options = NonNullable<ConstructorParameters<typeof DotReader>[0]>;
interface Decoded {
  text: string;
  state: DotState;
  rest: string;
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** Decodes the parts one after the other, as a session does. */
function decode(parts: Uint8Array[], options?: Options): Decoded {
  const reader = new DotReader(options);
  const pieces: Uint8Array[] = [];
  for (const [n, part] of parts.entries()) {
    const result = reader.push(part);
    // copied, since they are valid until the next push only
    for (const piece of result.pieces) pieces.push(piece.slice());
    if (result.state !== "more") {
      const rest = concat([part.subarray(result.used), ...parts.slice(n + 1)]);
      return { text: binaryString(concat(pieces)), state: result.state, rest: binaryString(rest) };
    }
    assertEquals(result.used, part.length);
  }
  return { text: binaryString(concat(pieces)), state: "more", rest: "" };
}

/** The same, slowly: one look at the whole input for each octet. */
function reference(input: string, { maxLine = 100_000, bare = "refuse" }: Options = {}): Decoded {
  let text = "";
  let begun = false; // within a line, or behind a bare line end
  let length = 0;
  for (let i = 0; i < input.length;) {
    const octet = input[i]!;
    if (!begun && input.startsWith(".\r\n", i)) return { text, state: "end", rest: input.slice(i + 3) };
    if (input.startsWith("\r\n", i)) {
      text += "\r\n";
      i += 2;
      begun = false;
      length = 0;
    } else if (octet === "\r" && i + 1 === input.length) {
      return { text: text + "\r", state: "more", rest: "" };
    } else if (octet === "\r" || octet === "\n") {
      if (bare === "refuse") return { text, state: octet === "\r" ? "bareCr" : "bareLf", rest: "" };
      text += "\r\n";
      i++;
      begun = true;
      length = 0;
    } else if (octet === "\0") {
      return { text, state: "nul", rest: "" };
    } else if (octet === "." && !begun) {
      begun = true;
      i++;
    } else {
      if (++length > maxLine - 2) return { text, state: "lineTooLong", rest: "" };
      text += octet;
      begun = true;
      i++;
    }
  }
  return { text, state: "more", rest: "" };
}

/** What is sure to be the same however the input was cut: not what was handed out of a text that is refused. */
function sure(decoded: Decoded): Decoded {
  const { text, state, rest } = decoded;
  if (state === "end") return decoded;
  // whether a CR at the very end was handed out depends on whether it may belong to the end
  return state === "more" ? { text: text.replace(/\r$/, ""), state, rest } : { text: "", state, rest: "" };
}

const ENDS: [name: string, input: string, text: string, rest?: string][] = [
  // where the end is
  ["an empty text", ".\r\n", ""],
  ["an empty line", "\r\n.\r\n", "\r\n"],
  ["one line", "a\r\n.\r\n", "a\r\n"],
  ["empty lines at both sides", "\r\n\r\na\r\n\r\n.\r\n", "\r\n\r\na\r\n\r\n"],
  ["commands behind it", "a\r\n.\r\nQUIT\r\n", "a\r\n", "QUIT\r\n"],
  ["a second end behind it", "a\r\n.\r\n.\r\n", "a\r\n", ".\r\n"],
  // transparency
  ["a doubled dot", "..\r\n.\r\n", ".\r\n"],
  ["a dot before a word, alone", ".a\r\n.\r\n", "a\r\n"],
  ["three dots", "...\r\n.\r\n", "..\r\n"],
  ["a doubled dot behind a line", "a\r\n..b\r\n.\r\n", "a\r\n.b\r\n"],
  ["dots within lines", "a.b..c\r\n d.\r\n.\r\n", "a.b..c\r\n d.\r\n"],
  ["a stuffed line of one dot in every line", "..\r\n..\r\n..\r\n.\r\n", ".\r\n.\r\n.\r\n"],
  ["a dot and a blank", ". \r\n.\r\n", " \r\n"],
  // octets that are allowed
  [
    "tabs, other controls and high octets",
    "\t\x01\x0b\x0c\x7f\x80\xff\r\n.\r\n",
    "\t\x01\x0b\x0c\x7f\x80\xff\r\n",
  ],
];

Deno.test("DotReader finds the end and takes transparent dots off, wherever the input is cut", () => {
  for (const [name, input, text, rest = ""] of ENDS) {
    for (const bare of ["refuse", "normalize"] as const) {
      const expected = { text, state: "end" as const, rest };
      const all = bytes(input);
      assertEquals(decode([all], { bare }), expected, name);
      assertEquals(reference(input, { bare }), expected, `${name}, by the reference`);
      assertEquals(
        decode([...all].map((octet) => Uint8Array.of(octet)), { bare }),
        expected,
        `${name}, bytewise`,
      );
      for (let cut = 0; cut <= all.length; cut++) {
        assertEquals(
          decode([all.subarray(0, cut), all.subarray(cut)], { bare }),
          expected,
          `${name}, at ${cut}`,
        );
      }
    }
  }
});

const BEFORE = "Subject: x\r\n\r\nfirst";
const BEHIND = "MAIL FROM:<evil@example.com>\r\nRCPT TO:<a@b>\r\nDATA\r\nsecond\r\n.\r\n";
const SMUGGLED: [probe: string, state: DotState, normalized: string | undefined][] = [
  // what scanners send inbound
  ["\n.\n", "bareLf", "\r\n.\r\n"],
  ["\n.\r", "bareLf", "\r\n.\r\n"],
  ["\r.\n", "bareCr", "\r\n.\r\n"],
  ["\r.\r", "bareCr", "\r\n.\r\n"],
  ["\n.\r\n", "bareLf", "\r\n.\r\n"],
  ["\r.\r\n", "bareCr", "\r\n.\r\n"],
  ["\r\n.\n", "bareLf", "\r\n\r\n"],
  ["\r\n.\r", "bareCr", "\r\n\r\n"],
  ["\r\n\0.\r\n", "nul", undefined],
  ["\r\n.\0\r\n", "nul", undefined],
  ["\0\r\n", "nul", undefined],
  // what is meant for the next server
  ["\r\n.\r\r\n", "bareCr", "\r\n\r\n\r\n"],
  ["\r\r\n.\r\r\n", "bareCr", "\r\n\r\n\r\n\r\n"],
  ["\r\r\n..\r\n", "bareCr", "\r\n\r\n.\r\n"],
  ["\n\n.\n\n", "bareLf", "\r\n\r\n.\r\n\r\n"],
  ["\n\r\n..\n", "bareLf", "\r\n\r\n.\r\n"],
];

Deno.test("DotReader takes nothing but CRLF.CRLF for the end", () => {
  for (const [probe, state, normalized] of SMUGGLED) {
    const name = JSON.stringify(probe);
    const input = bytes(BEFORE + probe + BEHIND);
    for (let cut = 0; cut <= input.length; cut++) {
      const parts = [input.subarray(0, cut), input.subarray(cut)];
      assertEquals(decode(parts).state, state, name);
      const lenient = decode(parts, { bare: "normalize" });
      if (normalized === undefined) {
        assertEquals(lenient.state, state, name);
        continue;
      }
      // the commands became text, and only the true end at the bottom ended it
      const whole = BEFORE + normalized + BEHIND.replace(/\.\r\n$/, "");
      assertEquals(lenient, { text: whole, state: "end", rest: "" }, `${name}, normalized, cut at ${cut}`);
    }
  }
});

Deno.test("DotReader tells a bare line end as soon as it is seen", () => {
  const reader = new DotReader();
  assertEquals(reader.push(bytes("a\r")).state, "more");
  assertEquals(reader.push(bytes("b")).state, "bareCr");
  assertEquals(new DotReader().push(bytes("\n")).state, "bareLf");
  assertEquals(new DotReader().push(bytes(".\n")).state, "bareLf");
  assertEquals(new DotReader().push(bytes("\0")).state, "nul");
});

Deno.test("DotReader gives nothing more after a final state", () => {
  for (const input of [".\r\n", "\n", "\0"]) {
    const reader = new DotReader();
    const { state } = reader.push(bytes(input));
    assertEquals(reader.push(bytes("more\r\n")), { used: 0, pieces: [], state });
  }
});

Deno.test("DotReader tells a line over the maximum, also one that never ends", () => {
  const options = { maxLine: 10 };
  const cases: [string, DotState][] = [
    ["12345678\r\n.\r\n", "end"],
    ["123456789\r\n.\r\n", "lineTooLong"],
    ["..2345678\r\n.\r\n", "end"], // the transparent dot does not count
    [".123456789\r\n.\r\n", "lineTooLong"],
    ["a\r\n12345678\r\n12345678\r\n.\r\n", "end"],
    ["123456789", "lineTooLong"],
    ["12345678\r", "more"],
    ["123456789\0", "lineTooLong"],
    ["12345678\0", "nul"],
    ["12345678\n12345678\n\r\n.\r\n", "bareLf"],
  ];
  for (const [input, state] of cases) {
    const all = bytes(input);
    for (let cut = 0; cut <= all.length; cut++) {
      assertEquals(
        decode([all.subarray(0, cut), all.subarray(cut)], options).state,
        state,
        `${input} at ${cut}`,
      );
    }
  }
  assertEquals(decode([bytes("12345678\n12345678\r12345678\r\n.\r\n")], { maxLine: 10, bare: "normalize" }), {
    text: "12345678\r\n12345678\r\n12345678\r\n",
    state: "end",
    rest: "",
  });
});

Deno.test("DotReader hands out views, not copies", () => {
  const whole = bytes("a\r\nb\r\n");
  assertStrictEquals(new DotReader().push(whole).pieces[0], whole);
  const input = bytes("a\r\n..b\r\n.\r\n").subarray(0);
  const { pieces } = new DotReader().push(input);
  assertEquals(pieces.length, 2);
  for (const piece of pieces) assertStrictEquals(piece.buffer, input.buffer);
});

/** Texts made of what matters, so that the rare cases are frequent. */
const wireText = fc.array(
  fc.constantFrom("\r\n", "\r\n", "\r\n.", "\r\n.\r\n", ".", "..", "\r", "\n", "\0", "a", "bc", "\t", "\xe9"),
  { maxLength: 30, size: "max" },
).map((parts) => parts.join(""));

Deno.test("DotReader agrees with a slow reference, however the input is cut", () => {
  fc.assert(
    fc.property(
      wireText,
      fc.array(fc.nat(60), { maxLength: 8 }),
      fc.constantFrom<Options>({}, { bare: "normalize" }, { maxLine: 5 }, { maxLine: 4, bare: "normalize" }),
      (text, cuts, options) => {
        const all = bytes(text);
        const places = [0, ...cuts.map((cut) => Math.min(cut, all.length)).sort((a, b) => a - b), all.length];
        const parts = places.slice(1).map((place, n) => all.subarray(places[n], place));
        assertEquals(sure(decode(parts, options)), sure(reference(text, options)));
      },
    ),
    { numRuns: 3000 },
  );
});

Deno.test("DotReader gives back any text of CRLF lines whose dots were doubled", () => {
  const line = fc.array(fc.constantFrom(".", "a", " ", "\xff"), { maxLength: 5 }).map((parts) =>
    parts.join("")
  );
  fc.assert(fc.property(fc.array(line, { maxLength: 12 }), fc.nat(80), (lines, cut) => {
    const text = lines.map((one) => one + "\r\n").join("");
    const wire = bytes(
      lines.map((one) => (one.startsWith(".") ? "." : "") + one + "\r\n").join("") + ".\r\n",
    );
    const got = decode([wire.subarray(0, cut), wire.subarray(cut)]);
    assertEquals(got, { text, state: "end", rest: "" });
  }));
});

Deno.test("DotReader decodes 64 KiB pieces of a large text", () => {
  const part = bytes(("x".repeat(76) + "\r\n").repeat(840));
  const reader = new DotReader();
  let total = 0;
  for (let n = 0; n < 50; n++) {
    const { pieces, state } = reader.push(part);
    assertEquals(state, "more");
    assert(pieces.length === 1);
    total += pieces[0]!.length;
  }
  assertEquals(reader.push(bytes(".\r\n")).state, "end");
  assertEquals(total, 50 * part.length);
});

/** Texts of long lines with rare things in them: what is read four octets at a time. */
const longText = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.nat(90).map((length) => "x".repeat(length)) },
    { weight: 4, arbitrary: fc.constantFrom("\r\n", "\r\n", "\r\n.", "\xff\x80\x0e", "\t") },
    { weight: 1, arbitrary: fc.constantFrom("\r\n.\r\n", "\r", "\n", "\0", "\x0b") },
  ),
  { minLength: 6, maxLength: 30, size: "max" },
).map((parts) => parts.join(""));

Deno.test("DotReader agrees with the slow reference on long lines, wherever they are in memory", () => {
  fc.assert(
    fc.property(
      longText,
      fc.nat(7),
      fc.nat(700),
      fc.constantFrom<Options>({}, { bare: "normalize" }, { maxLine: 100 }),
      (text, before, cut, options) => {
        // what stands around it in memory is not looked at
        const memory = new Uint8Array(before + text.length + 5);
        memory.set(bytes(text), before);
        const [from, end] = [before, before + text.length];
        const place = Math.min(from + cut, end);
        const parts = [memory.subarray(from, place), memory.subarray(place, end)];
        assertEquals(sure(decode(parts, options)), sure(reference(text, options)));
      },
    ),
    { numRuns: 2000 },
  );
});
