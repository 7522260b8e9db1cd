/** The warnings about names: aliases and catch-alls that lead round in a circle or to nobody. */

import type { Config } from "../config/config.ts";
import { localKey } from "../mail/address.ts";
import { Router } from "../recipients/router.ts";

/** Something to be said of a key. */
export interface NameWarning {
  readonly path: readonly string[];
  /** What happens, and what would be right. */
  readonly text: string;
}

/**
 * Follows each alias of the configuration. Without the router of a running server accounts and aliases are those of the
 * configuration, and what was added to the store is not known.
 */
export function nameWarnings(config: Config, running?: Router): NameWarning[] {
  if (config.capture !== false) return []; // everybody is somebody
  const router = running ?? routerOf(config);
  const unless = running ? "" : ", unless it was added with another command";
  const found: NameWarning[] = [];
  for (const address of Object.keys(config.aliases)) {
    const path = ["aliases", address];
    const { kind, ...way } = router.resolve(address);
    if (kind === "loop") {
      found.push({ path, text: `leads round in a circle and to nobody: its mail is refused; ${MEND}` });
    } else if (kind === "endless") {
      found.push({
        path,
        text: "leads too deep, or to too many: its mail is refused; fewer aliases in a row are right",
      });
    } else if (kind === "unknown") {
      found.push({ path, text: `leads to nobody${unless}: its mail is refused; ${MEND}` });
    } else if ("recipients" in way) {
      for (const { kind, address: target } of way.recipients) {
        if (kind !== "nobody") continue;
        found.push({ path, text: `${target} is nobody here${unless}: its copies come back; ${MEND}` });
      }
    }
  }
  for (const [domain, address] of Object.entries(config.catchAll)) {
    if (["local", "remote"].includes(router.resolve(address).kind)) continue;
    found.push({
      path: ["catchAll", domain],
      text: `${address} is nobody here${unless}: it catches nothing; ${MEND}`,
    });
  }
  return found;
}

const MEND = "the address of an account, or one elsewhere, is right";

function routerOf({ hostname, domains, catchAll, subaddressSeparator, ...config }: Config): Router {
  const accounts = new Set(Object.keys(config.accounts).map(localKey));
  const aliases = new Map(
    Object.entries(config.aliases).map(([address, targets]) => [localKey(address), { targets }]),
  );
  const directory = {
    hasAccount: (address: string) => accounts.has(address),
    // a start makes one where there is none
    firstAccount: () => accounts.values().next().value ?? `postmaster@${domains[0]}`,
    alias: (address: string) => aliases.get(address),
    revision: () => 0,
  };
  return new Router({ directory, hostname, domains, catchAll, subaddressSeparator });
}
