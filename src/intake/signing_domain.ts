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
  const domain = from === undefined ? domainOf(author) : onlyDomain(from);
  if (domain === undefined || account === undefined) return domain;
  const ofSender = domainOf(sender);
  const ofAccount = domainOf(account);
  return domain === ofSender || domain === ofAccount ? domain : ofSender ?? ofAccount;
}

/** One address, with a name before it or without: what nearly every From has. */
const USUAL = /^(?:[^"(),:;<>@[\\\]]*<)?[^\s"(),:;<>@[\\\]]+@([A-Za-z0-9.-]+)>?$/;
// deno-lint-ignore no-control-regex
const BEYOND_ASCII = /[^\x00-\x7f]/;

/** The domain of all addresses in the octets of a field; undefined: there is none, or several. */
function onlyDomain(octets: string): string | undefined {
  const usual = USUAL.exec(octets);
  if (usual) return normalizeDomain(usual[1]!);
  const text = BEYOND_ASCII.test(octets) ? Buffer.from(octets, "latin1").toString() : octets;
  const [first, ...others] = addressDomains(text);
  if (first === undefined) return undefined;
  const domain = normalizeDomain(first);
  return others.every((other) => normalizeDomain(other) === domain) ? domain : undefined;
}

function domainOf(address: Mailbox | undefined): string | undefined {
  return address ? normalizeDomain(splitMailbox(address).domain) : undefined;
}
