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

/** The numbers of processes are below that one: four digits of an id. */
export const NUMBERS = 2 ** 20;
/** So many ids a process with a number has in a millisecond: three digits. */
const STEPS = 2 ** 15;

/** The first text that an id of that time may begin with: all ids of earlier times sort before it. */
export function idsFrom(ms: number): string {
  const codes: number[] = [];
  putDigits(codes, Math.max(0, ms), { from: 0, to: 9 });
  return String.fromCharCode(...codes);
}

/**
 * Makes ids of 16 characters: 9 for the millisecond (until the year 3084), 7 are random. Where processes share a store
 * each has a number that no other has, which stands in place of the first 4 random ones: so two ids never meet. Ids of
 * one maker rise strictly, also within a millisecond and when the system's clock is set back.
 */
export class IdMaker {
  #lastMs = 0;
  #lastStep = 0;
  /** The steps of this millisecond end before that one. */
  #end = 0;
  readonly #codes: number[] = new Array(16).fill(0);

  /**
   * Ids of that time, made distinct by that randomness and, where there is one, the number of this process; only one
   * maker may go by it.
   */
  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly number: () => number | undefined = () => undefined,
  ) {}

  /** A new id. */
  next(): string {
    const ms = this.clock.now();
    if (ms > this.#lastMs) this.#begin(ms);
    else if (++this.#lastStep >= this.#end) this.#begin(this.#lastMs + 1);
    putDigits(this.#codes, this.#lastMs, { from: 0, to: 9 });
    putDigits(this.#codes, this.#lastStep, { from: 9, to: 16 });
    // one flat text: what is put together by + takes three times the memory, and there may be a million of them
    return String.fromCharCode.apply(null, this.#codes);
  }

  #begin(ms: number): void {
    this.#lastMs = ms;
    const [a, b, c, d] = this.random.bytes(4) as unknown as [number, number, number, number];
    const number = this.number();
    // the first step is a random one, with room for as many behind it
    if (number === undefined) this.#lastStep = ((a << 24) >>> 0) + (b << 16) + (c << 8) + d;
    else this.#lastStep = number * STEPS + (((a << 8) + b) & (STEPS / 2 - 1));
    this.#end = number === undefined ? 2 ** 35 : (number + 1) * STEPS;
  }
}

function putDigits(codes: number[], value: number, { from, to }: { from: number; to: number }): void {
  for (let i = to - 1; i >= from; i--) {
    codes[i] = DIGITS.charCodeAt(value % 32);
    value = Math.floor(value / 32);
  }
}
