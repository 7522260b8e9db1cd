/** The extensions that a server lists in its answer to EHLO (RFC 5321 4.1.1.1). */

import type { Reply } from "../protocol/reply.ts";

/** What the peer offers. */
export interface PeerExtensions {
  /** RFC 2920. */
  readonly pipelining: boolean;
  /** RFC 3030. */
  readonly chunking: boolean;
  /** RFC 6152. */
  readonly eightBit: boolean;
  /** RFC 6531. */
  readonly utf8: boolean;
  /** RFC 3461. */
  readonly dsn: boolean;
  /** RFC 3207. */
  readonly starttls: boolean;
  /** RFC 8689. */
  readonly requireTls: boolean;
  /** RFC 1870: offered at all. */
  readonly size: boolean;
  /** RFC 1870: the most bytes it takes; absent when it names no limit. */
  readonly sizeLimit?: number;
  /** RFC 4954: the mechanisms, in capitals. */
  readonly auth: ReadonlySet<string>;
  /** RFC 9422: recipients per transaction. */
  readonly recipientLimit?: number;
  /** RFC 9422: transactions per connection. */
  readonly mailLimit?: number;
}

/** What a server without EHLO offers. */
export const NO_EXTENSIONS: PeerExtensions = {
  pipelining: false,
  chunking: false,
  eightBit: false,
  utf8: false,
  dsn: false,
  starttls: false,
  requireTls: false,
  size: false,
  auth: new Set(),
};

/** Reads the lines behind the first one of the answer to EHLO or LHLO. */
export function parseExtensions(reply: Reply): PeerExtensions {
  const offered = new Map<string, string>();
  const auth = new Set<string>();
  for (const line of reply.lines.slice(1)) {
    const [, keyword, parameters] = /^([a-z0-9-]+)[ =]?(.*)$/is.exec(line.trim()) ?? [];
    if (keyword === undefined || parameters === undefined) continue;
    const name = keyword.toUpperCase();
    offered.set(name, parameters);
    // "AUTH=LOGIN" is how servers older than RFC 4954 write it, often beside the right form
    if (name === "AUTH") {
      for (const mechanism of parameters.toUpperCase().split(/[ =]+/)) auth.add(mechanism);
    }
  }
  const limits = offered.get("LIMITS") ?? "";
  return {
    pipelining: offered.has("PIPELINING"),
    chunking: offered.has("CHUNKING"),
    eightBit: offered.has("8BITMIME"),
    utf8: offered.has("SMTPUTF8"),
    dsn: offered.has("DSN"),
    starttls: offered.has("STARTTLS"),
    requireTls: offered.has("REQUIRETLS"),
    size: offered.has("SIZE"),
    ...optional("sizeLimit", positive(offered.get("SIZE"))),
    auth,
    ...optional("recipientLimit", positive(/\bRCPTMAX=(\d+)/i.exec(limits)?.[1])),
    ...optional("mailLimit", positive(/\bMAILMAX=(\d+)/i.exec(limits)?.[1])),
  };
}

function positive(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) && Number(text) > 0 ? Number(text) : undefined;
}

function optional<K extends string>(key: K, value: number | undefined): { [P in K]?: number } {
  return value === undefined ? {} : { [key]: value } as { [P in K]?: number };
}
