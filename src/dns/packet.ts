/** The DNS packets as typed values; `dns-packet`, which has no types, does the octets. */

import { Buffer } from "node:buffer";
import dnsPacket from "dns-packet";

/** The types of records that dinopost asks for. */
export type RecordType = "A" | "AAAA" | "CNAME" | "MX" | "NS" | "PTR" | "SOA" | "SRV" | "TLSA" | "TXT";

/** One record. Names have no final dot; the root is `.`. */
export type DnsRecord =
  & { name: string; ttl?: number; class?: string }
  & (
    | { type: "A" | "AAAA" | "CNAME" | "NS" | "PTR"; data: string }
    | { type: "MX"; data: { preference: number; exchange: string } }
    | { type: "TXT"; data: string | (string | Uint8Array)[] | Uint8Array }
    | { type: "SOA"; data: SoaData }
    | { type: "SRV"; data: SrvData }
    | { type: "TLSA"; data: TlsaData }
  );

/** What a TLSA record says (RFC 6698 2.1). */
export interface TlsaData {
  usage: number;
  selector: number;
  matchingType: number;
  certificate: Uint8Array;
}

/** What an SRV record says (RFC 2782). */
export interface SrvData {
  priority: number;
  weight: number;
  port: number;
  target: string;
}

/** What an SOA record says (RFC 1035 3.3.13); `minimum` is for how many seconds a "no" holds (RFC 2308 4). */
export interface SoaData {
  mname: string;
  rname: string;
  serial: number;
  refresh: number;
  retry: number;
  expire: number;
  minimum: number;
}

/** The pseudo record of EDNS (RFC 6891 6.1). */
export interface OptRecord {
  type: "OPT";
  name: ".";
  udpPayloadSize: number;
  extendedRcode?: number;
  flags?: number;
}

/** What is asked. */
export interface Question {
  name: string;
  type: string;
  class?: string;
}

/** A packet to send. */
export interface OutgoingPacket {
  type: "query" | "response";
  id: number;
  /** A sum of {@linkcode FLAGS} and, in a response, of the RCODE. */
  flags: number;
  questions: readonly Question[];
  answers?: readonly DnsRecord[];
  authorities?: readonly DnsRecord[];
  additionals?: readonly OptRecord[];
}

/** A packet that came. */
export interface DnsPacket {
  type: "query" | "response";
  id: number;
  /** The RCODE's name: `NOERROR`, `NXDOMAIN`, `SERVFAIL`…, with what EDNS adds to it. */
  rcode: string;
  truncated: boolean;
  authentic: boolean;
  questions: Question[];
  answers: DnsRecord[];
  authorities: DnsRecord[];
  edns?: OptRecord;
}

/** Flags of the header (RFC 1035 4.1.1, 4035 3.1.6). */
export const FLAGS = {
  authoritative: 1 << 10,
  truncated: 1 << 9,
  recursionDesired: 1 << 8,
  recursionAvailable: 1 << 7,
  authentic: 1 << 5,
} as const;

/** RCODEs by name (RFC 1035 4.1.1). */
export const RCODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;

interface RawPacket {
  type: "query" | "response";
  id: number;
  rcode: string;
  flag_tc: boolean;
  flag_ad: boolean;
  questions: Question[];
  answers: DnsRecord[];
  authorities: DnsRecord[];
  additionals: (OptRecord | DnsRecord)[];
}

interface Codec {
  encode(packet: OutgoingPacket): Uint8Array<ArrayBuffer>;
  decode(bytes: Uint8Array): RawPacket;
}

const codec: Codec = dnsPacket;

/** A packet as octets. */
export function encodePacket(packet: OutgoingPacket): Uint8Array<ArrayBuffer> {
  return codec.encode(packet);
}

/** Octets as a packet; undefined when they are none. */
export function decodePacket(bytes: Uint8Array): DnsPacket | undefined {
  let raw: RawPacket;
  try {
    raw = codec.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch {
    return undefined;
  }
  const edns = raw.additionals.find((record): record is OptRecord => record.type === "OPT");
  return {
    type: raw.type,
    id: raw.id,
    rcode: edns?.extendedRcode ? `RCODE ${(edns.extendedRcode << 4) + headerRcode(raw.rcode)}` : raw.rcode,
    truncated: raw.flag_tc,
    authentic: raw.flag_ad,
    questions: raw.questions,
    answers: raw.answers,
    authorities: raw.authorities,
    ...(edns && { edns }),
  };
}

/** The id of octets that may not be a whole packet; undefined when even the header is missing. */
export function packetId(bytes: Uint8Array): number | undefined {
  return bytes.length < 12 ? undefined : (bytes[0]! << 8) | bytes[1]!;
}

/** Octets with their length before them, as TCP wants it (RFC 1035 4.2.2). */
export function framed(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(bytes.length + 2);
  frame[0] = bytes.length >> 8;
  frame[1] = bytes.length & 255;
  frame.set(bytes, 2);
  return frame;
}

function headerRcode(name: string): number {
  return (RCODES as Record<string, number>)[name] ?? 0;
}
