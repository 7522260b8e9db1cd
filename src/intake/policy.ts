/** In charge of the answers that a session asks for: who may relay, who is ours, who may look up names. */

import { type Clock, sleep } from "../base/clock.ts";
import type { IdMaker } from "../base/ids.ts";
import { parseLiteral } from "../mail/domain.ts";
import { localKey, splitMailbox } from "../mail/address.ts";
import type { Envelope, EnvelopeRecipient, Mailbox } from "../mail/envelope.ts";
import type { Accounts } from "../mailbox/accounts.ts";
import type { LoginGuard } from "../mailbox/login_guard.ts";
import type { Journal } from "../observe/journal.ts";
import type { Router } from "../routing/router.ts";
import { closing, type Reply, reply } from "../smtp/reply.ts";
import type { Login, MessageSink, Reception, SessionFacts, Verdict } from "../smtp/reception.ts";
import type { Networks } from "./networks.ts";
import { IncomingText, type IntakeOptions } from "./message_sink.ts";
import { expandName, verifyName } from "./names.ts";
import { MAILBOX_FULL } from "./destinations.ts";

/** Who may use VRFY, EXPN or VERB. */
export type VerbPolicy = "always" | "authenticated" | "never";

/** What a {@linkcode Policy} works with. */
export interface PolicyOptions extends IntakeOptions {
  readonly clock: Clock;
  readonly ids: IdMaker;
  readonly journal: Journal;
  readonly router: Router;
  readonly accounts: Accounts;
  readonly guard: LoginGuard;
  /** Clients that may relay without logging in. */
  readonly trusted: Networks;
  readonly verbs: Readonly<Record<"VRFY" | "EXPN" | "VERB", VerbPolicy>>;
}

const NO_RELAY = reply(550, "5.7.1", "Relaying refused: log in, or send to an address of this server");
const LOGIN_FIRST = reply(530, "5.7.0", "Authentication required");
const NOT_YOURS = reply(553, "5.7.1", "The sender address is not one of yours");
const WRONG = reply(535, "5.7.8", "Wrong user name or password");
const SLOW_DOWN = closing(reply(421, "4.7.0", "Too many failed logins; try again later"));

/** Answers the sessions of one server. */
export class Policy implements Reception {
  readonly #options: PolicyOptions;

  constructor(options: PolicyOptions) {
    this.#options = options;
  }

  may(verb: "VRFY" | "EXPN" | "VERB", session: SessionFacts): boolean {
    const policy = this.#options.verbs[verb];
    return policy === "always" || (policy === "authenticated" && this.#mayRelay(session));
  }

  sender(session: SessionFacts, sender: Mailbox): Verdict {
    if (session.service !== "submission" && session.service !== "submissions") return undefined;
    if (session.account === undefined) return LOGIN_FIRST;
    return sender === "" || this.#owns(session.account, sender) ? undefined : NOT_YOURS;
  }

  recipient(session: SessionFacts, recipient: EnvelopeRecipient): Verdict | Promise<Verdict> {
    const address = this.#ownLiteral(session, recipient.address);
    const found = this.#options.router.resolve(address);
    switch (found.kind) {
      case "remote":
        return this.#mayRelay(session) ? undefined : NO_RELAY;
      case "unknown":
        return reply(550, "5.1.1", `<${recipient.address}>: no such user here`);
      case "loop":
        return reply(550, "5.4.6", `<${recipient.address}>: the alias leads in a circle at ${found.at}`);
      case "local": {
        const only = found.leaves.length === 1 ? found.leaves[0]! : undefined;
        if (only?.kind !== "mailbox") return undefined;
        const room = this.#options.destinations.hasRoom(only.address, 1);
        return room === true
          ? undefined
          : Promise.resolve(room).then((yes) => yes ? undefined : MAILBOX_FULL);
      }
    }
  }

  open(session: SessionFacts, envelope: Envelope): MessageSink | Reply {
    const recipients = envelope.recipients.map((r) => {
      const address = this.#ownLiteral(session, r.address);
      return address === r.address ? r : { ...r, address };
    });
    return new IncomingText(
      this.#options.ids.next(),
      { session, envelope: { ...envelope, recipients } },
      this.#options,
    );
  }

  verify(_session: SessionFacts, text: string): Reply | Promise<Reply> {
    return verifyName(text, this.#options);
  }

  expand(_session: SessionFacts, text: string): Reply {
    return expandName(text, this.#options);
  }

  async authenticate(session: SessionFacts, name: string, password: string): Promise<Login> {
    const { guard, accounts, journal } = this.#options;
    const attempt = guard.begin(session.remote.hostname, name);
    if (attempt.refused) return { refused: SLOW_DOWN };
    if (attempt.delayMs > 0) await sleep(this.#options.clock, attempt.delayMs);
    const account = await accounts.verify(name, password);
    if (account) attempt.succeeded();
    journal.emit({
      type: "login",
      session: session.id,
      service: session.service,
      remote: session.remote.hostname,
      account: account?.address ?? name,
      ok: account !== undefined,
    });
    return account ? { account: account.address } : { refused: WRONG };
  }

  #mayRelay(session: SessionFacts): boolean {
    return session.account !== undefined || this.#options.trusted.has(session.remote.hostname);
  }

  /** `user@[127.0.0.1]` is ours when that is the address the client connected to (RFC 5321 4.1.3). */
  #ownLiteral(session: SessionFacts, address: Mailbox): Mailbox {
    if (!address.endsWith("]")) return address;
    const { local, domain } = splitMailbox(address);
    return parseLiteral(domain) === session.local.hostname
      ? `${local}@${this.#options.router.domains[0]}`
      : address;
  }

  /** The account's own address, one with a detail behind it, or an alias that leads to it. */
  #owns(account: Mailbox, sender: Mailbox): boolean {
    if (localKey(sender) === localKey(account)) return true;
    const found = this.#options.router.resolve(sender);
    return found.kind === "local" &&
      found.leaves.some((l) => l.kind === "mailbox" && l.address === localKey(account));
  }
}
