/** The IMAP server of the composition. */

import { SearchTexts } from "../imap/folder_texts.ts";
import { ImapServer } from "../imap/server.ts";
import { BodyWriter } from "../storage/bodies/bodies.ts";
import type { Parts } from "./parts.ts";
import type { ReadingServerOptions } from "./pop3_server.ts";

/** RFC 9051 5.4 asks for half an hour at least. */
const IMAP_IDLE_MS = 1_800_000;

/** What searches keep is one for all doors. */
const searchTexts = new WeakMap<object, SearchTexts>();

/** An IMAP server. */
export function imapServer(parts: Parts, { config, shared, log }: ReadingServerOptions): ImapServer {
  const { accounts, appPasswords, clock, guard, ids, mailStore, store } = parts;
  const { auth, limits } = config;
  return new ImapServer({
    ...shared,
    accounts,
    appPasswords,
    mailStore,
    newBody: () => new BodyWriter(store, { id: ids.next(), clock }),
    mailClock: clock,
    guard,
    allowInsecure: auth.allowInsecure,
    messageSize: limits.messageSize,
    idleTimeoutMs: Math.max(IMAP_IDLE_MS, limits.commandTimeout),
    loginTimeoutMs: limits.commandTimeout,
    searchTexts: searchTexts.getOrInsertComputed(mailStore, () => new SearchTexts()),
    errorsPerSession: limits.errorsPerSession,
    watch: (id, conn) => {
      const to = log(id, conn);
      return (event) => to.imap(event);
    },
  });
}
