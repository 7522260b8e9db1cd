/** What the tests of the intake share: a policy on a queue in memory, sessions, and messages sent in. */

import { encode } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Acceptance } from "../../src/intake/acceptance.ts";
import { Networks } from "../../src/base/networks.ts";
import { Policy, type PolicyOptions } from "../../src/intake/policy.ts";
import type { Envelope, EnvelopeRecipient } from "../../src/mail/envelope.ts";
import { LoginGuard } from "../../src/auth/login_guard.ts";
import { Journal } from "../../src/observe/journal.ts";
import type { Reply } from "../../src/smtp/protocol/reply.ts";
import type { MessageSink, SessionFacts } from "../../src/smtp/server/reception.ts";
import { House, type HouseOptions } from "../queue/support.ts";

/** A policy for the house's queue. */
export class Door implements AsyncDisposable {
  private constructor(readonly house: House, readonly policy: Policy, readonly acceptance: Acceptance) {}

  static async open(options: HouseOptions = {}, given: Partial<PolicyOptions> = {}): Promise<Door> {
    const house = await House.open(options);
    const { store, clock, ids, router, accounts, quotas, queue } = house;
    const hostname = "mail.here.example";
    const journal = new Journal(undefined);
    journal.on((event) => void house.events.push(event));
    const acceptance = new Acceptance({
      store,
      clock,
      ids,
      journal,
      queue,
      router,
      quotas,
      hostname,
      maxHops: 3,
    });
    const policy = new Policy({
      store,
      clock,
      random: seededRandom(3),
      router,
      quotas,
      accounts,
      guard: new LoginGuard({ clock }),
      acceptance,
      verboseMs: 60_000,
      trusted: new Networks(["10.0.0.0/8"]),
      verbs: { VRFY: "authenticated", EXPN: "authenticated", VERB: "authenticated" },
      ...given,
    });
    return new Door(house, policy, acceptance);
  }

  /** RCPT: the recipients as a transaction keeps them. */
  async named(addresses: readonly string[], facts = session()): Promise<EnvelopeRecipient[]> {
    const recipients: EnvelopeRecipient[] = [];
    for (const address of addresses) {
      const found = await this.policy.recipient(facts, { address }, recipients);
      if ("code" in found) throw new Error(line(found));
      recipients.push(found);
    }
    return recipients;
  }

  /** Sends a text in, in pieces; the sink's buffer is used again as the protocol does. */
  async send(
    to: readonly (string | EnvelopeRecipient)[],
    text: string | readonly string[] = "Subject: x\r\n\r\nHello\r\n",
    more: {
      session?: Partial<SessionFacts>;
      envelope?: Partial<Envelope>;
      tell?: (line: string) => void;
      ending?: AbortSignal;
    } = {},
  ): Promise<Reply | Reply[]> {
    const sink = this.sink(to, more);
    for (const piece of typeof text === "string" ? [text] : text) {
      const bytes = encode(piece);
      await sink.write(bytes);
      bytes.fill(0);
    }
    const replies = await sink.finish(more.tell, more.ending);
    sink.answered?.();
    return replies;
  }

  sink(
    to: readonly (string | EnvelopeRecipient)[],
    more: { session?: Partial<SessionFacts>; envelope?: Partial<Envelope> } = {},
  ): MessageSink {
    const recipients = to.map((t) => typeof t === "string" ? { address: t } : t);
    const sink = this.policy.open(session(more.session), {
      sender: "jsmith@there.example",
      recipients,
      ...more.envelope,
    });
    return sink;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.house[Symbol.asyncDispose]();
  }
}

export function session(more: Partial<SessionFacts> = {}): SessionFacts {
  return {
    id: "s1",
    service: "smtp",
    remote: { hostname: "192.0.2.7", port: 4711 },
    local: { hostname: "192.0.2.1", port: 25 },
    helo: "client.example",
    extended: true,
    tls: undefined,
    account: undefined,
    verbose: false,
    ...more,
  };
}

/** A reply in short; undefined for a yes. */
export function line(reply: Reply | EnvelopeRecipient | undefined): string | undefined {
  return reply && "code" in reply ? `${reply.code} ${reply.status} ${reply.lines.join("|")}` : undefined;
}

export const BRAIN = { account: "brain@here.example" };
