/** The MX lookup for those who just want a domain's mail hosts: the system's DNS, sensible rules. */

import { systemClock } from "../base/clock.ts";
import { systemRandom } from "../base/random.ts";
import { findHost, findMailHosts, type MailHosts, type MailHostsOptions } from "./mail_hosts.ts";
import { SystemResolver } from "./resolver.ts";

/** How long one question may take, milliseconds. */
const TIMEOUT_MS = 5000;

/**
 * Finds the hosts that take a domain's mail (RFC 5321 section 5, RFC 7505), by `Deno.resolveDns` when no resolver is
 * given.
 *
 * @example
 * ```ts ignore
 * using mx = new MxResolver();
 * const found = await mx.resolve("example.org");
 * if (found.kind === "hosts") for (const { host, addresses } of found.hosts) console.log(host, addresses);
 * else console.log(found.status, found.text); // such as 5.1.10: a null MX
 * ```
 */
export class MxResolver implements Disposable {
  readonly #options: MailHostsOptions;
  readonly #own: SystemResolver | undefined;

  /** Default: the system's name servers, any address family, no private addresses, no names of our own. */
  constructor(options: Partial<MailHostsOptions> = {}) {
    const random = options.random ?? systemRandom;
    this.#own = options.resolver
      ? undefined
      : new SystemResolver({ timeoutMs: TIMEOUT_MS, clock: systemClock, random });
    this.#options = {
      ownNames: [],
      family: "any",
      allowPrivate: false,
      ...options,
      random,
      resolver: options.resolver ?? this.#own!,
    };
  }

  /** The hosts for the mail of a domain (lower case A-labels, or a literal in brackets), in order. Never rejects. */
  resolve(domain: string): Promise<MailHosts> {
    return findMailHosts(domain, this.#options);
  }

  /** One host that is known by name or address, without MX: such as a smart host. Never rejects. */
  host(name: string): Promise<MailHosts> {
    return findHost(name, this.#options);
  }

  /** Ends what is under way, unless the resolver was given. */
  [Symbol.dispose](): void {
    this.#own?.close();
  }
}
