/** The start of a conversation as a client: greeting, EHLO, STARTTLS, AUTH. */

import { messageOf } from "../../base/errors.ts";
import { systemRandom } from "../../base/random.ts";
import { isLoopback } from "../../base/ip.ts";
import type { Deferred, Failed, Stage } from "../../mail/outcome.ts";
import type { TlsVerdict } from "../../transport/tls_session.ts";
import { daneFault } from "../../transport/tlsa.ts";
import { ClientChannel } from "./channel.ts";
import { ClientFaults } from "./client_faults.ts";
import { NO_EXTENSIONS, parseExtensions, type PeerExtensions } from "./extensions.ts";
import { type ClientOptions, type ClientTarget, type ClientTlsPolicy, DEFAULT_TIMEOUTS } from "./options.ts";
import { deferred, failed, isPositive, refusalOf, replyErrorOf, replyText } from "./outcome.ts";
import { type ClientMechanism, type Credentials, mechanismsFor } from "./sasl.ts";
import type { Reply } from "../protocol/reply.ts";
import { isReplyError, type ReplyError } from "./reply_reader.ts";
import { USABLE_KEYS } from "../../wire/pem.ts";

/** A conversation that is ready for MAIL. */
export interface Opened {
  readonly channel: ClientChannel;
  readonly extensions: PeerExtensions;
  /** Why TLS was given up for it. */
  readonly tlsFailure?: string;
  /** What TLS came to, on the first try. */
  readonly tls?: TlsVerdict | undefined;
}

/** Why there is none. */
export interface NotOpened {
  readonly outcome: Deferred | Failed;
  /** It was waited in vain for a connection or a greeting. */
  readonly silent?: true;
  /** TLS failed where it was only an opportunity. */
  readonly tlsFailed?: true;
  /** What TLS came to. */
  readonly tls?: TlsVerdict | undefined;
}

type HelloFailure = Deferred | Failed;

/** Opens a conversation; after TLS that failed where it might, opens another one in clear (RFC 7435). */
export async function openConversation(
  target: ClientTarget,
  options: ClientOptions,
): Promise<Opened | NotOpened> {
  const { inClear } = options;
  const tls = policyOf(options);
  const known = tls === "opportunistic" ? inClear : undefined;
  const first = await open(target, options, { tls: known === undefined ? tls : "never", inClear: known });
  if (!("tlsFailed" in first)) return first;
  const { code, text } = first.outcome;
  const tlsFailure = code === undefined ? text : `${code} ${text}`;
  const second = await open(target, options, { tls: "never", inClear: tlsFailure });
  const { tls: verdict } = first;
  return "channel" in second ? { ...second, tlsFailure, tls: verdict } : { ...second, tls: verdict };
}

function policyOf({ tls, demand }: ClientOptions): ClientTlsPolicy {
  return demand && tls !== "implicit" ? "require" : tls;
}

async function open(
  target: ClientTarget,
  options: ClientOptions,
  { tls, inClear }: { tls: ClientTlsPolicy; inClear: string | undefined },
): Promise<Opened | NotOpened> {
  const peer = { host: target.host, address: target.address };
  const fault = options.faults?.watchesOut("connect") ? await connectFault(options) : undefined;
  if (fault && "code" in fault) return { outcome: refusalOf(fault, "greeting", peer) };
  const channel = fault ?? await ClientChannel.dial(target, options);
  if ("error" in channel) {
    const outcome = deferred("4.4.1", channel.text, "connect", peer);
    return channel.error === "late" ? { outcome, silent: true } : { outcome };
  }
  if (inClear !== undefined) channel.stayInClear(inClear);
  const stop = () => channel.close();
  options.signal?.addEventListener("abort", stop, { once: true });
  try {
    const opening = new Opening(channel, target, options);
    const opened = await opening.run(tls);
    if (!("channel" in opened)) await channel.quit();
    const { verdict } = opening;
    return verdict ? { ...opened, tls: { ...verdict, local: channel.local } } : opened;
  } finally {
    options.signal?.removeEventListener("abort", stop);
  }
}

/** What stands for the answer to the connection. */
function connectFault(options: ClientOptions): Promise<Reply | ReplyError | undefined> {
  const limit = options.timeouts?.greeting ?? DEFAULT_TIMEOUTS.greeting;
  return new ClientFaults(options.faults!, options).at({ stage: "connect" }, limit);
}

class Opening {
  /** What TLS came to; undefined: it didn't come to that. */
  verdict: TlsVerdict | undefined;
  #extensions = NO_EXTENSIONS;

