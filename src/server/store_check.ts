/**
 * The check of a store as a whole, while no server has it: does what the modules keep fit together; and the mending of
 * what does not. Each rule is one that a module's file promises: `storage/bodies/bodies.ts`, `mailbox/folder_batch.ts`,
 * `queue/queue_store.ts`. States that a crash leaves behind and the next start clears away are no faults.
 */

import type { CapturedRecord } from "../capture/captured_records.ts";
import { type MailEntry, sizeOf } from "../mailbox/mail_entry.ts";
import { usageSums } from "../mailbox/mail_removal.ts";
import type { QueueRecord } from "../queue/record.ts";
import type { DueMark } from "../queue/queue_store.ts";
import type { BodyRef } from "../storage/bodies/bodies.ts";
import * as keys from "../storage/keys.ts";
import { isU64, u64 } from "../storage/port.ts";
import type { Store } from "../storage/store.ts";
import { BodyLedger } from "./body_ledger.ts";
import { checkFolders } from "./folder_check.ts";
import type { Repair, ReportFinding } from "./store_findings.ts";

/** One thing that is wrong. */
export interface Fault {
  /** What it is about: `mailbox jo@example.org`, `queue 1M85X0GES17DRES7/0`, `body 1M85X0GES17DRES7`. */
  readonly where: string;
  /** What is wrong with it, and what `--repair` does when that is more than to correct it. */
  readonly what: string;
  /** Was it mended? False: it can't be, or that was not asked for. */
  readonly mended: boolean;
}

/** What a check came to. */
export interface StoreCheck {
  readonly mailboxes: number;
  readonly messages: number;
  /** Records in the queue. */
  readonly queued: number;
  /** Bodies of messages. */
  readonly texts: number;
  readonly faults: readonly Fault[];
  /** Worth knowing, and nothing wrong. */
  readonly notes: readonly string[];
}

/**
 * Checks a whole store, which nobody else may use meanwhile. With `repair` what can be mended is mended, each fault in
 * a commit of its own. Reads all of it once; takes some 200 bytes of memory for each message.
 */
export async function checkStore(store: Store, options: { repair: boolean }): Promise<StoreCheck> {
  return await new Checker(store, options.repair).run();
}

class Checker {
  readonly #store: Store;
  readonly #repair: boolean;
  readonly #faults: Fault[] = [];
  readonly #bodies = new BodyLedger();
  readonly #counts = { mailboxes: 0, messages: 0, queued: 0, texts: 0 };
  readonly #boxes = new Map<string, { messages: number; bytes: number }>();
  readonly #notes: string[] = [];

  constructor(store: Store, repair: boolean) {
    this.#store = store;
    this.#repair = repair;
  }

  async run(): Promise<StoreCheck> {
    await this.#bodies.read(this.#store.kv);
    await this.#mails();
    await this.#folders();
    await this.#captured();
    await this.#queue();
    await this.#sums();
    await this.#bodies.check(this.#store.kv, (fault, repair) => this.#report(fault, repair));
    await this.#owners();
    return { ...this.#counts, texts: this.#bodies.size, faults: this.#faults, notes: this.#notes };
  }

  async #report(fault: { where: string; what: string }, repair?: Repair): Promise<void> {
    const mended = this.#repair && repair !== undefined;
    if (mended) await this.#write(repair);
    this.#faults.push({ ...fault, mended });
  }

