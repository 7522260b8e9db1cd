/** Flags of messages as text (RFC 9051 2.3.2), those that come again made once. */

import { ALL_FLAGS, flagNames } from "../mailbox/flags.ts";

/** Flags as text, by the keywords of a folder. */
export class FlagsText {
  readonly #keywords: readonly string[];
  readonly #system: (string | undefined)[] = new Array(ALL_FLAGS + 1);
  readonly #known = new Map<number, string>();

  /** `keywords`: by bit; "": none. */
  constructor(keywords: readonly string[]) {
    this.#keywords = keywords;
  }

  /** In parentheses: `(\Seen $Forwarded)`. `low` and `high` are the bits of the keywords 0 to 31 and 32 to 63. */
  text(flags: number, { low, high, recent }: { low: number; high: number; recent: boolean }): string {
    const text = high !== 0
      ? this.#made(flags, low, high)
      : low === 0
      ? this.#system[flags] ??= this.#made(flags, 0, 0)
      : this.#withKeywords(flags, low);
    if (!recent) return text;
    return text === "()" ? "(\\Recent)" : `${text.slice(0, -1)} \\Recent)`;
  }

  #withKeywords(flags: number, low: number): string {
    const key = low * (ALL_FLAGS + 1) + flags;
    let text = this.#known.get(key);
    if (text === undefined) this.#known.set(key, text = this.#made(flags, low, 0));
    return text;
  }

  #made(flags: number, low: number, high: number): string {
    const names = flagNames(flags);
    for (const [bit, keyword] of this.#keywords.entries()) {
      const bits = bit < 32 ? low : high;
      if (keyword !== "" && (bits >>> (bit & 31) & 1) === 1) names.push(keyword);
    }
    return `(${names.join(" ")})`;
  }
}
