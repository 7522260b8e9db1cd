/** The records of captured messages in a store: written with their content, read at the start, and taken away. */

import type { Mailbox } from "../mail/envelope.ts";
import { type BodyRef, releaseBody } from "../storage/bodies/bodies.ts";
import * as keys from "../storage/keys.ts";
import { fits } from "../storage/limits.ts";
import type { Store } from "../storage/store.ts";
import { together, type Write } from "../storage/write.ts";
import type { Kept } from "./kept.ts";

/** What the store keeps of a message, its first recipients with it. */
export interface CapturedRecord {
  readonly receivedAt: number;
  readonly sender: Mailbox;
  readonly recipients: readonly Mailbox[];
  readonly body: BodyRef;
  readonly seen?: true;
  readonly tags?: readonly string[];
  readonly username?: string;
  /** Whose mailboxes don't show it any more: places among the recipients. */
  readonly gone?: readonly number[];
}

/** Recipients that the record has no room for. */
interface MoreRecipients {
  readonly recipients: readonly Mailbox[];
}

/** So many characters of addresses are in one part: with two bytes for each that is less than KV takes. */
const PART_CHARACTERS = 12_000;
/** Messages whose records go in one commit, two keys for most; and while one is committed the next one is made. */
const PER_COMMIT = 480;
const ABREAST = 2;

/** One message as it was read. */
export interface Restored extends CapturedRecord {
  readonly id: string;
  readonly recipients: Mailbox[];
  readonly parts: (number | string)[];
}

/** The records of one store. */
export class CapturedRecords {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** What writes a message whose content that same commit holds. */
  write(id: string, record: CapturedRecord): { write: Write; parts: number[] } {
    const lists = inParts(record.recipients);
    const values: (CapturedRecord | MoreRecipients)[] = lists.map((recipients, part) =>
      part === 0 ? { ...record, recipients } : { recipients }
    );
    const texts = [...record.recipients, ...record.tags ?? [], record.username ?? ""];
    const characters = texts.reduce((sum, one) => sum + one.length, 0);
    const mutations = values.map((value, part): Deno.KvMutation => {
      return { type: "set", key: keys.captured(id, part), value };
    });
    return { write: { mutations, size: 400 + 3 * characters }, parts: lists.map((_, part) => part) };
  }

  /** What writes a message that was delivered into one mailbox, beside others of its name. */
  deliveryWrite(id: string, box: string, record: CapturedRecord): Write {
    const set: Deno.KvMutation = { type: "set", key: keys.captured(id, box), value: record };
    return { mutations: [set], size: 600 };
  }

  /** Writes anew what may change of a message: whether it was seen, its tags, and who doesn't show it any more. */
  async update(kept: Kept): Promise<void> {
    const key = keys.captured(kept.id, kept.parts[0]!);
    for (;;) {
      const { value, versionstamp } = await this.#store.kv.get<CapturedRecord>(key);
      if (!value) return;
      // as it is by now: of two changes at once the first may be written last
      const { seen, tags, gone } = kept;
      const { seen: _, tags: __, gone: ___, ...rest } = value;
      const next: CapturedRecord = {
        ...rest,
        ...(seen && { seen }),
        ...(tags.length > 0 && { tags }),
        ...(gone.length > 0 && { gone }),
      };
      const mutations = [{ type: "set" as const, key, value: next }];
      const size = 40_000;
      if ((await this.#store.write({ checks: [{ key, versionstamp }], mutations, size })).ok) return;
    }
  }

  /** Takes messages away with their content. */
  async remove(messages: readonly Kept[]): Promise<void> {
    let next = 0;
    const worker = async () => {
      while (next < messages.length) await this.#removeSome(messages.slice(next, next += PER_COMMIT));
    };
    await Promise.all(Array.from({ length: ABREAST }, worker));
  }

  /** In one commit; what is too much for that is halved. */
  async #removeSome(messages: readonly Kept[]): Promise<void> {
    const write = together(...await Promise.all(messages.map((one) => this.#removal(one))));
    if (messages.length === 1 || fits(this.#store.limits, write)) {
      await this.#store.write(write);
      return;
    }
    const half = messages.length >> 1;
    await this.#removeSome(messages.slice(0, half));
    await this.#removeSome(messages.slice(half));
  }

  async #removal({ id, parts, body }: Kept): Promise<Write> {
    const mutations = parts.map((part) => ({ type: "delete" as const, key: keys.captured(id, part) }));
    const owners = parts.filter((part) => part === 0 || typeof part === "string").length;
    const release = await releaseBody(this.#store.kv, body, Math.max(1, owners));
    return together({ mutations, size: 60 * mutations.length }, release);
  }

  /** All messages, oldest first. */
  async *all(): AsyncGenerator<Restored> {
    let current: Restored | undefined;
    const list = this.#store.kv.list<CapturedRecord | MoreRecipients>(keys.capturedAll, { batchSize: 500 });
    for await (const { key, value } of list) {
      const [, id, part] = key as [string, string, number | string];
      if (current?.id === id) {
        current.parts.push(part);
        current.recipients.push(...value.recipients);
      } else if ("body" in value) {
        if (current) yield current;
        current = { ...value, id, recipients: [...value.recipients], parts: [part] };
      }
    }
    if (current) yield current;
  }
}

function inParts(recipients: readonly Mailbox[]): Mailbox[][] {
  const parts: Mailbox[][] = [[]];
  let characters = 0;
  for (const one of recipients) {
    characters += one.length;
    if (characters > PART_CHARACTERS) {
      parts.push([]);
      characters = one.length;
    }
    parts.at(-1)!.push(one);
  }
  return parts;
}
