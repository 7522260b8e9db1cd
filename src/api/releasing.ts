/** The release of a captured message to the real world, for API and page. */

import { Problem } from "../http/problem.ts";
import { BodyMissing } from "../storage/bodies/bodies.ts";
import type { AdminOptions } from "./options.ts";
import { mailboxOf } from "./schemas.ts";

/** Sends a captured message on, octet for octet: the id it is queued by. Throws a {@linkcode Problem} when it can't be. */
export async function releaseCaptured(
  { captured, releases }: AdminOptions,
  id: string,
  recipients: readonly string[],
): Promise<string> {
  const to = recipients.map((text, i) => mailboxOf(text, `to.${i}`));
  const message = captured?.get(id);
  try {
    if (message && releases) return await releases.release(message, to);
  } catch (error) {
    if (!(error instanceof BodyMissing)) throw error;
  }
  throw new Problem(404, "The message was removed meanwhile");
}
