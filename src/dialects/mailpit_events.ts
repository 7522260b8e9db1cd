/** Mailpit's `/api/events`: what happens to messages, as JSON over a WebSocket. */

import type { CaptureChange } from "../capture/captured.ts";
import { Dialect, type DialectParts } from "./dialect.ts";
import { LiveFeed, type Words } from "./live_feed.ts";
import { mailpitVersion } from "./mailpit_server.ts";
import { summaryJson } from "./mailpit_shapes.ts";

/** So many are told of one by one when they go together; with more, clients are better off with a new list. */
const FEW = 200;
const PRUNE = event("prune", null);

/** Its call for what happens. */
export function mailpitEvents(parts: DialectParts): Dialect["app"] {
  const dialect = new Dialect("Mailpit");
  const feed = new LiveFeed(parts, new MailpitWords(parts));
  dialect.on("GET /api/events", "Listen to what happens to messages (a WebSocket)", (c) => feed.listen(c));
  return dialect.app;
}

class MailpitWords implements Words {
  readonly missed = [PRUNE];
  readonly #parts: DialectParts;
  /** The oldest left, to be told of once for some time. */
  #pruned = false;

  constructor(parts: DialectParts) {
    this.#parts = parts;
  }

  async of(change: CaptureChange): Promise<string[]> {
    if (change.kind === "captured") {
      const { tags, id } = change.message;
      const [summary] = await this.#parts.reader.summaries([change.message]);
      if (!summary) return [];
      const json = summaryJson(summary);
      const { To, Cc, Bcc } = json;
      const added = event("new", { ...json, To: To ?? [], Cc: Cc ?? [], Bcc: Bcc ?? [] });
      return tags.length === 0 ? [added] : [added, event("update", { ID: id, Tags: json.Tags })];
    }
    if (change.kind === "changed") {
      const { message: { id, seen, tags }, what } = change;
      if (what === "seen") return [event("update", { ID: id, Read: seen })];
      return what === "tags" ? [event("update", { ID: id, Tags: tags })] : [];
    }
    const { why, messages } = change;
    if (why === "all") return [event("truncate", null)];
    if (why === "asked" && messages.length <= FEW) {
      return messages.map(({ id }) => event("delete", { ID: id }));
    }
    this.#pruned = true;
    return [];
  }

  after(): string[] {
    const { mail, options: { version } } = this.#parts;
    const stats = event("stats", {
      Total: mail.count,
      Unread: mail.unseen,
      Version: mailpitVersion(version),
    });
    const all = this.#pruned ? [PRUNE, stats] : [stats];
    this.#pruned = false;
    return all;
  }
}

function event(Type: string, Data: unknown): string {
  return JSON.stringify({ Type, Data });
}
