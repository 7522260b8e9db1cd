/** The answers that a session asks for: who may relay, who is ours, who may look up names. */

import { Authenticator, type LoginOptions } from "../auth/authenticator.ts";
import { AccountSasl, type Sasl } from "../auth/sasl.ts";
import { parseLiteral } from "../mail/domain.ts";
import { localKey, splitMailbox } from "../mail/address.ts";
import type { EnvelopeRecipient, Mailbox } from "../mail/envelope.ts";
import type { Quotas } from "../mailbox/quotas.ts";
import { routed, type RoutedRecipient } from "../recipients/route.ts";
import type { Resolution, Router } from "../recipients/router.ts";
import { type Reply, reply } from "../smtp/protocol/reply.ts";
import type { MessageSink, Reception, SessionFacts, Verdict } from "../smtp/server/reception.ts";
import type { Store } from "../storage/store.ts";
import type { SubmissionRates } from "./submission_rates.ts";
import type { Strangers } from "./strangers.ts";
import type { IncomingEnvelope } from "./acceptance.ts";
import type { Trust } from "./header_fixups.ts";
import { expandName, verifyName } from "./names.ts";
import type { Networks } from "../base/networks.ts";
import { DISK_FULL, MAILBOX_FULL, SmtpMessage, type SmtpMessageOptions } from "./smtp_message.ts";

/** Who may use VRFY, EXPN or VERB. */
export type VerbPolicy = "always" | "authenticated" | "never";

/** What a {@linkcode Policy} works with. */
export interface PolicyOptions extends SmtpMessageOptions, LoginOptions {
  readonly store: Store;
  readonly router: Router;
  readonly quotas: Quotas;
  /** Clients that may relay without logging in. */
  readonly trusted: Networks;
  readonly verbs: Readonly<Record<"VRFY" | "EXPN" | "VERB", VerbPolicy>>;
  /** What strangers meet; absent: nothing. */
  readonly strangers?: Strangers | undefined;
  /** How many recipients those who log in may name; absent: without a bound. */
  readonly rates?: SubmissionRates | undefined;
}

const NO_RELAY = reply(550, "5.7.1", "Relaying refused: log in, or send to an address of this server");
/** A submission without a login. */
export const LOGIN_FIRST: Reply = reply(530, "5.7.0", "Authentication required");
/** More than one commit takes. */
export const TOO_MUCH: Reply = reply(
  452,
  "4.5.3",
  "The recipients stand for too many; send to the others in another message",
);

/** Answers the sessions of one server. */
export class Policy implements Reception {
  readonly sasl: Sasl;
  readonly #options: PolicyOptions;

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

  sender(session: SessionFacts, sender: Mailbox): Verdict | Promise<Verdict> {
    if (this.#options.store.isFull) return DISK_FULL;
    if (!isSubmission(session)) return this.#meets(session)?.sender(session, sender);
    if (session.account === undefined || !this.#isLoggedIn(session)) return LOGIN_FIRST;
    if (sender === "" || this.#owns(session.account, sender)) return undefined;
    return this.#notYours(session.account, sender);
  }

  recipient(
    session: SessionFacts,
    recipient: EnvelopeRecipient,
    soFar: readonly RoutedRecipient[] = [],
    sender: Mailbox = "",
  ): RoutedRecipient | Reply | Promise<RoutedRecipient | Reply> {
    const address = this.#ownLiteral(session, recipient.address);
    const { router } = this.#options;
    const found = router.resolve(address);
    const refused = this.#refused(session, recipient, found);
    if (refused) return refused;
    const to = address === recipient.address ? recipient : { ...recipient, address };
    const taken = routed(to, found, { before: soFar, router }) ?? TOO_MUCH;
    const answer = (isFull: boolean) => {
      if (isFull || "code" in taken) return isFull ? MAILBOX_FULL : taken;
      const tooMany = this.#tooMany(session);
      if (tooMany) return tooMany;
      const verdict = this.#meets(session)?.recipient(session, to, sender);
      return verdict instanceof Promise ? verdict.then((refused) => refused ?? taken) : verdict ?? taken;
    };
    const full = this.#isFull(address, found);
    return full instanceof Promise ? full.then(answer) : answer(full);
  }

  #refused(session: SessionFacts, { address }: EnvelopeRecipient, found: Resolution): Reply | undefined {
    switch (found.kind) {
      case "local":
        return undefined;
      case "remote":
        return this.#mayRelay(session) ? undefined : NO_RELAY;
      case "unknown":
        return reply(550, "5.1.1", `<${address}>: no such user here`);
      case "loop":
        return reply(550, "5.4.6", `<${address}>: the alias leads in a circle at ${found.at}`);
      case "endless":
        return reply(550, "5.4.6", `<${address}>: the alias leads too far, at ${found.at}`);
    }
  }

  /**
   * Has the one mailbox of a recipient no room at all? At once for accounts without a quota, which is the common case.
   * Names that somebody must read are always taken.
   */
  #isFull(recipient: Mailbox, found: Resolution): boolean | Promise<boolean> {
    if (found.kind !== "local" || found.recipients.length !== 1) return false;
    const { address } = found.recipients[0]!;
    const { router, quotas } = this.#options;
    return !router.isRole(recipient) && quotas.isFull(address);
  }

  open(session: SessionFacts, envelope: IncomingEnvelope): MessageSink {
    const trust = this.#trustOf(session);
    const check = this.#meets(session)?.open(session, envelope.sender);
    return new SmtpMessage({ session, envelope, trust, check }, this.#options);
  }

  verify(_session: SessionFacts, text: string): Reply | Promise<Reply> {
    return verifyName(text, this.#options);
  }

  expand(_session: SessionFacts, text: string): Reply {
    return expandName(text, this.#options);
  }

  /** What a session of a stranger meets. By LMTP comes what another server of ours took, whose client we don't know. */
  #meets(session: SessionFacts): Strangers | undefined {
    const isStranger = session.service === "smtp" && this.#trustOf(session) === "stranger";
    return isStranger ? this.#options.strangers : undefined;
  }

  /** Counts a recipient that somebody who logged in names on a submission port. */
  #tooMany(session: SessionFacts): Reply | undefined {
    const { account, remote: { hostname } } = session;
    if (account === undefined || !isSubmission(session)) return undefined;
    const waitMs = this.#options.rates?.take(localKey(account), hostname) ?? 0;
    if (waitMs === 0) return undefined;
    const seconds = Math.ceil(waitMs / 1000);
    return reply(451, "4.7.1", `Too many recipients for now; the next one is taken in ${seconds} s`);
  }

  #trustOf(session: SessionFacts): Trust {
    if (session.account !== undefined || isSubmission(session)) return "user";
    return this.#mayRelay(session) ? "network" : "stranger";
  }

  #mayRelay(session: SessionFacts): boolean {
    return this.#isLoggedIn(session) || this.#options.trusted.has(session.remote.hostname);
  }

  /** Is the account still there, and not another one of its name? */
  #isLoggedIn({ account, accountMadeAt }: SessionFacts): boolean {
    const there = account === undefined ? undefined : this.#options.accounts.get(account);
    return there !== undefined && (accountMadeAt ?? there.createdAt) === there.createdAt;
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

/** Is it a session of one of the ports for our own programs? */
export function isSubmission({ service }: SessionFacts): boolean {
  return service === "submission" || service === "submissions";
}