  constructor(
    private readonly channel: ClientChannel,
    private readonly target: ClientTarget,
    private readonly options: ClientOptions,
  ) {}

  async run(tls: ClientTlsPolicy): Promise<Opened | NotOpened> {
    const early = tls === "implicit" ? await this.#implicitTls() : undefined;
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

  async #hello(): Promise<HelloFailure | undefined> {
    const { hostname, lmtp } = this.options;
    const limit = this.channel.timeouts.hello;
    const point = { stage: "ehlo" } as const;
    const reply = await this.channel.askAt(point, `${lmtp ? "LHLO" : "EHLO"} ${hostname}`, limit);
    if (!isReplyError(reply) && isPositive(reply)) {
      this.#extensions = parseExtensions(reply);
      return undefined;
    }
    // a server older than EHLO says 5xx to it (RFC 5321 3.2)
    if (isReplyError(reply) || lmtp || reply.code < 500 || reply.code === 521) {
      return this.#refusal(reply, "ehlo");
    }
    this.#extensions = NO_EXTENSIONS;
    return this.#refusal(await this.channel.askAt(point, `HELO ${hostname}`, limit), "ehlo");
  }

  async #startTls(required: boolean): Promise<NotOpened | undefined> {
    const { channel } = this;
    if (!this.#extensions.starttls) {
      this.verdict = { failure: "starttls-not-supported" };
      return required ? this.#noTls("doesn't offer STARTTLS") : undefined;
    }
    const failed = required ? {} : TLS_FAILED;
    const reply = await channel.askAt({ stage: "starttls" }, "STARTTLS", channel.timeouts.hello);
    if (isReplyError(reply)) {
      this.verdict = { failure: "validation-failure", reason: reply.text };
      return { outcome: replyErrorOf(reply, "tls", channel.peer), ...failed };
    }
    if (!isPositive(reply)) {
      this.verdict = { failure: "starttls-not-supported", reason: `${reply.code} ${replyText(reply)}` };
      if (required) return this.#noTls(`refused STARTTLS with ${reply.code} ${replyText(reply)}`);
      channel.stayInClear(`STARTTLS was refused: ${reply.code} ${replyText(reply)}`);
      return undefined;
    }
    const outcome = await this.#handshake(required);
    if (outcome) return { outcome, ...failed };
    // what was offered in clear is forgotten (RFC 3207 4.2); who refuses now what it took in clear speaks of TLS
    const again = await this.#hello();
    return again && { outcome: again, ...failed };
  }

  async #implicitTls(): Promise<HelloFailure | undefined> {
    const { channel } = this;
    const point = { stage: "starttls", wordless: true } as const;
    const broken = channel.mayFail("starttls") ? await channel.fault(point, channel.timeouts.tls) : undefined;
    return broken ? this.#refusal(broken, "tls") : await this.#handshake(true);
  }

  async #handshake(verified: boolean): Promise<HelloFailure | undefined> {
    const { channel, options: { demand, ca, auth, tls, clock, judged } } = this;
    const dane = demand?.by === "dane" ? demand : undefined;
    // to look for the issuer costs more than the handshake: only where it matters
    const matters = verified || auth !== undefined || judged === true;
    const result = await channel.encrypt({
      serverName: dane?.base ?? this.target.host,
      ca: matters ? ca : undefined,
      chain: dane !== undefined,
    });
    if ("error" in result) {
      this.verdict = { failure: "validation-failure", reason: result.text };
      const text = this.options.demand ? this.#unmet(explained(result.text)) : explained(result.text);
      return deferred("4.7.5", text, "tls", channel.peer);
    }
    if (dane && dane.records.length > 0) {
      const fault = daneFault(result.chain, dane, clock.now());
      this.verdict = fault === undefined ? {} : { failure: "validation-failure", reason: fault };
      if (fault !== undefined) return this.#refused("4.7.5", fault);
      channel.secured("dane");
      return undefined;
    }
    this.verdict = result.untrusted === undefined ? {} : { untrusted: result.untrusted };
    // records of no use demand TLS with whomever, but take nothing from what the operator demands
    if (dane && tls !== "require" && tls !== "implicit") verified = false;
    if (result.untrusted === undefined) channel.secured(demand?.by === "sts" ? "sts" : "verified");
    else if (!verified) channel.secured("encrypted");
    else {
      const what = `the certificate of ${this.target.host} is not trusted: ${result.untrusted}`;
      return this.#refused("4.7.5", what);
    }
    return undefined;
  }

  /** A host that has no TLS today may have it again tomorrow. */
  #noTls(what: string): NotOpened {
    return { outcome: this.#refused("4.7.10", `${this.target.host} ${what}`) };
  }

  #refused(status: "4.7.5" | "4.7.10", what: string): HelloFailure {
    const { peer } = this.channel;
    if (this.options.demand?.final) return failed("5.7.10", this.#unmet(what), "tls", peer);
    return deferred(status, this.#unmet(what), "tls", peer);
  }

  /** That TLS is demanded, by whom, and what stands against it. */
  #unmet(what: string): string {
    return `${this.options.demand?.why ?? "Encryption is required"}, but ${what}`;
  }

  /** A refused login is our own configuration's fault, so the mail waits for the operator: always a deferral. */
  async #login(credentials: Credentials): Promise<HelloFailure | undefined> {
    const { channel, options } = this;
    const unsafe = this.#exposure();
    if (unsafe !== undefined) return deferred("4.7.11", unsafe, "auth", channel.peer);
    const offered = this.#extensions.auth;
    const encrypted = channel.peer.tls !== undefined;
    const random = options.random ?? systemRandom;
    const mechanisms = mechanismsFor(offered, { credentials, random, encrypted });
    if (mechanisms.length === 0) {
      const list = [...offered].join(", ") || "no AUTH";
      const text = `AUTH SCRAM-SHA-256, PLAIN, LOGIN or CRAM-MD5 is needed; the server offers ${list}`;
      return deferred("4.7.4", text, "auth", channel.peer);
    }
    let outcome: HelloFailure | undefined;
    for (const mechanism of mechanisms) {
      outcome = await this.#authenticate(mechanism);
      // only a mechanism that the server does not know after all leads to the next: a wrong password is one guess
      if (outcome?.code !== 504) break;
    }
    if (outcome?.kind !== "failed") return outcome;
    return { ...outcome, kind: "deferred", status: "4.7.8", note: "The login was refused" };
  }

  /** Why the password can't be sent over this connection; undefined: it can. */
  #exposure(): string | undefined {
    const { channel, options, target } = this;
    if (options.tls === "never" || isLoopback(target.address)) return undefined;
    if (channel.peer.tls === undefined) return "The password is not sent over a connection in clear";
    if (channel.untrusted === undefined) return undefined;
    return `The password is not sent, since the certificate of ${target.host} is not trusted: ${channel.untrusted}`;
  }

  async #authenticate(mechanism: ClientMechanism): Promise<HelloFailure | undefined> {
    const { channel } = this;
    const limit = channel.timeouts.hello;
    const { name, initial } = mechanism;
    const point = { stage: "auth" } as const;
    let reply = initial === undefined
      ? await channel.askAt(point, `AUTH ${name}`, limit)
      : await channel.askAt(point, `AUTH ${name} ${initial.toBase64()}`, limit, `AUTH ${name} ****`);
    for (let challenges = 1; !isReplyError(reply) && reply.code === 334; challenges++) {
      let answer: string;
      try {
        if (challenges > MAX_CHALLENGES) throw new Error("the server asks again and again");
        answer = (await mechanism.respond(challengeOf(reply))).toBase64();
      } catch (error) {
        await channel.ask("*", limit); // RFC 4954 4: the client gives up
        return deferred("4.7.0", `The login was given up: ${messageOf(error)}`, "auth", channel.peer);
      }
      reply = await channel.ask(answer, limit, "****");
    }
    const refusal = this.#refusal(reply, "auth");
    if (refusal || mechanism.complete) return refusal;
    const text = "The login was given up: the server didn't show that it knows the password itself";
    return deferred("4.7.0", text, "auth", channel.peer);
  }

  #refusal(reply: Reply | ReplyError, stage: Stage): HelloFailure | undefined {
    if (isReplyError(reply)) return replyErrorOf(reply, stage, this.channel.peer);
    return isPositive(reply) ? undefined : refusalOf(reply, stage, this.channel.peer);
  }
}

/** The errors and alerts of peers whose keys or protocols TLS here does not know, and in other words what that means. */
function explained(text: string): string {
  // any certificate would do in the handshake: what it says of one speaks of its key
  if (!/handshake ?failure|protocol ?version|signature|unsupported|certificate/i.test(text)) return text;
  return `${text} (it may have no key that TLS can be spoken with here: ${USABLE_KEYS})`;
}

/** No mechanism has more. */
const MAX_CHALLENGES = 3;

const TLS_FAILED = { tlsFailed: true } as const;

function challengeOf(reply: Reply): Uint8Array {
  return Uint8Array.fromBase64((reply.lines[0] ?? "").trim());
}

function isLate(reply: Reply | ReplyError): boolean {
  return isReplyError(reply) && reply.error === "late";
}
