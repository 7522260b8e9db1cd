/** Signatures in a header section, and what they let nobody change (RFC 6376 3.4, 3.5; RFC 8617 4.1.2). */

import { nameOf } from "./mime_part.ts";

/** One signature: the fields it covers, and whether blanks and folding of them count. */
interface Signature {
  readonly covered: ReadonlySet<string>;
  readonly simple: boolean;
}

/** The signatures of a message. Each covers the content too. */
export class Signatures {
  readonly #all: readonly Signature[];

  /** Reads those of a header section, given as its fields. */
  constructor(fields: readonly string[]) {
    this.#all = fields
      .filter((field) => /^(?:dkim-signature|arc-message-signature)$/.test(nameOf(field)))
      .map((field) => {
        const value = field.slice(field.indexOf(":") + 1).replace(/[\r\n]/g, "");
        const tag = (name: string) => new RegExp(`(?:^|;)\\s*${name}\\s*=([^;]*)`).exec(value)?.[1] ?? "";
        const covered = tag("h").split(":").map((name) => name.trim().toLowerCase());
        return { covered: new Set([...covered, nameOf(field)]), simple: !/^\s*relaxed\b/i.test(tag("c")) };
      });
  }

  /** Is there any? Then the content may not change. */
  get any(): boolean {
    return this.#all.length > 0;
  }

  /** May the value of a field change? */
  mayChange(field: string): boolean {
    const name = nameOf(field);
    return !this.#all.some(({ covered }) => covered.has(name)) && !(this.any && name.startsWith("arc-"));
  }

  /** May a field be folded otherwise? */
  mayFold(field: string): boolean {
    const name = nameOf(field);
    return !this.#all.some(({ covered, simple }) => simple && covered.has(name));
  }
}
