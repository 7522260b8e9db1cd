/** The order of keys as texts: two keys compare as KV has them when their texts compare unit by unit. */

import { binaryString, encode } from "../base/bytes.ts";

/** What a part begins with: bytes come first, then texts, numbers, and the truth. */
const TAG = { bytes: "\x01", string: "\x02", number: "\x21", no: "\x26", yes: "\x27" } as const;
/** Ends bytes and texts; in the midst of them it is followed by `ESCAPED`. */
const END = "\0";
const ESCAPED = "\0\xff";
const BEYOND_ASCII = /\P{ASCII}/u;

const number = new DataView(new ArrayBuffer(8));

/** The text of a key: a unit for each octet of its encoding. */
export function orderText(key: Deno.KvKey): string {
  let text = "";
  for (const part of key) {
    if (typeof part === "string") text += TAG.string + textOf(part) + END;
    else if (typeof part === "number") text += TAG.number + textOfNumber(part);
    else if (typeof part === "boolean") text += part ? TAG.yes : TAG.no;
    else if (part instanceof Uint8Array) text += TAG.bytes + escaped(binaryString(part)) + END;
    else throw new TypeError(`Invalid key: it can't have a part of the type ${typeof part}`);
  }
  return text;
}

/** What a selector takes in, from `start` on, up to and not with `end`: a prefix stands for all keys that are longer. */
export function orderRange(selector: Deno.KvListSelector): { start: string; end: string } {
  if (!("prefix" in selector)) return { start: orderText(selector.start), end: orderText(selector.end) };
  const prefix = orderText(selector.prefix);
  return {
    start: "start" in selector ? orderText(selector.start) : `${prefix}\0`,
    end: "end" in selector ? orderText(selector.end) : `${prefix}\xff`,
  };
}

/** Texts are in the order of their UTF-8. */
function textOf(part: string): string {
  return escaped(BEYOND_ASCII.test(part) ? binaryString(encode(part)) : part);
}

function escaped(octets: string): string {
  return octets.includes(END) ? octets.replaceAll(END, ESCAPED) : octets;
}

/** Negative numbers have all bits turned, the others the sign's alone. */
function textOfNumber(part: number): string {
  number.setFloat64(0, part);
  let [high, low] = [number.getUint32(0), number.getUint32(4)];
  if (high >= 0x80000000) [high, low] = [~high, ~low];
  else high ^= 0x80000000;
  return textOfWord(high) + textOfWord(low);
}

function textOfWord(word: number): string {
  return String.fromCharCode(word >>> 24, (word >> 16) & 0xff, (word >> 8) & 0xff, word & 0xff);
}
