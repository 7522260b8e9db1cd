/** Messages whose every byte follows from a number, so that each can be made again and compared. */

import { seededRandom } from "../../../src/testing/mod.ts";

const WORDS = [
  "the",
  "stegosaurus",
  "..",
  "writes",
  ".",
  "caf\xe9",
  "to",
  "=20",
  "From ",
  "\xff\x80",
  "-- ",
  "a.b",
];

/** Letter `n`, a character per byte, at least `size` long: dots at line starts, eight-bit bytes, long and empty lines. */
export function letter(n: number, size: number): string {
  const random = seededRandom(n);
  const pick = (count: number) => Math.floor(random.float() * count);
  let text = `Subject: letter ${n} of ${size}\r\nX-Size: ${size}\r\n\r\n`;
  while (text.length < size) {
    let line = "";
    for (let words = pick(12); words > 0; words--) line += `${WORDS[pick(WORDS.length)]} `;
    // mostly ordinary lines; now and then a very long one, so that large letters don't cost thousands of lines
    text += (size > 50_000 && pick(2) === 0 ? line.padEnd(900, "x.") : line) + "\r\n";
  }
  return text;
}

/** Of a letter as it arrived: which one it is, and what is wrong with it. Trace fields, Date and Message-ID in front are right. */
export function inspect(arrived: string): { n: number; problem?: string } {
  const [, n, size] = /^Subject: letter (\d+) of (\d+)\r$/m.exec(arrived.slice(0, 4000)) ?? [];
  if (n === undefined) return { n: -1, problem: `is no letter of ours: ${arrived.slice(0, 200)}` };
  const original = letter(Number(n), Number(size));
  const added = arrived.slice(0, -original.length);
  if (!arrived.endsWith(original)) {
    return { n: Number(n), problem: `has ${arrived.length} bytes that are not those sent` };
  }
  return /^(?:(?:Received|Return-Path|Delivered-To|Date|Message-ID): [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)*$/
      .test(added)
    ? { n: Number(n) }
    : { n: Number(n), problem: `has this in front: ${added.slice(0, 400)}` };
}
