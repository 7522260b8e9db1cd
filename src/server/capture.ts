/** What capture mode changes in the composition of a server. */

import { isLoopbackName } from "../base/ip.ts";
import { systemClock } from "../base/clock.ts";
import { MovableClock } from "../base/movable_clock.ts";
import { systemRandom } from "../base/random.ts";
import { captureOf, NO_CHECKS } from "../config/capture.ts";
import type { Config } from "../config/config.ts";
import { FaultRules } from "../faults/rules.ts";
import type { MailServerOptions } from "./options.ts";

/** How long a connection of a server that captures may be silent: whoever debugs a program takes that long. */
const PATIENCE_MS = 3600_000;

/** The configuration and the options of a server of which one of the two says that it captures. */
export function withCapture(
  config: Config,
  options: MailServerOptions,
): { config: Config; options: MailServerOptions } {
  const capture = config.capture ||
    captureOf(options.capture ?? false, { memory: Boolean(options.inMemory) });
  if (!capture) return { config, options };
  const { inMemory = capture.memory, random = systemRandom } = options;
  const changed = {
    ...options,
    inMemory,
    faults: options.faults ?? new FaultRules({
      random,
      byAddress: true,
      withoutTls: config.tls === null && options.certificate === undefined &&
        config.listen.submissions.length === 0,
    }),
    clock: options.clock ?? new MovableClock(systemClock),
  };
  if (config.capture) return { config, options: changed };
  const limits = {
    ...config.limits,
    commandTimeout: Math.max(config.limits.commandTimeout, PATIENCE_MS),
  };
  return {
    config: { ...config, capture, limits, checks: NO_CHECKS },
    options: changed,
  };
}

/**
 * Does the HTTP surface serve everybody who reaches it? Where it captures, nobody but this machine does, and nobody has
 * a token.
 */
export function isOpen({ capture, admin, listen }: Config): boolean {
  return capture !== false && admin.token === null && Object.keys(admin.users).length === 0 &&
    Object.values(listen).flat().every(({ hostname }) => isLoopbackName(hostname));
}
