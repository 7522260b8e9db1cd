/** The DNS server on loopback, UDP and TCP, that answers from zones and fails on demand. */

import { createSocket, type Socket } from "node:dgram";
import { decodePacket, type DnsPacket, encodePacket, FLAGS, framed, RCODES } from "../dns/packet.ts";
import { answerFromZones, type Zones } from "./dns_zones.ts";

export type { ZoneEntry, Zones } from "./dns_zones.ts";

/** How a name fails; `null` heals it; `garbage` are octets that are no packet. */
export type DnsFault =
  | "servfail"
  | "refused"
  | "formerr"
  | "notimp"
  | "nxdomain"
  | "silent"
  | "garbage"
  | null;

/** Settings of a {@linkcode DnsServer}. */
export interface DnsServerOptions {
  /** Address to listen on; 127.0.0.1 unless said. */
  readonly hostname?: string;
  /** Port for UDP and TCP; 0 (the default): any that is free for both. */
  readonly port?: number;
  readonly zones?: Zones;
  /**
   * Plays a validating name server: sets the AD bit in answers to queries that have it, but for names that are
   * `insecure`.
   */
  readonly authentic?: boolean;
  /** Plays a name server from before EDNS: FORMERR for queries with an OPT record. */
  readonly withoutEdns?: boolean;
  /** Plays a name server that writes all names in lower case, whatever the query's case. */
  readonly lowerCases?: boolean;
  /** Seconds in the SOA of negative answers; 60 unless said. */
  readonly negativeTtl?: number;
}

/** A query as it came; the name is in lower case. */
export interface DnsQuery {
  /** Lower case, no final dot. */
  name: string;
  /** Such as `MX`. */
  type: string;
  /** How it was asked. */
  over: "udp" | "tcp";
}

/** The size of a UDP reply when the query doesn't say (RFC 1035 2.3.4). */
const PLAIN_UDP_SIZE = 512;
/** How often another port is tried when UDP's side of a free TCP port is taken. */
const PORT_TRIES = 20;
const RCODE_OF_FAULT = {
  servfail: RCODES.SERVFAIL,
  refused: RCODES.REFUSED,
  formerr: RCODES.FORMERR,
  notimp: RCODES.NOTIMP,
  nxdomain: RCODES.NXDOMAIN,
} as const;

/** A DNS server for tests and the demo. */
export class DnsServer {
  /** The zones it answers from; may be changed at any time. */
  zones: Zones;
  /** All queries since the start, in their order. */
  readonly queries: DnsQuery[] = [];
  readonly #options: DnsServerOptions;
  readonly #faults = new Map<string, Exclude<DnsFault, null>>();
  readonly #tcp: Deno.Listener;
  readonly #udp: Socket;
  readonly #conns = new Set<Deno.Conn>();
  readonly #tasks = new Set<Promise<void>>();
  #closed: Promise<void> | undefined;

