/** The answers of a server that captures: everybody is one of our own clients, and everybody a recipient. */

import { AnyLogin } from "../auth/any_login.ts";
import type { Sasl } from "../auth/sasl.ts";
import type { EnvelopeRecipient } from "../mail/envelope.ts";
import { routed, type RoutedRecipient } from "../recipients/route.ts";
import type { Reply } from "../smtp/protocol/reply.ts";
import type { MessageSink, Reception, SessionFacts, Verdict } from "../smtp/server/reception.ts";
import type { IncomingEnvelope } from "./acceptance.ts";
import { expandName, verifyName } from "./names.ts";
import { isSubmission, LOGIN_FIRST, type PolicyOptions, TOO_MUCH } from "./policy.ts";
import { DISK_FULL, SmtpMessage } from "./smtp_message.ts";

/** Answers the sessions of one server. */
export class CaptureReception implements Reception {
  readonly sasl: Sasl = new AnyLogin((address) => ({ address, createdAt: 0 }));
  readonly #options: Omit<PolicyOptions, "guard">;

  constructor(options: Omit<PolicyOptions, "guard">) {
    this.#options = options;
  }

  trusts(): boolean {
    return true;
  }

  may(verb: "VRFY" | "EXPN" | "VERB", { account, remote }: SessionFacts): boolean {
    const { verbs, trusted } = this.#options;
    const known = account !== undefined || trusted.has(remote.hostname);
    return verbs[verb] === "always" || (verbs[verb] === "authenticated" && known);
  }

  sender(session: SessionFacts): Verdict {
    if (this.#options.store.isFull) return DISK_FULL;
    return isSubmission(session) && session.account === undefined ? LOGIN_FIRST : undefined;
  }

  recipient(
    _session: SessionFacts,
    recipient: EnvelopeRecipient,
    soFar: readonly RoutedRecipient[] = [],
  ): RoutedRecipient | Reply {
    const { router } = this.#options;
    return routed(recipient, router.resolve(recipient.address), { before: soFar, router }) ?? TOO_MUCH;
  }

  open(session: SessionFacts, envelope: IncomingEnvelope): MessageSink {
    return new SmtpMessage({ session, envelope, trust: "captured" }, this.#options);
  }

  verify(_session: SessionFacts, text: string): Reply | Promise<Reply> {
    return verifyName(text, this.#options);
  }

  expand(_session: SessionFacts, text: string): Reply {
    return expandName(text, this.#options);
  }
}
