/** The addresses that mail may be sent to, and the order in which those of a host are tried. */

import ipaddr from "ipaddr.js";

/** IPv4 networks for documentation: they lead nowhere, so nothing is gained by refusing them (RFC 5737). */
const DOCUMENTATION = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"].map((text) =>
  ipaddr.IPv4.parseCIDR(text)
);
/** All of IPv6 that was given out so far for the world to reach (RFC 4291 2.4). */
const GLOBAL_V6 = ipaddr.IPv6.parseCIDR("2000::/3");
/** IPv4-compatible addresses, deprecated (RFC 4291 2.5.5.1). */
const COMPATIBLE_V6 = ipaddr.IPv6.parseCIDR("::/96");
/** NAT64 on a network's own terms: where it leads only that network knows (RFC 8215). */
const LOCAL_NAT64 = ipaddr.IPv6.parseCIDR("64:ff9b:1::/48");

/** What an address is to us: `never` can't be one host's address at all. */
type Reach = "public" | "private" | "never";
interface Place {
  reach: Reach;
  /** For people: "loopback", "carrier-grade NAT". */
  what: string;
}

/** Ranges of ipaddr.js, for both families. Those that aren't here are public. */
const PLACES: Record<string, Place> = {
  unspecified: { reach: "never", what: "unspecified" },
  broadcast: { reach: "never", what: "broadcast" },
  multicast: { reach: "never", what: "multicast" },
  loopback: { reach: "private", what: "loopback" },
  private: { reach: "private", what: "private" },
  linkLocal: { reach: "private", what: "link-local" },
  carrierGradeNat: { reach: "private", what: "carrier-grade NAT" },
  uniqueLocal: { reach: "private", what: "unique local" },
  deprecatedSiteLocal: { reach: "private", what: "site-local" },
};
const PUBLIC: Place = { reach: "public", what: "public" };
const RESERVED: Place = { reach: "private", what: "reserved" };

/**
 * Why no mail is sent to an address, as a word or two ("loopback", "private, within NAT64"); undefined when it may be.
 * A stranger's MX record must not make this server talk to the hosts around it; so also not by way of the forms of
 * IPv6 that carry an IPv4 address. With `allowPrivate` only what can't be a host's address is refused.
 */
export function refusal(ip: string, allowPrivate: boolean): string | undefined {
  if (!ipaddr.isValid(ip)) return "not an address";
  const { reach, what } = placeOf(ipaddr.parse(ip));
  return reach === "never" || (reach === "private" && !allowPrivate) ? what : undefined;
}

/**
 * A host's addresses in the order in which they are tried: IPv4 and IPv6 in turn, IPv4 first, so that one family that
 * leads nowhere costs one attempt; within a family as the DNS gave them (RFC 5321 5.1).
 */
export function interleaved(v4: readonly string[], v6: readonly string[]): string[] {
  const list: string[] = [];
  for (let i = 0; i < Math.max(v4.length, v6.length); i++) {
    if (i < v4.length) list.push(v4[i]!);
    if (i < v6.length) list.push(v6[i]!);
  }
  return list;
}

function placeOf(ip: ipaddr.IPv4 | ipaddr.IPv6): Place {
  const place = PLACES[ip.range()];
  if (place) return place;
  if (!isV6(ip)) {
    const reserved = ip.range() === "reserved" && !DOCUMENTATION.some((network) => ip.match(network));
    return reserved ? RESERVED : PUBLIC;
  }
  const carried = carriedV4(ip);
  if (carried) return within(carried.form, placeOf(carried.v4));
  if (ip.match(LOCAL_NAT64)) return { reach: "private", what: "local NAT64" };
  return ip.match(GLOBAL_V6) ? PUBLIC : RESERVED;
}

/** Where an IPv4 address in IPv6 clothes leads. Mapped and compatible ones have no business in the DNS at all. */
function within(form: string, { reach, what }: Place): Place {
  if (reach !== "public") return { reach, what: `${what}, ${form}` };
  return form === "IPv4-mapped" || form === "IPv4-compatible" ? { reach: "private", what: form } : PUBLIC;
}

function carriedV4(ip: ipaddr.IPv6): { form: string; v4: ipaddr.IPv4 } | undefined {
  const bytes = ip.toByteArray();
  const at = (start: number, mask = 0) =>
    new ipaddr.IPv4(bytes.slice(start, start + 4).map((byte) => byte ^ mask));
  switch (ip.range()) {
    case "ipv4Mapped":
      return { form: "IPv4-mapped", v4: at(12) };
    case "rfc6145":
      return { form: "within IPv4-translated", v4: at(12) };
    case "rfc6052":
      return ip.match(LOCAL_NAT64) ? undefined : { form: "within NAT64", v4: at(12) };
    case "6to4":
      return { form: "within 6to4", v4: at(2) };
    case "teredo":
      return { form: "within Teredo", v4: at(12, 255) };
    default:
      return ip.match(COMPATIBLE_V6) ? { form: "IPv4-compatible", v4: at(12) } : undefined;
  }
}

function isV6(ip: ipaddr.IPv4 | ipaddr.IPv6): ip is ipaddr.IPv6 {
  return ip.kind() === "ipv6";
}
