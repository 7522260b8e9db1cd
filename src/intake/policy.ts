/** The answers that a session asks for: who may relay, who is ours, who may look up names. */

import { Authenticator, type LoginOptions } from "../auth/authenticator.ts";
import { AccountSasl, type Sasl } from "../auth/sasl.ts";
import type { Clock } from "../base/clock.ts";
import type { IdMaker } from "../base/ids.ts";
import { parseLiteral } from "../mail/domain.ts";
import { localKey, splitMailbox } from "../mail/address.ts";
import type { Envelope, EnvelopeRecipient, Mailbox } from "../mail/envelope.ts";
import type { Journal } from "../observe/journal.ts";
import type { Resolution, Router } from "../recipients/router.ts";
import { type Reply, reply } from "../smtp/protocol/reply.ts";
import type { MessageSink, Reception, SessionFacts, Verdict } from "../smtp/server/reception.ts";
import type { Origin } from "./header_fixups.ts";
import type { Networks } from "./networks.ts";
import { DISK_FULL, IncomingMessage, type IntakeOptions } from "./smtp_message.ts";
import { ExpansionBudget } from "../recipients/expansion_budget.ts";
import { expandName, verifyName } from "./names.ts";
import { MAILBOX_FULL } from "./destinations.ts";

/** Who may use VRFY, EXPN or VERB. */
export type VerbPolicy = "always" | "authenticated" | "never";

/** What a {@linkcode Policy} works with. */
export interface PolicyOptions extends IntakeOptions, LoginOptions {
  readonly clock: Clock;
  readonly ids: IdMaker;
  readonly journal: Journal;
  readonly router: Router;
  /** Clients that may relay without logging in. */
  readonly trusted: Networks;
  readonly verbs: Readonly<Record<"VRFY" | "EXPN" | "VERB", VerbPolicy>>;
}

const NO_RELAY = reply(550, "5.7.1", "Relaying refused: log in, or send to an address of this server");
const LOGIN_FIRST = reply(530, "5.7.0", "Authentication required");
const TOO_MUCH = reply(
  452,
  "4.5.3",
  "The recipients stand for too many; send to the others in another message",
);

/** Answers the sessions of one server. */
export class Policy implements Reception {
  readonly sasl: Sasl;
  readonly #options: PolicyOptions;
  readonly #budget = new ExpansionBudget();

  constructor(options: PolicyOptions) {
    this.#options = options;
    this.sasl = new AccountSasl(new Authenticator(options), { passwords: ["PLAIN", "LOGIN"] });
  }

  trusts(session: SessionFacts): boolean {
    return isSubmission(session) || this.#mayRelay(session);
  }

  may(verb: "VRFY" | "EXPN" | "VERB", session: SessionFacts): boolean {
    const policy = this.#options.verbs[verb];
    return policy === "always" || (policy === "authenticated" && this.#mayRelay(session));
  }

  sender(session: SessionFacts, sender: Mailbox): Verdict {
    if (this.#options.store.isFull) return DISK_FULL;
    if (!isSubmission(session)) return undefined;
    if (session.account === undefined || !this.#options.accounts.has(session.account)) return LOGIN_FIRST;
    if (sender === "" || this.#owns(session.account, sender)) return undefined;
    return this.#notYours(session.account, sender);
  }

  recipient(
    session: SessionFacts,
    recipient: EnvelopeRecipient,
    soFar: readonly EnvelopeRecipient[] = [],
  ): Verdict | Promise<Verdict> {
    const address = this.#ownLiteral(session, recipient.address);
    const found = this.#options.router.resolve(address);
    const refused = this.#recipient(session, recipient, found);
    if (refused && !(refused instanceof Promise)) return refused;
    return this.#budget.takes(recipient, found, soFar) ? refused : TOO_MUCH;
  }

  #recipient(
    session: SessionFacts,
    recipient: EnvelopeRecipient,
    found: Resolution,
  ): Verdict | Promise<Verdict> {
    switch (found.kind) {
      case "remote":
        return this.#mayRelay(session) ? undefined : NO_RELAY;
      case "unknown":
        return reply(550, "5.1.1", `<${recipient.address}>: no such user here`);
      case "loop":
        return reply(550, "5.4.6", `<${recipient.address}>: the alias leads in a circle at ${found.at}`);
      case "endless":
        return reply(550, "5.4.6", `<${recipient.address}>: the alias leads too far, at ${found.at}`);
      case "local": {
        const only = found.recipients.length === 1 ? found.recipients[0]! : undefined;
        if (only?.kind !== "mailbox") return undefined;
        const full = this.#options.destinations.isFull(recipient.address, only.address);
        return full === false
          ? undefined
          : Promise.resolve(full).then((yes) => yes ? MAILBOX_FULL : undefined);
      }
    }
  }

  open(session: SessionFacts, envelope: Envelope): MessageSink | Reply {
    const recipients = envelope.recipients.map((r) => {
      const address = this.#ownLiteral(session, r.address);
      return address === r.address ? r : { ...r, address };
    });
    return new IncomingMessage(
      this.#options.ids.next(),
      { session, envelope: { ...envelope, recipients }, origin: this.#originOf(session) },
      this.#options,
    );
  }

  verify(_session: SessionFacts, text: string): Reply | Promise<Reply> {
    return verifyName(text, this.#options);
  }

  expand(_session: SessionFacts, text: string): Reply {
    return expandName(text, this.#options);
  }

  #originOf(session: SessionFacts): Origin {
    if (session.account !== undefined || isSubmission(session)) return "user";
    return this.#mayRelay(session) ? "network" : "stranger";
  }

  #mayRelay(session: SessionFacts): boolean {
    const user = session.account !== undefined && this.#options.accounts.has(session.account);
    return user || this.#options.trusted.has(session.remote.hostname);
  }

  /** `user@[127.0.0.1]` is ours when that is the address the client connected to (RFC 5321 4.1.3). */
  #ownLiteral(session: SessionFacts, address: Mailbox): Mailbox {
    if (!address.endsWith("]")) return address;
    const { local, domain } = splitMailbox(address);
    return parseLiteral(domain) === session.local.hostname
      ? `${local}@${this.#options.router.domains[0]}`
      : address;
  }

  #notYours(account: Mailbox, sender: Mailbox): Reply {
    const { domain } = splitMailbox(sender);
    const help = this.#options.router.domains.includes(domain)
      ? `an alias ${sender} to ${account} would allow it`
      : `an alias to it would allow it if ${domain} were one of "domains"`;
    return reply(553, "5.7.1", `<${sender}> is not an address of the account ${account}; ${help}`);
  }

  /** The account's own address, one with a detail behind it, or an alias that leads to it. */
  #owns(account: Mailbox, sender: Mailbox): boolean {
    if (localKey(sender) === localKey(account)) return true;
    const found = this.#options.router.resolve(sender);
    return found.kind === "local" &&
      found.recipients.some((l) => l.kind === "mailbox" && l.address === localKey(account));
  }
}

function isSubmission({ service }: SessionFacts): boolean {
  return service === "submission" || service === "submissions";
}
