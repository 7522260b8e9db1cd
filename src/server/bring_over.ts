/** The bringing over of a store that an older version wrote, told in the log. */

import type { Clock } from "../base/clock.ts";
import type { MailStore } from "../mailbox/mail_store.ts";
import type { Journal } from "../observe/journal.ts";

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
