/** A Reception for tests: a few people as data, and a record of all that was asked and taken. */

import { binaryString, concat, encode } from "../../../src/base/bytes.ts";
import type { Envelope, EnvelopeRecipient, Mailbox, SenderParameters } from "../../../src/mail/envelope.ts";
import {
  type Identity,
  passwordMechanism,
  type PlainCredentials,
  type Sasl,
  type SaslMechanism,
  type SaslStep,
} from "../../../src/auth/sasl.ts";
import type { LoginFailure } from "../../../src/auth/authenticator.ts";
import type { MessageSink, Reception, SessionFacts, Verdict } from "../../../src/smtp/server/reception.ts";
import { type Reply, reply } from "../../../src/smtp/protocol/reply.ts";

/** How the fake behaves. */
export interface FakeBehaviour {
  /** Verbs the client may use. */
  may?: readonly string[];
  /** Takes every client for one of its own. */
  trusts?: boolean;
  /** Takes mail for other domains too. */
  relays?: boolean;
  /** All answers come as promises. */
  later?: boolean;
  /** The sink asks to wait after each piece. */
  slowSink?: boolean;
  /** Offers SCRAM-SHA-256, with an exchange of three fixed messages. */
  scram?: boolean;
}

/** A message that was taken. */
export interface TakenMessage {
  readonly envelope: Envelope;
  /** One character for each octet. */
  readonly text: string;
  readonly session: SessionFacts;
}

const HERE = "howstuffworks.com";
const PEOPLE: Readonly<Record<string, Reply | undefined>> = {
  brain: undefined,
  clever: undefined,
  "jürgen": undefined,
  postmaster: undefined,
  full: reply(452, "4.2.2", "Mailbox full"),
  grey: reply(451, "4.7.1", "Come back later"),
  latefull: undefined,
};

/** Takes mail for `howstuffworks.com`; relays for who is logged in; the only account is brain with `gRiZZly`. */
export class FakeReception implements Reception {
  readonly taken: TakenMessage[] = [];
  readonly asked: string[] = [];
  aborted = 0;
  finished = 0;
  openSinks = 0;
  readonly sasl: Sasl;
  readonly #behaviour: FakeBehaviour;

  constructor(behaviour: FakeBehaviour = {}) {
    this.#behaviour = behaviour;
    const passwords = ["PLAIN", "LOGIN"];
    this.sasl = {
      offered: behaviour.scram ? ["SCRAM-SHA-256", ...passwords] : passwords,
      begin: (name) => {
        if (behaviour.scram && name === "SCRAM-SHA-256") return new ThreeSteps();
        return passwordMechanism(name.toUpperCase(), (credentials) => this.#authenticate(credentials));
      },
    };
  }

  trusts(session: SessionFacts): boolean {
    return this.#behaviour.trusts === true || session.service === "submission";
  }

  may(verb: "VRFY" | "EXPN" | "VERB"): boolean {
    return this.#behaviour.may?.includes(verb) ?? false;
  }

  sender(session: SessionFacts, sender: Mailbox, parameters: SenderParameters): Verdict | Promise<Verdict> {
    this.asked.push(`sender ${sender} ${JSON.stringify(parameters)}`);
    if (sender.startsWith("broken@")) throw new Error("The fake broke in sender()");
    if (sender.startsWith("spammer@")) return this.#answer<Verdict>(reply(550, "5.7.1", "Not welcome"));
    const foreign = session.account !== undefined && sender !== session.account;
    return this.#answer<Verdict>(foreign ? reply(553, "5.7.1", "Not your address") : undefined);
  }

  recipient(
    session: SessionFacts,
    recipient: EnvelopeRecipient,
  ): EnvelopeRecipient | Reply | Promise<EnvelopeRecipient | Reply> {
    const { address, ...parameters } = recipient;
    this.asked.push(`recipient ${address} ${JSON.stringify(parameters)}`);
    const at = address.lastIndexOf("@");
    const local = at < 0 ? address : address.slice(0, at);
    const domain = at < 0 ? HERE : address.slice(at + 1);
    let verdict: Verdict;
    const relays = session.account !== undefined || this.#behaviour.relays === true;
    if (domain !== HERE) verdict = relays ? undefined : reply(550, "5.7.1", "Relaying denied");
    else verdict = local in PEOPLE ? PEOPLE[local] : reply(550, "5.1.1", "No such user");
    return this.#answer(verdict ?? recipient);
  }

  open(session: SessionFacts, envelope: Envelope): MessageSink | Reply | Promise<MessageSink | Reply> {
    const { sender } = envelope;
    if (sender.startsWith("unstorable@")) {
      return this.#answer<MessageSink | Reply>(reply(451, "4.3.0", "Storage error"));
    }
    this.openSinks++;
    return this.#answer<MessageSink | Reply>(
      new FakeSink(this, { session: { ...session }, envelope: structuredClone(envelope) }),
    );
  }

