/** In charge of the start of a conversation as a client: greeting, EHLO, STARTTLS, AUTH. */

import { binaryString, encode } from "../../base/bytes.ts";
import type { Deferred, Failed, Stage } from "../../mail/outcome.ts";
import { ClientChannel } from "./channel.ts";
import { NO_EXTENSIONS, parseExtensions, type PeerExtensions } from "./extensions.ts";
import type { ClientOptions, ClientTarget, ClientTlsPolicy } from "./options.ts";
import { deferred, failed, isPositive, refusalOf, troubleOf } from "./outcome.ts";
import type { Reply } from "../protocol/reply.ts";
import { isTrouble, type Trouble } from "../protocol/reply_reader.ts";

/** A conversation that is ready for MAIL. */
export interface Opened {
  readonly channel: ClientChannel;
  readonly extensions: PeerExtensions;
}

/** Why there is none. */
export interface NotOpened {
  readonly outcome: Deferred | Failed;
  /** It was waited in vain for a connection or a greeting. */
  readonly silent?: true;
  /** TLS failed where it was only an opportunity. */
  readonly handshake?: true;
}

type Refusal = Deferred | Failed;

/** Opens a conversation; after a handshake that failed where it might, opens another one in clear (RFC 7435). */
export async function openConversation(
  target: ClientTarget,
  options: ClientOptions,
): Promise<Opened | NotOpened> {
  const first = await open(target, options, options.tls);
  return "handshake" in first ? await open(target, options, "never") : first;
}

async function open(
  target: ClientTarget,
  options: ClientOptions,
  tls: ClientTlsPolicy,
): Promise<Opened | NotOpened> {
  const channel = await ClientChannel.dial(target, options);
  if ("trouble" in channel) {
    const peer = { host: target.host, address: target.address };
    const outcome = deferred("4.4.1", channel.text, "connect", peer);
    return channel.trouble === "late" ? { outcome, silent: true } : { outcome };
  }
  const stop = () => channel.close();
  options.signal?.addEventListener("abort", stop, { once: true });
  try {
    const opened = await new Opening(channel, target, options).run(tls);
    if (!("channel" in opened)) channel.close();
    return opened;
  } finally {
    options.signal?.removeEventListener("abort", stop);
  }
}

class Opening {
  #extensions = NO_EXTENSIONS;

  constructor(
    private readonly channel: ClientChannel,
    private readonly target: ClientTarget,
    private readonly options: ClientOptions,
  ) {}

  async run(tls: ClientTlsPolicy): Promise<Opened | NotOpened> {
    const early = tls === "implicit" ? await this.#handshake(true) : undefined;
    if (early) return { outcome: early };
    const greeting = await this.channel.reply(this.channel.timeouts.greeting);
    const unwelcome = this.#refusal(greeting, "greeting");
    if (unwelcome) return { outcome: unwelcome, ...(isLate(greeting) && { silent: true }) };
    const outcome = await this.#hello();
    if (outcome) return { outcome };
    if (tls === "opportunistic" || tls === "require") {
      const refused = await this.#startTls(tls === "require");
      if (refused) return refused;
    }
    const login = this.options.auth && await this.#login(this.options.auth);
    return login ? { outcome: login } : { channel: this.channel, extensions: this.#extensions };
  }

  async #hello(): Promise<Refusal | undefined> {
    const { hostname, lmtp } = this.options;
    const limit = this.channel.timeouts.hello;
    const reply = await this.channel.ask(`${lmtp ? "LHLO" : "EHLO"} ${hostname}`, limit);
    if (!isTrouble(reply) && isPositive(reply)) {
      this.#extensions = parseExtensions(reply);
      return undefined;
    }
    // a server older than EHLO says 5xx to it (RFC 5321 3.2)
    if (isTrouble(reply) || lmtp || reply.code < 500 || reply.code === 521) {
      return this.#refusal(reply, "ehlo");
    }
    this.#extensions = NO_EXTENSIONS;
    return this.#refusal(await this.channel.ask(`HELO ${hostname}`, limit), "ehlo");
  }

