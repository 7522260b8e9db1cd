/** Faults that a recipient's address asks for: `fault-rcpt-451@…`, `fault-data-drop@…`, in any domain. */

import { statusFor } from "../mail/outcome.ts";
import type { FaultAction, FaultStatus } from "./action.ts";
import type { FaultStage } from "./rule.ts";

/** Where an address is known. */
export const ASKED_STAGES: readonly FaultStage[] = ["rcpt", "data", "end"];

const ASKED = /^fault-(rcpt|data|end)-([45]\d\d|drop)(?:\+[^@]*)?@/i;
const TOO_LATE = /^fault-(connect|ehlo|starttls|auth|mail)-([45]\d\d|drop)(?:\+[^@]*)?@/i;

/** What an address asks for; undefined: nothing. A subaddress (`fault-rcpt-451+one@…`) changes nothing. */
export function askedFault(address: string): { stage: FaultStage; action: FaultAction } | undefined {
  const late = TOO_LATE.exec(address);
  if (late) {
    // the stage is over when the address is heard of
    const text = `A recipient can ask for a fault at rcpt, data or end; ${
      late[1]!.toLowerCase()
    } is over by then`;
    return { stage: "rcpt", action: { kind: "reply", code: 550, status: "5.1.3", lines: [text] } };
  }
  const asked = ASKED.exec(address);
  if (!asked) return undefined;
  const stage = asked[1]!.toLowerCase() as FaultStage;
  const what = asked[2]!.toLowerCase();
  if (what === "drop") return { stage, action: { kind: "drop" } };
  const code = Number(what);
  const status = statusFor(code) as FaultStatus;
  return { stage, action: { kind: "reply", code, status, lines: ["The recipient's address asks for this"] } };
}
