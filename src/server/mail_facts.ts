/** What makes the facts of messages that folders keep. */

import { readCard, writeCard } from "../mail/facts_card.ts";
import type { MailStore } from "../mailbox/mail_store.ts";

/** Has the mail store make them. Most servers are never asked for one: what reads messages is loaded then. */
export function makeFacts(mailStore: MailStore): void {
  mailStore.useFacts({
    async make(pieces) {
      const { readFacts } = await import("../mail/message_facts.ts");
      return writeCard(await readFacts(pieces));
    },
    isGood: (facts) => readCard(facts) !== undefined,
  });
}
