/** The exchange of one question and its reply with one name server, over UDP or TCP, within a time. */

import { messageOf } from "../base/errors.ts";
import { createSocket } from "node:dgram";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { canonicalIp } from "./names.ts";
import type { NameServer } from "./name_servers.ts";
import {
  decodePacket,
  type DnsPacket,
  encodePacket,
  FLAGS,
  framed,
  packetId,
  type RecordType,
} from "./packet.ts";

/** A question on its way: random id, random case (the "0x20" bits), so that a stranger can't guess the reply. */
export interface Query {
  readonly id: number;
  readonly name: string;
  readonly type: RecordType;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What came of it. `disguised`: everything fits but the case of the name, so it should be asked over TCP. */
export type Reply =
  | { kind: "packet"; packet: DnsPacket }
  | { kind: "disguised" | "garbage" | "silence" | "closed" }
  | { kind: "broken"; why: string };

/** What an exchange needs to know. */
export interface ExchangeOptions {
  readonly server: NameServer;
  readonly query: Query;
  readonly clock: Clock;
  /** Milliseconds until it counts as silence. */
  readonly limitMs: number;
  /** Ends the exchange early. */
  readonly signal: AbortSignal;
}

/** What we can take over UDP without fragments (DNS flag day 2020). */
const UDP_SIZE = 1232;

/** Makes a query for a canonical name. Without `edns` it is one that the oldest server understands. */
export function makeQuery(
  question: { name: string; type: RecordType; edns: boolean },
  random: Random,
): Query {
  const [high, low] = random.bytes(2);
  const id = (high! << 8) | low!;
  const name = mixedCase(question.name, random);
  const bytes = encodePacket({
    type: "query",
    id,
    // AD in a query: "I understand AD in the reply" (RFC 6840 5.7)
    flags: FLAGS.recursionDesired | FLAGS.authentic,
    questions: [{ type: question.type, name }],
    ...(question.edns && { additionals: [{ type: "OPT", name: ".", udpPayloadSize: UDP_SIZE }] }),
  });
  return { id, name, type: question.type, bytes };
}

/** Asks over UDP from a port of its own, which the system picks at random. */
export function askByUdp(options: ExchangeOptions): Promise<Reply> {
  return limited(options, (finish) => {
    const { server, query } = options;
    const socket = createSocket(server.ip.includes(":") ? "udp6" : "udp4");
    socket.on("error", (error) => finish({ kind: "broken", why: error.message }));
    socket.on("message", (bytes, from) => {
      if (from.port !== server.port || !sameIp(from.address, server.ip)) return;
      const reply = judge(bytes, query, "exact");
      if (reply) finish(reply);
    });
    socket.bind(0, () => {
      socket.send(query.bytes, server.port, server.ip, (error) => {
        if (error) finish({ kind: "broken", why: error.message });
      });
    });
    return () => socket.close();
  });
}

/** Asks over TCP (RFC 7766). */
export function askByTcp(options: ExchangeOptions): Promise<Reply> {
  return limited(options, (finish) => {
    const stop = new AbortController();
    converse(options, stop.signal).then(finish, (error) => finish({ kind: "broken", why: messageOf(error) }));
    return () => stop.abort();
  });
}

async function converse({ server, query }: ExchangeOptions, signal: AbortSignal): Promise<Reply> {
  const conn = await Deno.connect({ hostname: server.ip, port: server.port, signal });
  const close = () => conn.close();
  if (signal.aborted) {
    close();
    return { kind: "silence" };
  }
  signal.addEventListener("abort", close, { once: true });
  const request = framed(query.bytes);
  for (let sent = 0; sent < request.length;) sent += await conn.write(request.subarray(sent));
  const length = new Uint8Array(2);
  if (!await readFull(conn, length)) return { kind: "broken", why: "the connection ended without a reply" };
  const body = new Uint8Array((length[0]! << 8) | length[1]!);
  if (!await readFull(conn, body)) return { kind: "broken", why: "the connection ended within the reply" };
  // nobody slips a reply into a connection unseen, so the case proves nothing more
  return judge(body, query, "any") ?? { kind: "garbage" };
}

async function readFull(conn: Deno.Conn, into: Uint8Array): Promise<boolean> {
  for (let at = 0; at < into.length;) {
    const n = await conn.read(into.subarray(at));
    if (n === null) return false;
    at += n;
  }
  return true;
}

/** Runs `start`, which answers how to end it, until it finishes, its time is over or the signal comes. */
function limited(
  { clock, limitMs, signal }: ExchangeOptions,
  start: (finish: (reply: Reply) => void) => () => void,
): Promise<Reply> {
  return new Promise((resolve) => {
    let done = false;
    let end: (() => void) | undefined;
    const timer = clock.schedule(limitMs, () => finish({ kind: "silence" }));
    const onAbort = () => finish({ kind: "closed" });
    signal.addEventListener("abort", onAbort, { once: true });
    function finish(reply: Reply) {
      if (done) return;
      done = true;
      timer.cancel();
      signal.removeEventListener("abort", onAbort);
      end?.();
      resolve(reply);
    }
    try {
      end = start(finish);
      if (done) end();
    } catch (error) {
      finish({ kind: "broken", why: messageOf(error) });
    }
    if (signal.aborted) onAbort();
  });
}

/** The reply to a query in these octets; undefined when they are someone else's. */
function judge(bytes: Uint8Array, query: Query, letterCase: "exact" | "any"): Reply | undefined {
  if (packetId(bytes) !== query.id) return undefined;
  const packet = decodePacket(bytes);
  if (!packet) return { kind: "garbage" };
  if (packet.type !== "response") return undefined;
  const question = packet.questions[0];
  if (!question) {
    // a server that can't read the query can't repeat the question either
    return packet.rcode === "FORMERR" || packet.rcode === "NOTIMP" ? { kind: "packet", packet } : undefined;
  }
  if (packet.questions.length > 1 || question.type !== query.type) return undefined;
  if (question.name === query.name) return { kind: "packet", packet };
  if (question.name.toLowerCase() !== query.name.toLowerCase()) return undefined;
  return letterCase === "any" ? { kind: "packet", packet } : { kind: "disguised" };
}

function mixedCase(name: string, random: Random): string {
  const bits = random.bytes(name.length);
  let mixed = "";
  for (let i = 0; i < name.length; i++) mixed += bits[i]! & 1 ? name[i]!.toUpperCase() : name[i];
  return mixed;
}

function sameIp(a: string, b: string): boolean {
  return a === b || canonicalIp(a.split("%")[0]!) === canonicalIp(b.split("%")[0]!);
}
