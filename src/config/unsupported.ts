/**
 * The settings that the schema knows and the server can't do yet. What asks for them is refused, whether a server starts
 * or the configuration is checked; what is as it is without them (signing) is taken, with a warning
 * where it is written down. When a feature is finished, its rows go.
 */

import type { Path } from "./keys.ts";
import type { Parsed } from "./schema.ts";

/** One feature that is missing. */
export interface Unsupported {
  /** The key that asks for it. */
  path: Path;
  /** Whether the configuration asks for it. */
  asked(parsed: Parsed): boolean;
  instead: string;
}

const LISTENERS = ["imap", "imaps"] as const;

/** The features that are missing. */
export const UNSUPPORTED: readonly Unsupported[] = [
  ...LISTENERS.map((kind) => ({
    path: ["listen", kind],
    asked: ({ listen }: Parsed) => listen[kind].length > 0,
    instead: "[]",
  })),
  { path: ["checks", "dnsbl"], asked: ({ checks }) => checks.dnsbl.length > 0, instead: "[]" },
  { path: ["checks", "greylist"], asked: ({ checks }) => checks.greylist, instead: "false" },
];

/** A setting that is accepted since it harms nobody, and does nothing yet. */
export interface Idle {
  /** Its key. */
  path: Path;
  /** Whether it stands at a value that would do something. */
  set(parsed: Parsed): boolean;
  /** What is not done. */
  text: string;
}

/** Those settings. */
export const IDLE: readonly Idle[] = [
  {
    path: ["dkim", "sign"],
    set: ({ dkim }) => dkim.sign,
    text: "does nothing yet: no message is signed",
  },
];