  async #startTls(required: boolean): Promise<NotOpened | undefined> {
    const { channel } = this;
    if (!this.#extensions.starttls) {
      return required ? this.#noTls("5.7.10", "doesn't offer STARTTLS") : undefined;
    }
    const reply = await channel.ask("STARTTLS", channel.timeouts.hello);
    if (isTrouble(reply)) {
      return { outcome: troubleOf(reply, "tls", channel.peer), ...(required ? {} : HANDSHAKE) };
    }
    if (!isPositive(reply)) {
      if (!required) return undefined; // the connection goes on in clear
      return this.#noTls(reply.code >= 500 ? "5.7.10" : "4.7.10", `refused STARTTLS with ${reply.code}`);
    }
    const outcome = await this.#handshake(required);
    if (outcome) return { outcome, ...(required ? {} : HANDSHAKE) };
    const again = await this.#hello(); // what was offered in clear is forgotten (RFC 3207 4.2)
    return again && { outcome: again };
  }

  async #handshake(verified: boolean): Promise<Refusal | undefined> {
    const { channel } = this;
    const result = await channel.encrypt(this.target.host, this.options.ca);
    if ("trouble" in result) return deferred("4.7.5", result.text, "tls", channel.peer);
    if (!verified || result.untrusted === undefined) return undefined;
    const text = `Encryption is required, but the certificate of ${this.target.host} is not trusted: `;
    return deferred("4.7.5", text + result.untrusted, "tls", channel.peer);
  }

  #noTls(status: "5.7.10" | "4.7.10", what: string): NotOpened {
    const text = `Encryption is required, but ${this.target.host} ${what}`;
    const make = status === "5.7.10" ? failed : deferred;
    return { outcome: make(status, text, "tls", this.channel.peer) };
  }

  /** A refused login is our own configuration's fault, so the mail waits for the operator: always a deferral. */
  async #login(auth: { user: string; password: string }): Promise<Refusal | undefined> {
    const { channel, options } = this;
    if (channel.peer.tls === undefined && options.tls !== "never" && !isLoopback(this.target.address)) {
      return deferred("4.7.11", "The password is not sent over a connection in clear", "auth", channel.peer);
    }
    const offered = this.#extensions.auth;
    let reply: Reply | Trouble;
    if (offered.has("PLAIN")) {
      const secret = base64(`\0${auth.user}\0${auth.password}`);
      reply = await channel.ask(`AUTH PLAIN ${secret}`, channel.timeouts.hello, "AUTH PLAIN ****");
    } else if (offered.has("LOGIN")) {
      reply = await this.#authLogin(auth);
    } else {
      const list = [...offered].join(", ") || "no AUTH";
      return deferred(
        "4.7.4",
        `AUTH PLAIN or LOGIN is needed; the server offers ${list}`,
        "auth",
        channel.peer,
      );
    }
    const outcome = this.#refusal(reply, "auth");
    if (outcome?.kind !== "failed") return outcome;
    return { ...outcome, kind: "deferred", status: "4.7.8", note: "The login was refused" };
  }

  async #authLogin(auth: { user: string; password: string }): Promise<Reply | Trouble> {
    const { channel } = this;
    const limit = channel.timeouts.hello;
    let reply = await channel.ask("AUTH LOGIN", limit);
    for (const secret of [auth.user, auth.password]) {
      if (isTrouble(reply) || reply.code !== 334) return reply;
      reply = await channel.ask(base64(secret), limit, "****");
    }
    return reply;
  }

  #refusal(reply: Reply | Trouble, stage: Stage): Refusal | undefined {
    if (isTrouble(reply)) return troubleOf(reply, stage, this.channel.peer);
    return isPositive(reply) ? undefined : refusalOf(reply, stage, this.channel.peer);
  }
}

const HANDSHAKE = { handshake: true } as const;

function isLate(reply: Reply | Trouble): boolean {
  return isTrouble(reply) && reply.trouble === "late";
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

function base64(text: string): string {
  return btoa(binaryString(encode(text)));
}
