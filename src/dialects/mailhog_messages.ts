/** MailHog's API: lists, searches, and what is done to one message. */

import { decode } from "../base/bytes.ts";
import type { Captured } from "../capture/captured.ts";
import { parseMailbox } from "../mail/address.ts";
import { comparable } from "../mail/query.ts";
import { type Call, count, Dialect, type DialectParts, members, Refused } from "./dialect.ts";
import { messageJson } from "./mailhog_shapes.ts";
import { messageOf, release } from "./mailpit_messages.ts";

const LIMIT = 50;
/** As it answers what may be large. */
const MOST = 250;
const KINDS = { from: "from", to: "to", containing: "any" } as const;

/** Its calls for messages. A single message is asked of our own call of that path. */
export function mailhogMessages(parts: DialectParts): Dialect["app"] {
  const dialect = new Dialect("MailHog");
  const { mail, reader } = parts;
  dialect.on("GET /api/v2/messages", "List captured messages", (c) => listed(c, mail.list()));
  dialect.on("GET /api/v2/search", "Search captured messages", async (c) => {
    const kind = c.req.query("kind") ?? "";
    if (!Object.hasOwn(KINDS, kind)) throw new Refused(400, "kind must be from, to or containing");
    const wanted = c.req.query("query") ?? "";
    if (wanted === "") throw new Refused(400, "query must say what to look for");
    const on = KINDS[kind as keyof typeof KINDS];
    const found = await reader.search([{ not: false, asked: { on, text: comparable(wanted) } }]);
    return listed(c, on === "any" ? await withEncoded(found, wanted) : found);
  });
  dialect.on("DELETE /api/v1/messages/{id}", "Delete a message", async (c) => {
    await mail.remove([(await messageOf(c, parts)).id]);
    return c.body(null, 200);
  });
  dialect.on("POST /api/v1/messages/{id}/release", "Send a message on for real", async (c) => {
    const message = await messageOf(c, parts);
    // Go's programs read names in any case; how it gets there is for the queue to know
    const given = Object.entries(await members(c)).find(([name]) => name.toLowerCase() === "email")?.[1];
    const address = typeof given === "string" ? parseMailbox(given.trim()) : undefined;
    if (address === undefined) throw new Refused(400, "Email must be an address");
    await release(message, [address], parts);
    return c.body(null, 200);
  });
  return dialect.app;

  /** MailHog decodes nothing: who looks for what is encoded writes it as it stands in the message. */
  async function withEncoded(found: readonly Captured[], wanted: string): Promise<readonly Captured[]> {
    const all = new Set(found);
    const low = wanted.toLowerCase();
    const hits: Captured[] = [];
    for (const message of mail.list()) {
      const bytes = all.has(message) ? undefined : await reader.bytes(message);
      if (!bytes && !all.has(message)) continue;
      if (!bytes || decode(bytes).toLowerCase().includes(low)) hits.push(message);
    }
    return hits;
  }

  async function listed(c: Call, all: readonly Captured[]): Promise<Response> {
    const start = count(c, "start", { least: 0, otherwise: 0 });
    const limit = Math.min(MOST, count(c, "limit", { least: 1, otherwise: LIMIT }));
    const items = [];
    for (const message of all.slice(start, start + limit)) {
      const bytes = await reader.bytes(message);
      if (bytes) items.push(messageJson(message, bytes));
    }
    return c.json({ total: all.length, count: items.length, start, items });
  }
}
