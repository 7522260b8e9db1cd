/** What the folders of mailboxes stand on, and the bringing over of a store that an older version wrote. */

import type { Clock } from "../base/clock.ts";
import { CARD_VERSION } from "../mail/facts_card.ts";
import type { MailStore } from "../mailbox/mail_store.ts";
import type { Quotas } from "../mailbox/quotas.ts";
import type { Journal } from "../observe/journal.ts";

/** Folders take room in quotas, and have the facts of messages made. */
export function standUnder(mailStore: MailStore, quotas: Quotas): void {
  mailStore.useRoom((address, size) => quotas.take(address, size));
  mailStore.useFacts({
    async make(pieces) {
      // most servers have no IMAP clients
      const { readFacts } = await import("../mail/message_facts.ts");
      const { writeCard } = await import("../mail/facts_card.ts");
      return writeCard(await readFacts(pieces));
    },
    isGood: (card) => card[0] === CARD_VERSION,
  });
}

/** It is told so often how far it is, milliseconds. */
const TOLD_EVERY_MS = 5000;

/** Brings it over where that is needed; nothing else may use it meanwhile. Rejects when the store fails. */
export async function bringOver(
  mailStore: MailStore,
  { clock, journal }: { clock: Clock; journal: Journal },
): Promise<void> {
  const began = clock.monotonic();
  let toldAt = began;
  let last: { messages: number; of: number } | undefined;
  await mailStore.bringOver((messages, of) => {
    last = { messages, of };
    if (clock.monotonic() < toldAt + TOLD_EVERY_MS) return;
    toldAt = clock.monotonic();
    journal.note("INFO", "bringing the mail over to folders", last);
  });
  if (!last) return;
  const { messages } = last;
  journal.note("INFO", "all mail is in folders now", { messages, ms: Math.round(clock.monotonic() - began) });
}
