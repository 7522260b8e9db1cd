/** In charge of names as people type them into a search. */

import { normalizeDomain } from "../mail/domain.ts";

/** The canonical form of a domain to look for; what is none is looked for as it is, and found nowhere. */
export function domainToSearch(text: string): string {
  const name = text.trim().replace(/\.$/, "");
  return normalizeDomain(name) ?? name.toLowerCase();
}
