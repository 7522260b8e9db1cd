/** The forward-confirmed reverse DNS of a client: a name of its address that leads back to it (RFC 8601 3). */

import { canonicalIp, canonicalName, isDnsName } from "../dns/names.ts";
import type { Resolver } from "../dns/resolver.ts";

/**
 * What came of it: `pass`; `fail`: it has names, and none of them leads back; `permerror`: it has no name;
 * `temperror`: the DNS could not be asked (RFC 8601 2.7.3).
 */
export interface IprevVerdict {
  readonly result: "pass" | "fail" | "temperror" | "permerror";
  /** The client's address, canonical. */
  readonly ip: string;
  /** The name that leads back, or the first of those that don't. */
  readonly name?: string;
  /** In words why there is no pass. */
  readonly reason?: string;
}

/** So many names are looked up: nobody who means well has more. */
const MAX_NAMES = 5;

/** Checks a client. Never rejects. */
export async function checkIprev(
  address: string,
  resolver: Pick<Resolver, "ptr" | "addresses">,
): Promise<IprevVerdict> {
  const ip = canonicalIp(address) ?? address;
  const found = await resolver.ptr(ip);
  if (found.kind === "temporaryFailure") return { result: "temperror", ip, reason: found.why };
  const names = found.kind === "found" ? found.records.map(canonicalName).filter(isDnsName) : [];
  if (names.length === 0) return { result: "permerror", ip, reason: "the address has no name" };
  const family = ip.includes(":") ? 6 : 4;
  let failure: string | undefined;
  for (const name of names.slice(0, MAX_NAMES)) {
    const addresses = await resolver.addresses(name, family);
    if (addresses.kind === "found" && addresses.records.some((one) => canonicalIp(one) === ip)) {
      return { result: "pass", ip, name };
    }
    if (addresses.kind === "temporaryFailure") failure ??= addresses.why;
  }
  const name = names[0]!;
  if (failure !== undefined) return { result: "temperror", ip, name, reason: failure };
  return { result: "fail", ip, name, reason: "no name of the address leads back to it" };
}
