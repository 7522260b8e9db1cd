/** Flags and keywords by name, as API and page are told them. */

import { Problem, quoted } from "../http/problem.ts";
import { ALL_FLAGS, flagBit, isKeyword } from "../mailbox/flags.ts";
import type { FlagChange } from "../mailbox/folders.ts";

/** Flags, bits of `flags.ts`, and keywords. */
export interface FlagSet {
  readonly flags: number;
  readonly keywords: readonly string[];
}

/** Names of flags: all that a message shall have, or those that it gets and loses. */
export interface NamedFlags {
  readonly flags?: readonly string[] | undefined;
  readonly addFlags?: readonly string[] | undefined;
  readonly removeFlags?: readonly string[] | undefined;
}

/** Reads names of flags; throws a {@linkcode Problem} that names the member where one is none. */
export function flagSet(names: readonly string[], member: string): FlagSet {
  let flags = 0;
  const keywords: string[] = [];
  for (const name of names) {
    const bit = flagBit(name);
    if (bit !== 0) flags |= bit;
    else if (isKeyword(name)) keywords.push(name);
    else {
      const known = "\\Seen, \\Answered, \\Flagged, \\Deleted, \\Draft";
      throw new Problem(
        422,
        `${member}: received "${quoted(name)}", expected ${known} or a word without blanks`,
      );
    }
  }
  return { flags: flags & ALL_FLAGS, keywords };
}

/** The changes that names ask for, in their order. */
export function flagChanges({ flags, addFlags, removeFlags }: NamedFlags): FlagChange[] {
  return [
    ...(flags ? [{ mode: "set" as const, ...flagSet(flags, "flags") }] : []),
    ...(removeFlags ? [{ mode: "remove" as const, ...flagSet(removeFlags, "removeFlags") }] : []),
    ...(addFlags ? [{ mode: "add" as const, ...flagSet(addFlags, "addFlags") }] : []),
  ];
}
