/** The ids of messages: short, unique across servers, and sorted by time as text. */

import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";

const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; // Crockford's base 32: its text order is its numeric order
const ID = /^[0-9A-HJKMNP-TV-Z]{16}$/;

/** Has a text the form of an id? */
export function isId(text: string): boolean {
  return ID.test(text);
}

/** The time that is in an id: milliseconds since 1970. */
export function timeOfId(id: string): number {
  let ms = 0;
  for (let i = 0; i < 9; i++) ms = ms * 32 + DIGITS.indexOf(id[i] ?? "0");
  return ms;
}

/**
 * Makes ids of 16 characters: 9 for the millisecond (until the year 3084), 7 are random. Ids of one maker rise
 * strictly, also within a millisecond and when the system's clock is set back.
 */
export class IdMaker {
  #lastMs = 0;
  #lastRandom = 0;
  readonly #codes: number[] = new Array(16).fill(0);

  /** Ids of that time, made distinct by that randomness. */
  constructor(private readonly clock: Clock, private readonly random: Random) {}

  /** A new id. */
  next(): string {
    const ms = this.clock.now();
    if (ms > this.#lastMs) {
      this.#lastMs = ms;
      const [a, b, c, d] = this.random.bytes(4) as unknown as [number, number, number, number];
      // 32 random bits of 35: room for billions of steps within the millisecond
      this.#lastRandom = ((a << 24) >>> 0) + (b << 16) + (c << 8) + d;
    } else {
      this.#lastRandom++;
    }
    putDigits(this.#codes, this.#lastMs, { from: 0, to: 9 });
    putDigits(this.#codes, this.#lastRandom, { from: 9, to: 16 });
    // one flat text: what is put together by + takes three times the memory, and there may be a million of them
    return String.fromCharCode.apply(null, this.#codes);
  }
}

function putDigits(codes: number[], value: number, { from, to }: { from: number; to: number }): void {
  for (let i = to - 1; i >= from; i--) {
    codes[i] = DIGITS.charCodeAt(value % 32);
    value = Math.floor(value / 32);
  }
}
