/** What makes the facts of messages that folders keep. */

import { readCard, writeCard } from "../mail/facts_card.ts";
import type { MailStore } from "../mailbox/mail_store.ts";

/** Has the mail store make them. Most servers are never asked for one: what reads messages is loaded then. */
export function makeFacts(mailStore: MailStore): void {
  mailStore.useFacts({
    async make(pieces) {
      const { readFacts, wholeFacts } = await loaded();
      return writeCard(await (isWhole(pieces) ? wholeFacts(pieces) : readFacts(pieces)));
    },
    isGood: (facts) => readCard(facts) !== undefined,
  });
}

type Pieces = AsyncIterable<Uint8Array> | readonly Uint8Array[];

function isWhole(pieces: Pieces): pieces is readonly Uint8Array[] {
  return Array.isArray(pieces);
}

let module: Promise<typeof import("../mail/message_facts.ts")> | undefined;

function loaded(): Promise<typeof import("../mail/message_facts.ts")> {
  return module ??= import("../mail/message_facts.ts");
}
