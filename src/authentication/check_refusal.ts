/** The refusal of mail that fails a check whose policy is `enforce`: 550, or 451 where the DNS can't be asked. */

import type { ArcResult } from "./arc_verifier.ts";
import type { CheckResults } from "./check_results.ts";
import type { DkimResult } from "./dkim_result.ts";
import type { DmarcVerdict } from "./dmarc.ts";
import type { SpfRequest, SpfVerdict } from "./spf.ts";

/** What is done with a result: the check isn't made, the result is told, or mail that fails is refused. */
export type CheckPolicy = "off" | "mark" | "enforce";
/** The checks that have a policy. */
export type CheckName = "spf" | "dkim" | "dmarc" | "arc";
/** What is done with the results of each. */
export type CheckPolicies = Readonly<Record<CheckName, CheckPolicy>>;

/** Why a message is refused: for ever, or for as long as the DNS can't be asked. */
export interface CheckRefusal {
  readonly check: CheckName;
  readonly temporary: boolean;
  /** The enhanced status' last number (RFC 7372, 8617 10.3): 23 for SPF. */
  readonly detail: number;
  /** For the sender, in printable ASCII. */
  readonly text: string;
}

/** The first refusal that a policy of `enforce` asks for; one for ever goes before one for now. */
export function refusalOf(
  { spf, dkim, dmarc, arc }: CheckResults,
  policies: CheckPolicies,
  client: SpfRequest,
): CheckRefusal | undefined {
  const all = [
    spf && spfRefusal(spf, client),
    dkim && dkimRefusal(dkim),
    arc && arcRefusal(arc),
    dmarc && dmarcRefusal(dmarc),
  ]
    .filter((refusal) => refusal !== undefined && policies[refusal.check] === "enforce");
  return all.find((refusal) => !refusal!.temporary) ?? all[0];
}

function spfRefusal(
  { result, domain, reason, explanation }: SpfVerdict,
  { ip }: SpfRequest,
): CheckRefusal | undefined {
  const check = { check: "spf" } as const;
  if (result === "temperror") {
    return {
      ...check,
      temporary: true,
      detail: 24,
      text: `SPF of ${domain} can't be checked now; try again later`,
    };
  }
  if (result !== "fail") return undefined;
  // the domain's own words are told as such (RFC 7208 6.2)
  const why = explanation === undefined ? `by its record (${reason})` : `; it says: ${explanation}`;
  const text = `SPF: ${domain} does not let ${ip} send its mail${explanation === undefined ? " " : ""}${why}`;
  return { ...check, temporary: false, detail: 23, text };
}

/** Mail that isn't signed is not refused: nothing tells that it should be. */
function dkimRefusal(signatures: readonly DkimResult[]): CheckRefusal | undefined {
  if (signatures.length === 0 || signatures.some(({ result }) => result === "pass")) return undefined;
  const temporary = signatures.some(({ result }) => result === "temperror");
  const { reason = "" } = signatures[0]!;
  const text = temporary
    ? "DKIM can't be checked now; try again later"
    : `DKIM: no signature of the message passes (${reason})`;
  return { check: "dkim", temporary, detail: 20, text };
}

function arcRefusal({ result, reason = "", temporary }: ArcResult): CheckRefusal | undefined {
  if (result !== "fail") return undefined;
  const text = temporary ? "ARC can't be checked now; try again later" : `ARC: the chain fails (${reason})`;
  return { check: "arc", temporary: temporary ?? false, detail: 29, text };
}

function dmarcRefusal(
  { result, domain, policy, disposition, reason = "" }: DmarcVerdict,
): CheckRefusal | undefined {
  const check = { check: "dmarc", detail: 26 } as const;
  if (result === "temperror" && (policy === undefined || disposition === "reject")) {
    return { ...check, temporary: true, text: `DMARC of ${domain} can't be checked now; try again later` };
  }
  if (disposition !== "reject" || (result !== "fail" && result !== "permerror")) return undefined;
  const text = result === "fail"
    ? `DMARC: ${domain} wants such mail refused (p=reject); ${reason}`
    : `DMARC: ${reason}`;
  return { ...check, temporary: false, text };
}
