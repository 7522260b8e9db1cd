/** The DNS client: a reply with its RCODE out of several name servers, past silence, truncation and old servers. */

import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { askByTcp, askByUdp, type ExchangeOptions, makeQuery, type Reply } from "./exchange.ts";
import { type NameServer, showNameServer } from "./name_servers.ts";
import type { DnsPacket, RecordType } from "./packet.ts";

/** What a question came to: a packet that says NOERROR or NXDOMAIN, or why there is none. */
export type ClientReply = { kind: "packet"; packet: DnsPacket; server: string } | {
  kind: "temporaryFailure";
  why: string;
};

/** What the client needs. */
export interface DnsClientOptions {
  /** The servers, in the order in which they are asked. May reject: that is a temporary failure, too. */
  readonly servers: () => readonly NameServer[] | Promise<readonly NameServer[]>;
  /** For time-outs. */
  readonly clock: Clock;
  /** For ids and the case of names. */
  readonly random: Random;
  /** Called for each query that got no reply in its time. */
  readonly onTimeout?: () => void;
}

/** How often a server that keeps silent is asked. */
const ROUNDS = 2;
/** These RCODEs are answers; all others say that the server couldn't or wouldn't find one. */
const ANSWERS = new Set(["NOERROR", "NXDOMAIN"]);
/** RCODEs of servers that don't know EDNS (RFC 6891 7). */
const WITHOUT_EDNS = new Set(["FORMERR", "NOTIMP"]);

/** A small DNS client. Answers are not remembered here. */
export class DnsClient {
  readonly #options: DnsClientOptions;
  readonly #closing = new AbortController();
  /** The server that answered last: a dead one before it costs its time only once. */
  #liked = "";

  /** Opens nothing before the first question. */
  constructor(options: DnsClientOptions) {
    this.#options = options;
  }

  /** Asks for the records of a canonical name, for at most `limitMs`. Never rejects. */
  async ask(question: { name: string; type: RecordType }, limitMs: number): Promise<ClientReply> {
    const { clock } = this.#options;
    const end = clock.monotonic() + limitMs;
    let servers: readonly NameServer[];
    try {
      servers = this.#sorted(await this.#options.servers());
    } catch (error) {
      return temporaryFailure(
        `The system's name servers aren't known: ${messageOf(error)}`,
      );
    }
    let why = servers.length > 0 ? "No time was left to ask" : "No name server is known";
    for (let round = 0; round < ROUNDS && servers.length > 0; round++) {
      const silent: NameServer[] = [];
      for (const [i, server] of servers.entries()) {
        const triesLeft = servers.length - i + (ROUNDS - 1 - round) * (silent.length + servers.length - i);
        const left = end - clock.monotonic();
        if (left <= 0) return temporaryFailure(why);
        const reply = await this.#askServer(server, question, left / triesLeft);
        if (reply.kind === "packet" && ANSWERS.has(reply.packet.rcode)) {
          this.#liked = showNameServer(server);
          return { kind: "packet", packet: reply.packet, server: this.#liked };
        }
        why = complaint(reply, server);
        if (reply.kind === "closed") return temporaryFailure(why);
        if (reply.kind === "silence") silent.push(server);
      }
      servers = silent;
    }
    return temporaryFailure(why);
  }

  /** Ends what is under way; from now on every question ends in a temporary failure. */
  close(): void {
    this.#closing.abort();
  }

  async #askServer(
    server: NameServer,
    question: { name: string; type: RecordType },
    limitMs: number,
  ): Promise<Reply> {
    const { clock, random } = this.#options;
    const end = clock.monotonic() + limitMs;
    let edns = true;
    let ask = askByUdp;
    for (;;) {
      const options: ExchangeOptions = {
        server,
        query: makeQuery({ ...question, edns }, random),
        clock,
        limitMs: end - clock.monotonic(),
        signal: this.#closing.signal,
      };
      const reply = await ask(options);
      if (reply.kind === "silence") this.#options.onTimeout?.();
      if (ask === askByUdp && (reply.kind === "disguised" || isTruncated(reply))) ask = askByTcp;
      else if (edns && reply.kind === "packet" && WITHOUT_EDNS.has(reply.packet.rcode)) edns = false;
      else return reply;
    }
  }

  #sorted(servers: readonly NameServer[]): readonly NameServer[] {
    const liked = servers.find((server) => showNameServer(server) === this.#liked);
    return liked ? [liked, ...servers.filter((server) => server !== liked)] : servers;
  }
}

function isTruncated(reply: Reply): boolean {
  return reply.kind === "packet" && reply.packet.truncated;
}

function complaint(reply: Reply, server: NameServer): string {
  const name = `Name server ${showNameServer(server)}`;
  switch (reply.kind) {
    case "packet":
      return `${name} answered ${reply.packet.rcode}`;
    case "garbage":
      return `${name} answered something unreadable`;
    case "disguised":
      return `${name} answered another question`;
    case "silence":
      return `${name} didn't answer in time`;
    case "broken":
      return `${name} can't be asked: ${reply.why}`;
    case "closed":
      return "The resolver is closed";
  }
}

function temporaryFailure(why: string): ClientReply {
  return { kind: "temporaryFailure", why };
}
