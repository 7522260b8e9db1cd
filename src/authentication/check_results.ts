/** The results of a message's checks, and how they are told: in the field, and in a word each. */

import type { ArcResult } from "./arc_verifier.ts";
import type { MethodResult } from "./authentication_results.ts";
import type { DkimResult } from "./dkim_result.ts";
import type { DmarcVerdict } from "./dmarc.ts";
import type { IprevVerdict } from "./iprev.ts";
import type { SpfVerdict } from "./spf.ts";

/** What the checks came to; absent: that check is off. */
export interface CheckResults {
  readonly iprev: IprevVerdict;
  readonly spf?: SpfVerdict;
  readonly dkim?: readonly DkimResult[];
  readonly arc?: ArcResult;
  readonly dmarc?: DmarcVerdict;
}

/** The results in the words of RFC 8601 2.7, in the order in which they are told. */
export function methodResults({ spf, dkim, dmarc, arc, iprev }: CheckResults): MethodResult[] {
  const told: MethodResult[] = [];
  const tell = (
    method: string,
    of: { result: string; reason?: string },
    properties: MethodResult["properties"],
  ) => {
    const reason = of.result === "pass" || of.reason === undefined ? {} : { reason: of.reason };
    told.push({ method, result: of.result, ...reason, properties });
  };
  if (spf) tell("spf", spf, spf.domain === "" ? {} : { [`smtp.${spf.identity}`]: spf.domain });
  if (dkim?.length === 0) tell("dkim", { result: "none" }, {});
  for (const signature of dkim ?? []) {
    const { domain, selector, algorithm, start } = signature;
    tell("dkim", signature, {
      ...(domain !== undefined && { "header.d": domain }),
      ...(selector !== undefined && { "header.s": selector }),
      ...(algorithm !== undefined && { "header.a": algorithm }),
      ...(start !== undefined && { "header.b": start }),
    });
  }
  if (dmarc) {
    tell("dmarc", dmarc, {
      ...(dmarc.domain !== "" && { "header.from": dmarc.domain }),
      ...(dmarc.policy && { "policy.dmarc": dmarc.disposition }),
    });
  }
  if (arc) tell("arc", arc, {});
  tell("iprev", iprev, { "policy.iprev": iprev.ip });
  return told;
}

/** A word for each method; a pass stands for the others. */
export function wordsOf(results: readonly MethodResult[]): Record<string, string> {
  const words: Record<string, string> = {};
  for (const { method, result } of results) {
    if (words[method] === undefined || result === "pass") words[method] = result;
  }
  return words;
}
