/** The flags that a client gives. */

import { flagBit, isKeyword } from "../mailbox/flags.ts";
import { bad, no } from "./session_state.ts";

/** Flags as the store takes them. */
export interface GivenFlags {
  readonly flags: number;
  readonly keywords: readonly string[];
}

/** Bits and keywords; `\Recent` is overlooked. Throws a refusal for what is none. */
export function givenFlags(names: readonly string[]): GivenFlags {
  let flags = 0;
  const keywords = new Map<string, string>();
  for (const name of names) {
    if (name.startsWith("\\")) {
      const bit = flagBit(name);
      if (bit === 0 && name.toLowerCase() !== "\\recent") throw bad(`There is no flag ${name.slice(0, 40)}`);
      flags |= bit;
    } else if (isKeyword(name)) keywords.set(name.toLowerCase(), name);
    else throw no(`That is no keyword, or too long: ${name.slice(0, 40)}`, "LIMIT");
  }
  return { flags, keywords: [...keywords.values()] };
}
