/** The domain in whose name a message is signed: its author's, as far as who sends it may speak for that. */

import { Buffer } from "node:buffer";
import { splitMailbox } from "../mail/address.ts";
import { addressDomains } from "../mail/address_list.ts";
import { normalizeDomain } from "../mail/domain.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { fieldOctets } from "../mail/header.ts";
import type { Source } from "../queue/record.ts";
import type { Trust } from "./header_fixups.ts";

/** Who sends a message. */
export interface SigningFacts {
  /** By LMTP comes what another server took, from whomever. */
  readonly source: Source;
  readonly trust: Trust;
  /** Who is logged in; the envelope's sender is an address of that account then. */
  readonly account?: Mailbox | undefined;
  /** Who is From where that is missing. */
  readonly author?: Mailbox | undefined;
  /** The reverse-path. */
  readonly sender: Mailbox;
}

/**
 * The domain, canonical; undefined: nobody's of ours. An account speaks for its own domains only: with another author
 * the message is signed as what Sender tells.
 */
export function signingDomain(header: Uint8Array, by: SigningFacts): string | undefined {
  const { source, trust, account, author, sender } = by;
  if (source === "lmtp" || trust === "stranger" || trust === "captured") return undefined;
  const from = fieldOctets(header, "from");
  const named = from === undefined
    ? domainsOf(author)
    : addressDomains(Buffer.from(from, "latin1").toString()).map((domain) => normalizeDomain(domain));
  const [domain, ...others] = new Set(named);
  if (domain === undefined || others.length > 0) return undefined;
  const own = [...domainsOf(sender), ...domainsOf(account)];
  return account === undefined || own.includes(domain) ? domain : own[0];
}

function domainsOf(address: Mailbox | undefined): string[] {
  return [address ? normalizeDomain(splitMailbox(address).domain) ?? [] : []].flat();
}
