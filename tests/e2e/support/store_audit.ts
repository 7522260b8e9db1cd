/** An audit of a data directory whose server is down: everything that has to be true of the store. */

import { binaryString, concat } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { type MailEntry, sizeOf } from "../../../src/mailbox/mail_entry.ts";
import { MailStore } from "../../../src/mailbox/mail_store.ts";
import { unpackObjects } from "../../../src/mailbox/object_row.ts";
import type { QueueRecord } from "../../../src/queue/record.ts";
import { type BodyRef, BodySweeper, readBody } from "../../../src/storage/bodies/bodies.ts";
import type { BodyMark } from "../../../src/storage/bodies/layout.ts";
import { openStore, type Store } from "../../../src/storage/store.ts";

/** What was found. */
export interface Audit {
  /** Texts by mailbox, a character per byte, with the fields that delivery put in front. */
  readonly mailboxes: Map<string, string[]>;
  /** What waits: recipients and text. */
  readonly queue: { readonly recipients: string[]; readonly text: string; readonly id: string }[];
  /** Rules that do not hold. */
  readonly problems: string[];
  /** Bodies that never had an owner and that were still there when the server had stopped. */
  readonly marked: number;
}

/** Opens the store of a data directory, reads it whole, and closes it. */
export function audit(dataDir: string): Promise<Audit> {
  return auditAt(`${dataDir}/dinopost.db`);
}

/** The same for a store anywhere. */
export async function auditAt(location: string): Promise<Audit> {
  const store = await openStore({ location, clock: systemClock });
  try {
    return await new Auditor(store).run();
  } finally {
    await store.close();
  }
}

class Auditor {
  readonly #store: Store;
  readonly #problems: string[] = [];
  readonly #owners = new Map<string, { ref: BodyRef; owners: number }>();
  readonly #texts = new Map<string, string>();

  constructor(store: Store) {
    this.#store = store;
  }

