/** Messages that are put into a folder together, and are too much for one commit: the largest bodies are written ahead. */

import type { Clock } from "../base/clock.ts";
import { writtenAhead } from "../storage/bodies/bodies.ts";
import type { Store } from "../storage/store.ts";
import { FolderError, type NewMessage } from "./folders.ts";

/** So many octets of bodies are in the commit that puts messages into a folder. */
const OCTETS_AT_ONCE = 560_000;

/** Messages whose bodies are small enough together. */
export interface Fitting {
  readonly messages: readonly NewMessage[];
  /** Removes what was written ahead, when the messages are not put anywhere. */
  abandon(): Promise<void>;
}

/** Makes messages fit one commit. Rejects with a {@linkcode FolderError} when they never will. */
export async function fitting(
  store: Store,
  messages: readonly NewMessage[],
  clock: Clock,
): Promise<Fitting> {
  const octets = (message: NewMessage) => message.body.inMemory?.length ?? 0;
  let left = messages.reduce((sum, message) => sum + octets(message), 0);
  // each body that is written ahead has a check, beside that of the head
  let checks = store.limits.checks - 1 - messages.filter(({ body }) => !body.inMemory).length;
  const ahead = new Set<NewMessage>();
  for (const message of [...messages].sort((a, b) => octets(b) - octets(a))) {
    if (left <= OCTETS_AT_ONCE) break;
    ahead.add(message);
    left -= octets(message);
    checks--;
  }
  if (checks < 0) throw new FolderError("limit", "So many messages can't be put into a folder at once");
  const abandons: (() => Promise<void>)[] = [];
  const abandon = async () => {
    for (const one of abandons) await one().catch(() => {}); // the sweeper finds it
  };
  const fitted: NewMessage[] = [];
  try {
    for (const message of messages) {
      if (!ahead.has(message)) {
        fitted.push(message);
        continue;
      }
      const written = await writtenAhead(store, message.body, clock);
      abandons.push(written.abandon);
      fitted.push({ ...message, body: written.draft });
    }
  } catch (error) {
    await abandon();
    throw error;
  }
  return { messages: fitted, abandon };
}
