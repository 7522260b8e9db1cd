/**
 * The reads of single keys, several in one request: who asks while others are on their way goes with the next ones. A
 * request costs a server ten times what a key in it costs, and a delivery asks for some keys by themselves.
 */

import { MAX_KEYS_AT_ONCE } from "../port.ts";
import type { ReadRange, SentEntry } from "./messages.ts";

/** So many requests are on their way at once: one that is slow holds up few others. */
const AT_ONCE = 4;

interface Asked {
  readonly ranges: readonly ReadRange[];
  resolve(found: SentEntry[][]): void;
  reject(error: unknown): void;
}

/** Puts reads together. */
export class SharedReads {
  readonly #send: (ranges: readonly ReadRange[]) => Promise<SentEntry[][]>;
  #waiting: Asked[] = [];
  #underWay = 0;
  #begins = false;

  /** `send` makes one request. */
  constructor(send: (ranges: readonly ReadRange[]) => Promise<SentEntry[][]>) {
    this.#send = send;
  }

  /**
   * What is in the ranges, ten at most, all at one instant behind this call. What of it is not there, or can't be read,
   * is no matter of the others; an error of the request is everybody's.
   */
  read(ranges: readonly ReadRange[]): Promise<SentEntry[][]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ranges, resolve, reject });
      if (this.#begins) return;
      this.#begins = true;
      // what is asked for in the same turn goes together
      queueMicrotask(() => {
        this.#begins = false;
        this.#run();
      });
    });
  }

  #run(): void {
    while (this.#waiting.length > 0 && this.#underWay < AT_ONCE) {
      let count = 0;
      let size = 0;
      for (const { ranges } of this.#waiting) {
        if (count > 0 && size + ranges.length > MAX_KEYS_AT_ONCE) break;
        size += ranges.length;
        count++;
      }
      this.#underWay++;
      void this.#ask(this.#waiting.splice(0, count));
    }
  }

  async #ask(all: readonly Asked[]): Promise<void> {
    try {
      const found = await this.#send(all.flatMap(({ ranges }) => ranges));
      let at = 0;
      for (const { ranges, resolve } of all) resolve(found.slice(at, at += ranges.length));
    } catch (error) {
      for (const { reject } of all) reject(error);
    } finally {
      this.#underWay--;
      this.#run();
    }
  }
}
