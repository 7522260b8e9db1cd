/**
 * The lookup for HTTP requests to addresses that others name: Node's client connects to what it answers, so nothing
 * lies between the check and the connection (what a name led to a moment ago proves nothing: DNS rebinding).
 */

import { lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { refusal } from "./addresses.ts";
import { isIp } from "./names.ts";

/** An address that must not be connected to. */
export class AddressRefused extends Error {
  /** `address` is what was named, `why` a word or two: "loopback". */
  constructor(address: string, why: string) {
    super(`${address} is ${why}`);
  }
}

/** Throws {@linkcode AddressRefused} for a URL whose host is such an address: none is looked up then. */
export function refuseAddress(url: URL, allowPrivate: boolean): void {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const why = isIp(host) ? refusal(host, allowPrivate) : undefined;
  if (why) throw new AddressRefused(host, why);
}

/** Resolves a name as the system does, and gives only addresses that may be connected to. */
export function guardedLookup(allowPrivate: boolean): LookupFunction {
  return (host, options, callback) => {
    systemLookup(host, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, "", 0);
      const allowed = found.filter(({ address }) => !refusal(address, allowPrivate));
      const [first] = allowed;
      if (!first) {
        const { address = host } = found[0] ?? {};
        const why = refusal(address, allowPrivate) ?? "unknown";
        return callback(new AddressRefused(`${host} (${address})`, why), "", 0);
      }
      if (options.all) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}
