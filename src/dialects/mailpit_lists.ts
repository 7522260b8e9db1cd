/** Mailpit's API: lists, searches, tags, and what is done to many messages. */

import type { Captured } from "../capture/captured.ts";
import { cleanTags } from "../mail/tags.ts";
import { type Call, count, Dialect, type DialectParts, members, Refused, texts } from "./dialect.ts";
import { summaryJson, tagCounts } from "./mailpit_shapes.ts";
import { findMessages, instantOf } from "./mailpit_query.ts";

const LIMIT = 50;

/** Its calls for messages as a whole. */
export function mailpitLists(parts: DialectParts): Dialect["app"] {
  const dialect = new Dialect("Mailpit");
  const { mail, reader } = parts;
  dialect.on("GET /api/v1/messages", "List captured messages", async (c) => {
    const { start: offset, limit, until } = pageOf(c);
    const messages = until === undefined
      ? mail.list({ offset, limit })
      : mail.list().filter((one) => one.receivedAt < until).slice(offset, offset + limit);
    const page = await listed(parts, messages, offset);
    return c.json({ ...page, messages_count: mail.count, messages_unread: mail.unseen });
  });
  dialect.on("PUT /api/v1/messages", "Mark messages as read or unread", async (c) => {
    if ((await c.req.text()).trim() === "") throw new Refused(400, "EOF");
    const { IDs, Read, Search } = await members(c);
    const search = typeof Search === "string" ? Search.trim() : "";
    const named = texts(IDs, "IDs");
    if (search !== "" && named.length > 0) {
      throw new Refused(400, "You may specify either IDs or a search query, not both");
    }
    const ids = search === "" ? allUnless(named, parts) : idsOf(await findMessages(search, c, parts));
    await mail.markSeen(ids, Read === true);
    return c.text("ok");
  });
  dialect.on("DELETE /api/v1/messages", "Delete messages, or all", async (c) => {
    const ids = texts((await members(c)).IDs, "IDs");
    await (ids.length === 0 ? mail.removeAll() : mail.remove(ids));
    // clients of MailHog send this too, and take any body for JSON
    return c.body(null, 200);
  });
  dialect.on("GET /api/v1/search", "Search captured messages", async (c) => {
    const { start, limit, until = Infinity } = pageOf(c);
    const all = (await findMessages(searchOf(c), c, parts)).filter((one) => one.receivedAt < until);
    const page = await listed(parts, all.slice(start, start + limit), start);
    const unread = all.filter(({ seen }) => !seen).length;
    return c.json({ ...page, messages_count: all.length, messages_unread: unread });
  });
  dialect.on("DELETE /api/v1/search", "Delete what a search finds", async (c) => {
    await mail.remove(idsOf(await findMessages(searchOf(c), c, parts)));
    return c.text("ok");
  });
  addTags(dialect, parts);
  return dialect.app;

  /** What a list tells beside the counts of what was asked for. */
  async function listed({ mail }: DialectParts, messages: readonly Captured[], start: number) {
    const summaries = await reader.summaries(messages);
    return {
      total: mail.count,
      unread: mail.unseen,
      count: summaries.length,
      messages_count: 0,
      messages_unread: 0,
      start,
      tags: tagsOf(parts),
      messages: summaries.map(summaryJson),
    };
  }
}

function addTags(dialect: Dialect, parts: DialectParts): void {
  const { mail } = parts;
  dialect.on("GET /api/v1/tags", "List the tags that are in use", (c) => c.json(tagsOf(parts)));
  dialect.on("PUT /api/v1/tags", "Set the tags of messages", async (c) => {
    const { IDs, Tags } = await members(c);
    await mail.setTags(texts(IDs, "IDs"), cleanTags(texts(Tags, "Tags")));
    return c.text("ok");
  });
  dialect.on("PUT /api/v1/tags/{tag}", "Rename a tag", async (c) => {
    const { Name } = await members(c);
    const name = typeof Name === "string" ? Name.trim() : "";
    const [clean] = cleanTags([name]);
    if (clean === undefined || clean !== name) throw new Refused(400, `invalid tag name: ${name}`);
    await replaceTag(clean);
    return c.text("ok");

    async function replaceTag(clean: string): Promise<void> {
      for (const { id, tags, tag } of tagged(c, parts)) {
        await mail.setTags([id], cleanTags(tags.map((one) => isSame(one, tag) ? clean : one)));
      }
    }
  });
  dialect.on("DELETE /api/v1/tags/{tag}", "Take a tag off all messages", async (c) => {
    for (const { id, tags, tag } of tagged(c, parts)) {
      await mail.setTags([id], tags.filter((one) => !isSame(one, tag)));
    }
    return c.text("ok");
  });
}

/** The messages that have the tag of the path. Throws {@linkcode Refused} when there are none. */
function tagged(c: Call, { mail }: DialectParts) {
  const tag = c.req.param("tag") ?? "";
  const all = mail.tagged().filter(({ tags }) => tags.some((one) => isSame(one, tag)));
  if (all.length === 0) throw new Refused(400, `tag not found: ${tag}`);
  return all.map(({ id, tags }) => ({ id, tags, tag }));
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function tagsOf({ mail }: DialectParts): string[] {
  return tagCounts(mail.tagged()).map(([tag]) => tag);
}

/** With `until` only what came before that instant counts: new messages don't move the pages. */
function pageOf(c: Call): { start: number; limit: number; until: number | undefined } {
  return {
    start: count(c, "start", { least: 0, otherwise: 0 }),
    limit: count(c, "limit", { least: 0, otherwise: LIMIT }),
    until: instantOf(c.req.query("before") ?? ""),
  };
}

function searchOf(c: Call): string {
  const text = c.req.query("query")?.trim() ?? "";
  if (text === "") throw new Refused(400, "Error: no search query");
  return text;
}

function idsOf(messages: readonly Captured[]): string[] {
  return messages.map(({ id }) => id);
}

function allUnless(ids: string[], { mail }: DialectParts): string[] {
  return ids.length === 0 ? idsOf(mail.list()) : ids;
}
