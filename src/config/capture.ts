/** What capture mode changes in a configuration: defaults of its own, and what is not asked of captured mail. */

import type { CaptureConfig, CheckPolicy } from "./config.ts";
import type { Path } from "./keys.ts";

/** What the file says of it. */
export type ParsedCapture =
  | boolean
  | { readonly messages?: number; readonly age?: number; readonly size?: number };

/** So many messages are kept unless the configuration says otherwise. */
const MESSAGES = 100_000;
/** So many octets are kept in memory, and on disk. */
const SIZE_IN_MEMORY = 256 * 1024 * 1024;
const SIZE_ON_DISK = 4 * 1024 * 1024 * 1024;

/** Where it listens without a configuration: what programs that send to a capturing server have as their default. */
const LISTEN: readonly [Path, unknown][] = [
  [["listen", "smtp"], ["127.0.0.1:1025"]],
  [["listen", "pop3"], ["127.0.0.1:1110"]],
  [["listen", "admin"], ["127.0.0.1:8025"]],
];
/** A connection that a debugger holds up is still there when its program goes on. */
const PATIENCE: readonly [Path, unknown][] = [[["limits", "commandTimeout"], "1h"]];

/** The values that take the place of what was left out. */
export function captureDefaults({ hasFile }: { hasFile: boolean }): readonly [Path, unknown][] {
  return hasFile ? PATIENCE : [...LISTEN, ...PATIENCE];
}

/** What is kept. `memory`: nothing was said of a place for it. */
export function captureOf(parsed: ParsedCapture, { memory }: { memory: boolean }): CaptureConfig | false {
  if (parsed === false) return false;
  const { messages = MESSAGES, age = null, size = memory ? SIZE_IN_MEMORY : SIZE_ON_DISK } = parsed === true
    ? {}
    : parsed;
  return { messages, age, size, memory };
}

/** No check is made of captured mail: it stays as it was sent. */
export const NO_CHECKS: {
  spf: CheckPolicy;
  dkim: CheckPolicy;
  dmarc: CheckPolicy;
  arc: CheckPolicy;
  dnsbl: string[];
  greylist: boolean;
} = { spf: "off", dkim: "off", dmarc: "off", arc: "off", dnsbl: [], greylist: false };