  async run(): Promise<Audit> {
    // those of the last moment were let go, and wait for the next sweep
    const marked = (await this.#all<BodyMark>(["bodypending"])).filter(({ value: { at } }) => at > 0).length;
    await new BodySweeper(this.#store, { clock: systemClock, graceMs: 0 }).sweep(true);
    const mailboxes = await this.#mailboxes();
    const queue = await this.#queue();
    await this.#bodies();
    return { mailboxes, queue, problems: this.#problems, marked };
  }

  async #mailboxes(): Promise<Map<string, string[]>> {
    const boxes = new Map<string, string[]>();
    const sums = new Map<string, { count: number; bytes: number }>();
    for (const { key, value } of await this.#all<MailEntry>(["mail"])) {
      const [, address, uid] = key as [string, string, string];
      const text = value.prefix + await this.#text(value.body);
      if (value.uid !== uid) this.#problems.push(`mail ${address} ${uid} calls itself ${value.uid}`);
      if (value.size !== text.length) {
        this.#problems.push(`mail ${uid}: ${value.size} bytes are ${text.length}`);
      }
      this.#own(value.body);
      boxes.set(address, [...boxes.get(address) ?? [], text]);
      const sum = sums.get(address) ?? { count: 0, bytes: 0 };
      sums.set(address, { count: sum.count + 1, bytes: sum.bytes + value.size });
    }
    await this.#placed(boxes, sums);
    for (const [name, part] of [["mailcount", "count"], ["mailbytes", "bytes"]] as const) {
      const kept = await this.#all<Deno.KvU64>([name]);
      for (const { key, value } of kept) {
        const right = sums.get(key[1] as string)?.[part] ?? 0;
        if (value.value !== BigInt(right)) {
          this.#problems.push(`${name} of ${String(key[1])} is ${value.value}, expected ${right}`);
        }
      }
      for (const address of sums.keys()) {
        if (!kept.some(({ key }) => key[1] === address)) this.#problems.push(`${address} has no ${name}`);
      }
    }
    return boxes;
  }

  async #queue(): Promise<Audit["queue"]> {
    const due = new Map<string, number>();
    for (const { key } of await this.#all(["q", "due"])) {
      const name = `${String(key[3])}/${String(key[4])}`;
      due.set(name, (due.get(name) ?? 0) + 1);
    }
    const queue: Audit["queue"] = [];
    for (const { key, value } of await this.#all<QueueRecord>(["q", "item"])) {
      const name = `${String(key[2])}/${String(key[3])}`;
      const count = due.get(name) ?? 0;
      if (count !== (value.held ? 0 : 1)) this.#problems.push(`queue record ${name} has ${count} due keys`);
      due.delete(name);
      if (value.recipients.length === 0) this.#problems.push(`queue record ${name} has no recipients`);
      this.#own(value.body);
      queue.push({
        recipients: value.recipients.map((r) => r.address),
        text: await this.#text(value.body),
        id: value.id,
      });
    }
    for (const name of due.keys()) this.#problems.push(`the due key of ${name} has no record`);
    return queue;
  }

  /** What has its place in folders: each message once, whichever folders it is in. */
  async #placed(
    boxes: Map<string, string[]>,
    sums: Map<string, { count: number; bytes: number }>,
  ): Promise<void> {
    const mailStore = new MailStore(this.#store, { clock: systemClock });
    await mailStore.finishRemovals();
    for (const { key, value } of await this.#all<Uint8Array>(["object"])) {
      const address = key[1] as string;
      for (const { body, prefix } of unpackObjects(value).values()) {
        this.#own(body);
        boxes.set(address, [...boxes.get(address) ?? [], prefix + await this.#text(body)]);
        const sum = sums.get(address) ?? { count: 0, bytes: 0 };
        sums.set(address, { count: sum.count + 1, bytes: sum.bytes + sizeOf(prefix, body) });
      }
    }
  }

  /** Every chunk belongs to a body with owners, every body has all of its chunks, every counter is right. */
  async #bodies(): Promise<void> {
    const chunks = new Map<string, number>();
    const { files } = this.#store.kv;
    const inFiles = new Set<string>();
    for (const { key, value } of await this.#all(["body"])) {
      const [, id, n] = key as [string, string, number];
      chunks.set(id, (chunks.get(id) ?? 0) + 1);
      if (!(value instanceof Deno.KvU64)) continue;
      inFiles.add(id);
      const size = await files?.size(id);
      if (n !== 1 || size !== Number(value.value)) {
        this.#problems.push(`the file of body ${id} has ${size} bytes`);
      }
    }
    for await (const id of files?.ids() ?? []) {
      if (!inFiles.has(id)) this.#problems.push(`the file of body ${id} belongs to nobody`);
    }
    const counters = new Map<string, bigint>();
    for (const { key, value } of await this.#all<Deno.KvU64>(["bodyrefs"])) {
      counters.set(key[1] as string, value.value);
    }
    for (const [id, { ref, owners }] of this.#owners) {
      if (chunks.get(id) !== (inFiles.has(id) ? 2 : ref.chunks)) {
        this.#problems.push(`body ${id} has ${chunks.get(id) ?? 0} of its ${ref.chunks} chunks`);
      }
      const right = ref.shared ? BigInt(owners) : undefined;
      if (counters.get(id) !== right) {
        this.#problems.push(
          `body ${id} counts ${String(counters.get(id))} owners, expected ${String(right)}`,
        );
      }
      if (!ref.shared && owners !== 1) this.#problems.push(`body ${id} of one owner has ${owners}`);
      chunks.delete(id);
      counters.delete(id);
    }
    for (const id of chunks.keys()) this.#problems.push(`body ${id} belongs to nobody`);
    for (const id of counters.keys()) this.#problems.push(`body ${id} is counted and belongs to nobody`);
    for (const prefix of [["bodypending"], ["bodyrecount"], ["mailremoval"]]) {
      for (const { key } of await this.#all(prefix)) this.#problems.push(`${key.join(" ")} is left over`);
    }
  }

  #own(ref: BodyRef): void {
    const known = this.#owners.get(ref.id);
    if (!known) this.#owners.set(ref.id, { ref, owners: 1 });
    else {
      known.owners++;
      if (known.ref.size !== ref.size || known.ref.shared !== ref.shared) {
        this.#problems.push(`body ${ref.id} is known under two names`);
      }
    }
  }

  async #text(ref: BodyRef): Promise<string> {
    const known = this.#texts.get(ref.id);
    if (known !== undefined) return known;
    const pieces: Uint8Array[] = [];
    try {
      for await (const piece of readBody(this.#store.kv, ref)) pieces.push(piece);
    } catch (error) {
      this.#problems.push(String(error));
    }
    const text = binaryString(concat(pieces));
    this.#texts.set(ref.id, text);
    return text;
  }

  async #all<T>(prefix: Deno.KvKey): Promise<Deno.KvEntry<T>[]> {
    return await Array.fromAsync(this.#store.kv.list<T>({ prefix }, { batchSize: 100 }));
  }
}
