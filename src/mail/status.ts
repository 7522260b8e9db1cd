/** In charge of enhanced status codes (RFC 3463) as they stand in, or are missing from, a reply. */

import type { EnhancedStatus } from "./outcome.ts";

const LEADING = /^\s*([245]\.\d{1,3}\.\d{1,3})(?=\s|$)/;

/** The enhanced status that a reply's text begins with; undefined when it begins with none. */
export function statusOf(text: string): EnhancedStatus | undefined {
  return LEADING.exec(text)?.[1] as EnhancedStatus | undefined;
}

/** The status to take for a reply code that came without one; what is neither 2xx nor 5xx may be tried again. */
export function statusFor(code: number): EnhancedStatus {
  const first = Math.floor(code / 100);
  return first === 2 ? "2.0.0" : first === 5 ? "5.0.0" : "4.0.0";
}