  /** Use {@linkcode DnsServer.start}. */
  private constructor(options: DnsServerOptions, sockets: { tcp: Deno.Listener; udp: Socket }) {
    this.#options = options;
    this.zones = options.zones ?? {};
    this.#tcp = sockets.tcp;
    this.#udp = sockets.udp;
    this.#udp.on("message", (bytes, from) => {
      const reply = this.#reply(bytes, "udp");
      if (reply && !this.#closed) this.#udp.send(reply, from.port, from.address);
    });
    this.#track(this.#accept());
  }

  /** Starts a server. */
  static async start(options: DnsServerOptions = {}): Promise<DnsServer> {
    const hostname = options.hostname ?? "127.0.0.1";
    for (let tries = 1;; tries++) {
      const tcp = Deno.listen({ hostname, port: options.port ?? 0 });
      try {
        const udp = await listenUdp(hostname, (tcp.addr as Deno.NetAddr).port);
        return new DnsServer(options, { tcp, udp });
      } catch (error) {
        tcp.close();
        if (options.port || tries === PORT_TRIES) throw error;
      }
    }
  }

  /** `127.0.0.1:53535`, as `dns.nameServer` takes it. */
  get address(): string {
    const { hostname, port } = this.#tcp.addr as Deno.NetAddr;
    return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  }

  /** Makes all queries for a name fail (only those of one type when it is given), or heals it with `null`. */
  fail(name: string, how: DnsFault, type = "*"): void {
    const key = `${type} ${name.toLowerCase()}`;
    if (how === null) this.#faults.delete(key);
    else this.#faults.set(key, how);
  }

  /** Stops; open connections are ended. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Stops answering. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#tcp.close();
    for (const conn of this.#conns) conn.close();
    await new Promise<void>((resolve) => this.#udp.close(() => resolve()));
    await Promise.all(this.#tasks);
  }

  #track(task: Promise<void>): void {
    const tracked = task.catch(() => {}).then(() => void this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#tcp) {
      this.#conns.add(conn);
      this.#track(this.#serve(conn));
    }
  }

  async #serve(conn: Deno.Conn): Promise<void> {
    try {
      const head = new Uint8Array(2);
      while (await readFull(conn, head)) {
        const query = new Uint8Array((head[0]! << 8) | head[1]!);
        if (!await readFull(conn, query)) return;
        const reply = this.#reply(query, "tcp");
        if (reply) await writeAll(conn, framed(reply));
      }
    } finally {
      // close() may have been quicker
      if (this.#conns.delete(conn) && !this.#closed) conn.close();
    }
  }

  /** The reply to these octets; undefined: keep silent. */
  #reply(bytes: Uint8Array, over: "udp" | "tcp"): Uint8Array | undefined {
    const query = decodePacket(bytes);
    const question = query?.questions[0];
    if (query?.type !== "query" || !question) return undefined;
    const name = question.name.toLowerCase();
    this.queries.push({ name, type: question.type, over });
    const fault = this.#faults.get(`${question.type} ${name}`) ?? this.#faults.get(`* ${name}`);
    if (fault === "silent") return undefined;
    if (fault === "garbage") {
      return Uint8Array.of(bytes[0]!, bytes[1]!, 0x80, 0, 0, 9, 0, 9, 0, 0, 0, 0, 0xff, 0xff);
    }
    if (fault) return this.#answer(query, { rcode: RCODE_OF_FAULT[fault] });
    if (this.#options.withoutEdns && query.edns) return this.#answer(query, { rcode: RCODES.FORMERR });
    return this.#truthful(query, { name, type: question.type }, over);
  }

  /** What the zones say, in a form that fits; SERVFAIL when they hold what can't be put into a packet. */
  #truthful(
    query: DnsPacket,
    question: { name: string; type: string },
    over: DnsQuery["over"],
  ): Uint8Array {
    const limit = over === "tcp" ? 65535 : Math.max(PLAIN_UDP_SIZE, query.edns?.udpPayloadSize ?? 0);
    try {
      const found = answerFromZones(this.zones, question, this.#options.negativeTtl ?? 60);
      const authentic = found.secure && query.authentic && this.#options.authentic;
      const reply = this.#answer(query, { ...found, authentic, rcode: RCODES[found.rcode] });
      return reply.length <= limit ? reply : this.#answer(query, { rcode: RCODES.NOERROR, truncated: true });
    } catch {
      return this.#answer(query, { rcode: RCODES.SERVFAIL });
    }
  }

  #answer(
    query: DnsPacket,
    said:
      & { rcode: number; truncated?: boolean; authentic?: boolean | undefined }
      & Partial<Pick<DnsPacket, "answers" | "authorities">>,
  ): Uint8Array {
    const { lowerCases } = this.#options;
    const flags = FLAGS.authoritative | FLAGS.recursionDesired | FLAGS.recursionAvailable |
      (said.authentic ? FLAGS.authentic : 0) | (said.truncated ? FLAGS.truncated : 0) | said.rcode;
    const edns = query.edns !== undefined && !this.#options.withoutEdns;
    return encodePacket({
      type: "response",
      id: query.id,
      flags,
      questions: query.questions.map((q) => lowerCases ? { ...q, name: q.name.toLowerCase() } : q),
      answers: said.answers ?? [],
      authorities: said.authorities ?? [],
      ...(edns && { additionals: [{ type: "OPT", name: ".", udpPayloadSize: 1232 }] }),
    });
  }
}

function listenUdp(hostname: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(hostname.includes(":") ? "udp6" : "udp4");
    socket.once("error", reject);
    socket.bind(port, hostname, () => {
      socket.off("error", reject);
      // a client that went away must not end the server
      socket.on("error", () => {});
      resolve(socket);
    });
  });
}

async function readFull(conn: Deno.Conn, into: Uint8Array): Promise<boolean> {
  for (let at = 0; at < into.length;) {
    const n = await conn.read(into.subarray(at));
    if (n === null) return false;
    at += n;
  }
  return true;
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}
