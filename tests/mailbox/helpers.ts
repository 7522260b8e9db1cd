/** What the tests of mailboxes share: stores, messages, and a look at what is left. */

import { encode } from "../../src/base/bytes.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { type MailEntry, mailEntry } from "../../src/mailbox/mail_entry.ts";
import type { MailStore } from "../../src/mailbox/mail_store.ts";
import { type BodyDraft, draftOf } from "../../src/storage/bodies/bodies.ts";
import type { Kv } from "../../src/storage/port.ts";
import { openStore, type Store } from "../../src/storage/store.ts";
import { together, type Write, type WriteResult } from "../../src/storage/write.ts";

/** Hashes that cost next to nothing. */
export const CHEAP = { cost: { memory: 8, passes: 1, parallelism: 1 }, scramIterations: 16 } as const;

/** A store in memory, closed at the end of the block. */
export async function memoryStore(clock: Clock = systemClock): Promise<Store & AsyncDisposable> {
  const store = await openStore({ location: ":memory:", clock });
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}

/** The same store as one that other processes share. */
export function sharedView(store: Store): Store {
  return {
    kv: store.kv,
    embedded: false,
    limits: store.limits,
    write: (change) => store.write(change),
    close: () => store.close(),
  };
}

/** The same store, of a process that dies: after `writes` writes all others fail. */
export function dyingView(store: Store, writes: number): Store & { readonly written: number } {
  let written = 0;
  return {
    kv: store.kv,
    embedded: store.embedded,
    limits: store.limits,
    write(change: Write): Promise<WriteResult> {
      if (written >= writes) return Promise.reject(new Error("The process died"));
      written++;
      return store.write(change);
    },
    close: () => store.close(),
    get written() {
      return written;
    },
  };
}

/** A uid like those of real messages: `n` tells the order. */
export function uidOf(n: number): string {
  return `06FZ${String(n).padStart(12, "0")}`;
}

/** The entry of a message whose body is `draft`. */
export function entryOf(uid: string, draft: BodyDraft, owners = 1): MailEntry {
  return mailEntry({
    uid,
    receivedAt: 1_767_603_600_000,
    body: draft.ref(owners),
    prefix: "Return-Path: <jsmith@mindspring.com>\r\n",
    sender: "jsmith@mindspring.com",
    recipient: "brain@howstuffworks.com",
  });
}

/** Puts one message into one mailbox or several that share its body. */
export async function deliver(
  { store, mailStore }: { store: Store; mailStore: MailStore },
  { uid, text, to }: { uid: string; text: string; to: readonly string[] },
): Promise<void> {
  const draft = draftOf(uid, encode(text));
  const entry = entryOf(uid, draft, to.length);
  await store.write(
    together(draft.write(to.length), ...to.map((address) => mailStore.deliveryWrite(address, entry))),
  );
}

/** Takes a mailbox with all that is in it away, as the end of its account does. */
export async function endMailbox(store: Store, mailStore: MailStore, address: string): Promise<void> {
  await store.write(mailStore.endWrite(address));
  await mailStore.finishEnd(address);
}

/** How many keys there are under each first part. */
export async function keyCounts(kv: Kv): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for await (const { key } of kv.list({ prefix: [] })) {
    const first = String(key[0]);
    counts[first] = (counts[first] ?? 0) + 1;
  }
  return counts;
}

/** Waits until the condition is true, for half a minute at most: what it waits for happens in the real world. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !await condition(); tries++) {
    if (tries > 3000) throw new Error("What was waited for did not happen");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