  verify(_: SessionFacts, text: string): Reply | Promise<Reply> {
    const known = text.replace(/[<>]|@howstuffworks\.com/g, "") === "brain";
    return this.#answer(
      known ? reply(250, "2.1.5", "Brain <brain@howstuffworks.com>") : reply(550, "5.1.1", "No such user"),
    );
  }

  expand(_: SessionFacts, text: string): Reply | Promise<Reply> {
    return this.#answer(
      text === "staff"
        ? reply(250, "2.1.5", "<brain@howstuffworks.com>", "<jsmith@mindspring.com>")
        : reply(550, "5.1.1", "Not a list"),
    );
  }

  #authenticate({ name, password, actAs }: PlainCredentials): Promise<Identity | LoginFailure> {
    this.asked.push(`authenticate ${name} ${password}`);
    const right = name === "brain@howstuffworks.com" && password === "gRiZZly" && ["", name].includes(actAs);
    return Promise.resolve(right ? { address: name, createdAt: 0 } : "wrong");
  }

  /** For sinks. */
  get slowSink(): boolean {
    return this.#behaviour.slowSink ?? false;
  }

  #answer<T>(answer: T): T | Promise<T> {
    return this.#behaviour.later ? Promise.resolve(answer) : answer;
  }
}

class FakeSink implements MessageSink {
  readonly #pieces: Uint8Array[] = [];
  #over = false;

  constructor(
    private readonly owner: FakeReception,
    private readonly about: { session: SessionFacts; envelope: Envelope },
  ) {}

  write(piece: Uint8Array): void | Promise<void> {
    if (this.#over) throw new Error("A piece came after the end");
    if (this.about.envelope.sender.startsWith("breaking@")) throw new Error("The fake broke in write()");
    if (!this.owner.slowSink) return void this.#pieces.push(piece.slice());
    // the bytes may be taken until the promise resolves
    return Promise.resolve().then(() => void this.#pieces.push(piece.slice()));
  }

  finish(onProgress?: (line: string) => void): Promise<Reply | Reply[]> {
    this.#end();
    this.owner.finished++;
    const { envelope, session } = this.about;
    const text = binaryString(concat(this.#pieces));
    if (envelope.sender.startsWith("lost@")) return Promise.reject(new Error("The fake broke in finish()"));
    if (text.startsWith("Received: 51")) return Promise.resolve(reply(554, "5.4.6", "Too many hops"));
    onProgress?.("<brain@howstuffworks.com>... Connecting to local mailbox\r\n250 smuggled");
    onProgress?.("<brain@howstuffworks.com>... Sent");
    const yes = reply(250, "2.0.0", `Ok: queued as ${this.owner.taken.length + 1}`);
    const replies = envelope.recipients.map((one) =>
      one.address.startsWith("latefull@") ? reply(452, "4.2.2", "Mailbox full") : yes
    );
    const single = replies.find((one) => one !== yes) ?? yes;
    if (session.service === "lmtp" ? replies.includes(yes) : single === yes) {
      this.owner.taken.push({ envelope, text, session });
    }
    return Promise.resolve(session.service === "lmtp" ? replies : single);
  }

  abort(): void | Promise<void> {
    this.#end();
    this.owner.aborted++;
    if (this.owner.slowSink) return Promise.resolve();
  }

  #end(): void {
    if (this.#over) throw new Error("The sink was ended twice");
    this.#over = true;
    this.owner.openSinks--;
  }
}

class ThreeSteps implements SaslMechanism {
  readonly name = "SCRAM-SHA-256";
  readonly opening = new Uint8Array(0);
  readonly user = "brain@howstuffworks.com";
  #step = 0;

  step(message: Uint8Array): SaslStep {
    const text = binaryString(message);
    const expected = ["first", "final", ""][this.#step++];
    if (text !== expected) return { kind: "failed", why: "wrong" };
    if (this.#step === 3) return { kind: "success", account: { address: this.user, createdAt: 0 } };
    return { kind: "challenge", challenge: encode(`challenge ${this.#step}`) };
  }
}
