/** How much of a command is held or thrown away, for whom. */

import type { ReaderLimits } from "./command_reader.ts";

/** Of strangers little is held. */
export const LIMITS_OF_STRANGERS: ReaderLimits = {
  line: 16_384,
  literal: 4096,
  literals: 8,
  command: 24_576,
  unwanted: 65_536,
};

/** So many times the largest message goes by where the client sends it unasked. */
const UNWANTED_MESSAGES = 4;

/** Of who has logged in: a line holds sets of thousands of UIDs (RFC 9051 4 asks for 8,192 octets at least). */
export function limitsOfUsers(messageSize: number): ReaderLimits {
  return {
    line: 65_536,
    literal: 65_536,
    literals: 1000,
    command: 262_144,
    unwanted: UNWANTED_MESSAGES * messageSize,
  };
}
