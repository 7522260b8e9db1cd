/**
 * The settings that the schema knows and the server can't do yet. They are refused when the server starts, but for
 * `checks.*` at "mark", which means no checks yet. When a feature is finished, its row goes.
 */

import type { Config } from "./config.ts";
import type { Path } from "./keys.ts";

/** One feature that is missing. */
export interface Unsupported {
  /** The key that asks for it. */
  path: Path;
  /** Whether the configuration asks for it. */
  asked(config: Config): boolean;
  instead: string;
}

/** The features that are missing, in the order of the file. `checks.*` at "mark" is taken as "no checks yet". */
export const UNSUPPORTED: readonly Unsupported[] = [
  { path: ["checks", "spf"], asked: (c) => c.checks.spf === "enforce", instead: '"mark" or "off"' },
  { path: ["checks", "dkim"], asked: (c) => c.checks.dkim === "enforce", instead: '"mark" or "off"' },
  { path: ["checks", "dmarc"], asked: (c) => c.checks.dmarc === "enforce", instead: '"mark" or "off"' },
  { path: ["checks", "arc"], asked: (c) => c.checks.arc === "enforce", instead: '"mark" or "off"' },
  { path: ["checks", "dnsbl"], asked: (c) => c.checks.dnsbl.length > 0, instead: "[]" },
  { path: ["checks", "greylist"], asked: (c) => c.checks.greylist, instead: "false" },
];
