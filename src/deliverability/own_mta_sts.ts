/** The MTA-STS policy of our own domains (RFC 8461 3.2), and the id that tells others of a new one. */

import process from "node:process";

/** `enforce`: who can't verify our certificate keeps the mail back; `testing`: it only reports that. */
export type OwnPolicyMode = "enforce" | "testing";

/**
 * Seconds that a policy holds for who has seen it. One that only tests is read anew within a day, so that `enforce` is
 * noticed without another id.
 */
const MAX_AGE = { enforce: 14 * 86_400, testing: 86_400 } as const;

/** The text of the policy: the mail comes to the one host. */
export function ownPolicy(hostname: string, mode: OwnPolicyMode): string {
  return ["version: STSv1", `mode: ${mode}`, `mx: ${hostname}`, `max_age: ${MAX_AGE[mode]}`, ""].join("\r\n");
}

/** Was the id made here? An operator's own looks otherwise. */
export function isOwnPolicyId(id: string): boolean {
  return /^p[0-9a-f]{16}$/.test(id);
}

/** The id of the policy as it should be (RFC 8461 3.1): another policy, another id. */
export function ownPolicyId(hostname: string): string {
  const { createHash } = process.getBuiltinModule("node:crypto");
  return `p${createHash("sha256").update(ownPolicy(hostname, "enforce")).digest("hex").slice(0, 16)}`;
}
