/** What strangers meet: block lists and greylisting before their text, the checks of what they bring after it. */

import type { EnvelopeRecipient, Mailbox } from "../mail/envelope.ts";
import { reply } from "../smtp/protocol/reply.ts";
import type { SessionFacts, Verdict } from "../smtp/server/reception.ts";
import type { ArrivalCheck, ArrivalChecks } from "./arrival_checks.ts";
import type { BlockLists, Listing } from "./block_lists.ts";
import type { Greylist } from "./greylist.ts";

/** What is on. */
export interface StrangersOptions {
  readonly checks?: ArrivalChecks | undefined;
  readonly lists?: BlockLists | undefined;
  readonly greylist?: Greylist | undefined;
}

/** Meets the sessions of strangers. */
export class Strangers {
  readonly #options: StrangersOptions;
  /** Of each session, from its first MAIL on. */
  readonly #listings = new WeakMap<SessionFacts, Promise<Listing | undefined>>();

  constructor(options: StrangersOptions) {
    this.#options = options;
  }

  /** MAIL. The block lists are asked meanwhile. */
  sender(session: SessionFacts, sender: Mailbox): Verdict | Promise<Verdict> {
    const { checks, lists } = this.#options;
    if (lists && !this.#listings.has(session)) {
      this.#listings.set(session, lists.find(session.remote.hostname));
    }
    return checks?.sender(sender);
  }

  /** RCPT, for a recipient that is here. Who must be reached by everybody is. */
  recipient(
    session: SessionFacts,
    { address }: EnvelopeRecipient,
    sender: Mailbox,
  ): Verdict | Promise<Verdict> {
    const listing = this.#listings.get(session);
    const { greylist } = this.#options;
    if ((!listing && !greylist) || POSTMASTER.test(address)) return undefined;
    return this.#meet(session, { address, sender, listing });
  }

  async #meet(
    session: SessionFacts,
    { address, sender, listing }: {
      address: Mailbox;
      sender: Mailbox;
      listing: Promise<Listing | undefined> | undefined;
    },
  ): Promise<Verdict> {
    const found = await listing;
    if (found) return listed(session, found);
    // where the store fails, the message will say so
    const seconds = await this.#options.greylist?.wait(session.remote.hostname, sender, address).catch(() =>
      0
    );
    return seconds ? reply(451, "4.7.1", `Greylisted: come again in ${seconds} s`) : undefined;
  }

  /** DATA. */
  open(session: SessionFacts, sender: Mailbox): ArrivalCheck | undefined {
    return this.#options.checks?.open(session, sender);
  }
}

/** Who is listed by mistake has to be able to say so (RFC 5321 4.5.1, RFC 2142 4). */
const POSTMASTER = /^(?:postmaster|abuse)(?:@|$)/i;

function listed({ remote }: SessionFacts, { zone, text }: Listing): Verdict {
  const why = text === "" ? "" : `: ${text}`;
  return reply(550, "5.7.1", `${remote.hostname} is listed by ${zone}${why}`);
}