  async #write(mutations: Repair): Promise<void> {
    const result = await this.#store.write({ mutations, size: 500 + 200 * mutations.length });
    if (!result.ok) throw new Error("A repair was refused by the store");
  }

  /** Every entry is what its key says, and its body is there. */
  async #mails(): Promise<void> {
    for await (const { key, value } of this.#store.kv.list<MailEntry>(keys.mailsAll, { batchSize: 200 })) {
      const [, address, uid] = key as [string, string, string];
      const where = `mailbox ${address}, message ${uid}`;
      if (!isEntry(value)) {
        await this.#report({ where, what: "The entry can't be read; --repair takes it away" }, [{
          type: "delete",
          key,
        }]);
        continue;
      }
      const lost = this.#bodies.lacks(value.body);
      if (lost !== undefined) {
        await this.#report(
          {
            where,
            what: `Its body is not whole (${lost}), so nobody can read it; --repair takes the entry away`,
          },
          [{ type: "delete", key }, ...usageSums(address, -1, -value.size)],
        );
        if (this.#repair) continue;
      }
      const size = sizeOf(value.prefix, value.body);
      if (value.uid !== uid || value.size !== size) {
        const what = value.uid !== uid
          ? `It calls itself ${value.uid}`
          : `Its size is given as ${value.size}, and it is ${size}`;
        await this.#report({ where, what }, [{ type: "set", key, value: { ...value, uid, size } }]);
      }
      this.#bodies.own(value.body, key);
      const box = this.#boxes.get(address) ?? { messages: 0, bytes: 0 };
      this.#boxes.set(address, { messages: box.messages + 1, bytes: box.bytes + size });
      this.#counts.messages++;
    }
  }

  /** What has its place in folders. */
  async #folders(): Promise<void> {
    const report: ReportFinding = (fault, repair) => this.#report(fault, repair);
    const { kv } = this.#store;
    const held = await checkFolders({ kv, bodies: this.#bodies, report, repair: this.#repair });
    for (const [address, { messages, bytes }] of held) {
      const box = this.#boxes.get(address) ?? { messages: 0, bytes: 0 };
      this.#boxes.set(address, { messages: box.messages + messages, bytes: box.bytes + bytes });
      this.#counts.messages += messages;
    }
    for (const { messages } of this.#boxes.values()) if (messages > 0) this.#counts.mailboxes++;
  }

  /** What a server captured that is of no mailbox of its own. */
  async #captured(): Promise<void> {
    const list = this.#store.kv.list<Partial<CapturedRecord>>(keys.capturedAll, { batchSize: 200 });
    for await (const { key, value } of list) {
      if (!isRef(value.body)) continue; // further recipients of the record before it
      const [, id, part] = key as [string, string, number | string];
      const where = `captured message ${id}`;
      const lost = this.#bodies.lacks(value.body);
      if (lost !== undefined) {
        const what =
          `Its body is not whole (${lost}), so nobody can read it; --repair takes the message away`;
        await this.#report({ where, what }, [{ type: "delete", key }]);
        if (this.#repair) continue;
      }
      this.#bodies.own(value.body, key);
      if (part === 0) this.#counts.messages++;
    }
  }

  /** Count and size of each mailbox are those of its entries. */
  async #sums(): Promise<void> {
    const kept = new Map<string, { messages?: bigint; bytes?: bigint }>();
    for (const [what, selector] of [["messages", keys.mailCounts], ["bytes", keys.mailByteCounts]] as const) {
      for await (const { key, value } of this.#store.kv.list<Deno.KvU64>(selector, { batchSize: 500 })) {
        const address = key.at(-1) as string;
        const sum = isU64(value) ? value.value : -1n;
        kept.set(address, { ...kept.get(address), [what]: sum });
      }
    }
    for (const address of new Set([...this.#boxes.keys(), ...kept.keys()])) {
      const right = this.#boxes.get(address) ?? { messages: 0, bytes: 0 };
      const { messages = 0n, bytes = 0n } = kept.get(address) ?? {};
      if (messages === BigInt(right.messages) && bytes === BigInt(right.bytes)) continue;
      const [count, size] = [keys.mailCount(address), keys.mailBytes(address)];
      await this.#report({
        where: `mailbox ${address}`,
        what: `Its counters say ${messages} messages of ${bytes} bytes; ` +
          `it holds ${right.messages} of ${right.bytes}`,
      }, [
        { type: "set", key: count, value: u64(right.messages) },
        { type: "set", key: size, value: u64(right.bytes) },
      ]);
    }
  }

  /** Every record has its one due key, or is held and has none. */
  async #queue(): Promise<void> {
    const due = new Map<string, { key: Deno.KvKey; at: number; mark: DueMark }[]>();
    for await (const { key, value } of this.#store.kv.list<DueMark>(keys.queueDueAll, { batchSize: 500 })) {
      const [, , at, id, part] = key as [string, string, number, string, number];
      const name = `${id}/${part}`;
      due.set(name, [...due.get(name) ?? [], { key, at, mark: value }]);
    }
    for await (
      const { key, value } of this.#store.kv.list<QueueRecord>(keys.queueItemsAll, { batchSize: 100 })
    ) {
      const name = `${String(key.at(-2))}/${String(key.at(-1))}`;
      const where = `queue ${name}`;
      if (!isRecord(value)) {
        await this.#report({ where, what: "The record can't be read; --repair takes it away" }, [{
          type: "delete",
          key,
        }]);
        continue;
      }
      this.#counts.queued++;
      const found = due.get(name) ?? [];
      due.delete(name);
      await this.#dueKeys({ where, record: value, found });
      const lost = this.#bodies.lacks(value.body);
      if (lost !== undefined) {
        const what =
          `Its body is not whole (${lost}); "dinopost queue bounce ${value.id}" notifies its sender`;
        await this.#report({ where, what });
      }
      this.#bodies.own(value.body, key);
    }
    for (const [name, left] of due) {
      await this.#report(
        { where: `queue ${name}`, what: "It is due, and there is no such record" },
        left.map(({ key }) => ({ type: "delete" as const, key })),
      );
    }
  }

  async #dueKeys(
    of: { where: string; record: QueueRecord; found: { key: Deno.KvKey; at: number; mark: DueMark }[] },
  ): Promise<void> {
    const { where, record, found } = of;
    const { held, dueAt, id, part, domain } = record;
    const clear = found.map(({ key }) => ({ type: "delete" as const, key }));
    if (held) {
      if (found.length > 0) await this.#report({ where, what: "It is held, and due all the same" }, clear);
      return;
    }
    const [one] = found;
    // a lease has its key elsewhere, until it ends
    if (found.length === 1 && (one!.mark?.lease !== undefined || one!.at === dueAt)) return;
    const what = found.length === 0
      ? "It waits, and nothing says until when"
      : found.length > 1
      ? `It is due at ${found.length} times`
      : "It is due at another time than it says";
    const mark: DueMark = { domain };
    await this.#report({ where, what }, [
      ...clear,
      { type: "set", key: keys.queueDue(dueAt, id, part), value: mark },
    ]);
  }

  /** Mail that nobody can read: an account was removed while mail came in. */
  async #owners(): Promise<void> {
    for (const [address, { messages }] of this.#boxes) {
      const account = await this.#store.kv.get(keys.account(address));
      if (account.versionstamp !== null) continue;
      this.#notes.push(`mailbox ${address}: ${messages} messages, and there is no such account`);
    }
  }
}

function isEntry(value: unknown): value is MailEntry {
  const entry = value as Partial<MailEntry> | null;
  return typeof entry === "object" && entry !== null && isRef(entry.body) &&
    typeof entry.prefix === "string" &&
    typeof entry.uid === "string" && typeof entry.size === "number";
}

function isRecord(value: unknown): value is QueueRecord {
  const record = value as Partial<QueueRecord> | null;
  return typeof record === "object" && record !== null && isRef(record.body) &&
    typeof record.dueAt === "number" &&
    Array.isArray(record.recipients) && typeof record.id === "string" && typeof record.part === "number";
}

function isRef(body: unknown): body is BodyRef {
  const ref = body as Partial<BodyRef> | null | undefined;
  return typeof ref === "object" && ref !== null && typeof ref.id === "string" &&
    typeof ref.size === "number" &&
    typeof ref.chunks === "number" && typeof ref.shared === "boolean";
}
