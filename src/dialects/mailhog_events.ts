/** MailHog's `/api/v2/websocket`: each message as it is captured. */

import { Dialect, type DialectParts } from "./dialect.ts";
import { LiveFeed } from "./live_feed.ts";
import { messageJson } from "./mailhog_shapes.ts";

/** Its call for what happens; its stream `/api/v1/events` is a path of our own. */
export function mailhogEvents(parts: DialectParts): Dialect["app"] {
  const dialect = new Dialect("MailHog");
  const feed = new LiveFeed(parts, {
    of: async (change) => {
      if (change.kind !== "captured") return [];
      const bytes = await parts.reader.bytes(change.message);
      return bytes ? [JSON.stringify(messageJson(change.message, bytes))] : [];
    },
    after: () => [],
    missed: [],
  });
  dialect.on("GET /api/v2/websocket", "Listen to what is captured (a WebSocket)", (c) => feed.listen(c));
  return dialect.app;
}
