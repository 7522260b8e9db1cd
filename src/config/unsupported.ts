/**
 * The settings that the schema knows and the server can't do yet. What asks for them is refused, whether a server starts
 * or the configuration is checked. When a feature is finished, its rows go.
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

/** The features that are missing. */
export const UNSUPPORTED: readonly Unsupported[] = [];
