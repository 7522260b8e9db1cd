/**
 * The check of mailboxes' folders: every message of an index has its object, each object as many places as are counted,
 * and each folder the messages that it says.
 */

import { type Copies, copyRow, ONE, packCopies, unpackCopies } from "../mailbox/copy_row.ts";
import { DELETED, SEEN } from "../mailbox/flags.ts";
import { DEAD_VERSION } from "../mailbox/folder_batch.ts";
import type { FolderRecord, HeadRecord } from "../mailbox/folder_state.ts";
import { IndexRow } from "../mailbox/index_row.ts";
import { usageSums } from "../mailbox/mail_removal.ts";
import { type MailObject, packObjects, unpackObjects } from "../mailbox/object_row.ts";
import { Unpacker, unpackRanges } from "../mailbox/packing.ts";
import * as keys from "../storage/keys.ts";
import type { Kv } from "../storage/port.ts";
import type { BodyLedger } from "./body_ledger.ts";
import type { ReportFinding } from "./store_findings.ts";

/** How far behind what was given numbers go on when nobody knows where: more than can have been lost. */
const FAR_MODSEQ = 1_000_000_000;
const FAR_UIDVALIDITY = 100_000;
const FAR_OBJECTS = 100_000;

/** Where messages are counted. */
export interface FolderCheck {
  readonly kv: Kv;
  readonly bodies: BodyLedger;
  readonly report: ReportFinding;
  /** Is what is reported mended? */
  readonly repair: boolean;
}

/** What a mailbox holds in its folders. */
export interface Held {
  readonly messages: number;
  readonly bytes: number;
}

/** A row that can be read, or not. */
type RowOf<T> = { readonly key: Deno.KvKey; readonly row: T };

/** Checks the folders of all mailboxes; answers what each one holds. */
export async function checkFolders(check: FolderCheck): Promise<Map<string, Held>> {
  const addresses = new Set<string>();
  for await (const { key } of check.kv.list(keys.mailboxesAll, { batchSize: 500 })) {
    addresses.add(key[1] as string);
  }
  for await (const { key } of check.kv.list(keys.foldersAll, { batchSize: 500 })) {
    addresses.add(key[1] as string);
  }
  // what an account's end has left
  for await (const { key } of check.kv.list(keys.mailRemovalsAll, { batchSize: 1 })) {
    addresses.add(key[1] as string);
  }
  const held = new Map<string, Held>();
  for (const address of addresses) held.set(address, await new Mailbox(check, address).run());
  return held;
}

class Mailbox {
  readonly #check: FolderCheck;
  readonly #address: string;
  readonly #where: string;
  readonly #objects = new Map<number, MailObject>();
  /** In how many places of indexes an object is, and how many it has lost that are still counted. */
  readonly #placed = new Map<number, number>();
  #head: HeadRecord | undefined;

  constructor(check: FolderCheck, address: string) {
    this.#check = check;
    this.#address = address;
    this.#where = `mailbox ${address}`;
  }

  async run(): Promise<Held> {
    const { kv } = this.#check;
    const address = this.#address;
    this.#head = (await kv.get<HeadRecord>(keys.mailbox(address))).value ?? undefined;
    const objectRows = await this.#rows(keys.mailObjectsOf(address), "row of messages", unpackObjects);
    for (const { row } of objectRows) for (const [number, object] of row) this.#objects.set(number, object);
    const end = await kv.get(keys.mailboxRemoval(address));
    // arrivals, and a removal among them that an older version began, need no head
    if (!this.#head && end.versionstamp === null && (this.#objects.size > 0 || await this.#hasFolders())) {
      await this.#makeHead();
    }
    if (!this.#head) {
      // it is about to go with its account
      for (const { key, row } of objectRows) {
        for (const { body } of row.values()) this.#check.bodies.own(body, key);
      }
      return { messages: 0, bytes: 0 };
    }
    await this.#dead();
    const held = await this.#folders();
    await this.#copies();
    await this.#owned(objectRows);
    await this.#leftFacts(new Set(objectRows.map(({ key }) => key[2] as number)));
    return held;
  }

  async #hasFolders(): Promise<boolean> {
    const { kv } = this.#check;
    for await (const _ of kv.list(keys.folders(this.#address), { limit: 1 })) return true;
    return false;
  }

  /** A head whose numbers are all higher than those that were given. */
  async #makeHead(): Promise<void> {
    const { kv } = this.#check;
    let [modseq, nextFolder, nextUidValidity, nextObject] = [1, 1, 1, 1];
    for await (
      const { key, value } of kv.list<FolderRecord>(keys.folders(this.#address), { batchSize: 500 })
    ) {
      modseq = Math.max(modseq, value.modseq);
      nextFolder = Math.max(nextFolder, (key[2] as number) + 1);
      nextUidValidity = Math.max(nextUidValidity, value.uidValidity + FAR_UIDVALIDITY);
    }
    for (const object of this.#objects.keys()) nextObject = Math.max(nextObject, object + FAR_OBJECTS);
    modseq += FAR_MODSEQ;
    const none = { changesTail: 0, changesRows: 0, changesFloor: modseq };
    this.#head = { modseq, nextFolder, nextObject, nextUidValidity, ...none };
    const what = "Nothing says how its folders go on; --repair makes that up from them";
    await this.#check.report({ where: this.#where, what }, [
      { type: "set", key: keys.mailbox(this.#address), value: this.#head },
      ...await this.#changes(),
    ]);
  }

  async #changes(): Promise<Deno.KvMutation[]> {
    const list = this.#check.kv.list(keys.mailChangesOf(this.#address), { batchSize: 8 });
    return await Array.fromAsync(list, ({ key }) => ({ type: "delete" as const, key }));
  }

  /** Reads packed rows; those that can't be read are reported. */
  async #rows<T>(
    selector: Deno.KvListSelector,
    what: string,
    read: (bytes: Uint8Array) => T,
  ): Promise<RowOf<T>[]> {
    const rows: RowOf<T>[] = [];
    for await (const { key, value } of this.#check.kv.list<Uint8Array>(selector, { batchSize: 8 })) {
      try {
        rows.push({ key, row: read(value) });
      } catch {
        const fault = { where: this.#where, what: `A ${what} can't be read; --repair takes it away` };
        await this.#check.report(fault, [{ type: "delete", key }]);
      }
    }
    return rows;
  }

  /** What lost a place counts until it is let go. */
  async #dead(): Promise<void> {
    const read = (bytes: Uint8Array) => unpackRanges(new Unpacker(bytes, DEAD_VERSION));
    for (const { row } of await this.#rows(keys.deadObjectsOf(this.#address), "row of what went", read)) {
      for (const { first, last } of row) for (let n = first; n <= last; n++) this.#place(n);
    }
  }

  async #folders(): Promise<Held> {
    const { kv } = this.#check;
    let [messages, bytes] = [0, 0];
    const ids = new Set<number>();
    for await (
      const { key, value } of kv.list<FolderRecord>(keys.folders(this.#address), { batchSize: 500 })
    ) {
      const id = key[2] as number;
      ids.add(id);
      const found = await this.#folder(id, value);
      messages += found.messages;
      bytes += found.bytes;
    }
    const left: Deno.KvMutation[] = [];
    for await (const { key } of kv.list(keys.folderIndexesOf(this.#address), { batchSize: 8 })) {
      if (!ids.has(key[2] as number)) left.push({ type: "delete", key });
    }
    if (left.length > 0) {
      await this.#check.report(
        { where: this.#where, what: "There are messages of a folder that is gone" },
        left,
      );
    }
    return { messages, bytes };
  }

  /** All of one folder. */
  async #folder(id: number, stored: FolderRecord): Promise<Held> {
    let record = stored;
    const where = `${this.#where}, folder ${record.name}`;
    const right = { messages: 0, unseen: 0, deleted: 0, bytes: 0 };
    let [uidNext, modseq] = [record.uidNext, record.modseq];
    let last = 0;
    const rows = await this.#rows(keys.folderIndexes(this.#address, id), "row of an index", IndexRow.decode);
    for (const { key, row: given } of rows) {
      const { row, record: left } = await this.#whole({ where, id, record }, key, given);
      record = left;
      for (let place = 0; place < row.count; place++) {
        const { uid, object, flags, size, modseq: changed } = row.at(place);
        if (uid <= last) {
          await this.#check.report({ where, what: `UID ${uid} comes after UID ${last}` });
        }
        last = uid;
        uidNext = Math.max(uidNext, uid + 1);
        modseq = Math.max(modseq, changed);
        this.#place(object);
        right.messages++;
        right.bytes += size;
        if ((flags & SEEN) === 0) right.unseen++;
        if ((flags & DELETED) !== 0) right.deleted++;
      }
    }
    const now: FolderRecord = { ...record, ...right, uidNext, modseq };
    const head = this.#head!;
    if (modseq > head.modseq) {
      this.#head = { ...head, modseq };
      await this.#check.report({ where, what: "It has changes after the last one of the mailbox" }, [
        { type: "set", key: keys.mailbox(this.#address), value: this.#head },
      ]);
    }
    const wrong = (Object.keys(now) as (keyof FolderRecord)[]).filter((name) => now[name] !== record[name]);
    if (wrong.length > 0) {
      const what = wrong.map((name) => `${name} is ${record[name]} and should be ${now[name]}`).join("; ");
      await this.#check.report({ where, what }, [{
        type: "set",
        key: keys.folder(this.#address, id),
        value: now,
      }]);
    }
    return right;
  }

  /** The row without messages that nobody can read, and the folder without them. */
  async #whole(
    folder: { where: string; id: number; record: FolderRecord },
    key: Deno.KvKey,
    given: IndexRow,
  ): Promise<{ row: IndexRow; record: FolderRecord }> {
    let [row, record] = [given, folder.record];
    for (let place = given.count - 1; place >= 0; place--) {
      const { object, id, uid, flags, size } = given.at(place);
      const known = this.#objects.get(object);
      const lacks = known ? this.#check.bodies.lacks(known.body) : "nothing says where it is";
      if (lacks === undefined) continue;
      const less = row.without([place]);
      const left: FolderRecord = {
        ...record,
        messages: record.messages - 1,
        bytes: record.bytes - size,
        unseen: record.unseen - ((flags & SEEN) === 0 ? 1 : 0),
        deleted: record.deleted - ((flags & DELETED) === 0 ? 0 : 1),
      };
      const what = `The body of message ${id}, UID ${uid}, is not whole (${lacks}), so nobody can read it; ` +
        "--repair takes the message away";
      await this.#check.report({ where: folder.where, what }, [
        less.count === 0 ? { type: "delete", key } : { type: "set", key, value: less.encode() },
        { type: "set", key: keys.folder(this.#address, folder.id), value: left },
        ...usageSums(this.#address, -1, -size),
      ]);
      if (this.#check.repair) [row, record] = [less, left];
    }
    return { row, record };
  }

  /** Each object has as many places as its row of copies says. */
  async #copies(): Promise<void> {
    const rows = await this.#rows(keys.mailCopiesOf(this.#address), "row of copies", unpackCopies);
    const known = new Map(rows.map(({ key, row }) => [key[2] as number, row]));
    for (const object of this.#objects.keys()) {
      const placements = this.#placed.get(object) ?? 0;
      const n = copyRow(object);
      const row = known.get(n) ?? new Map<number, Copies>();
      const { placements: counted, next } = row.get(object) ?? ONE;
      if (placements === counted || placements === 0) continue;
      known.set(n, row.set(object, { placements, next: Math.max(next, placements) }));
      const what = `Message object ${object} is in ${placements} places, and ${counted} are counted`;
      await this.#check.report({ where: this.#where, what }, [
        { type: "set", key: keys.mailCopies(this.#address, n), value: packCopies(row) },
      ]);
    }
  }

  /** Objects own their bodies; those without a place own nothing. */
  async #owned(rows: readonly RowOf<Map<number, MailObject>>[]): Promise<void> {
    for (const { key, row } of rows) {
      for (const [number, { id, body }] of row) {
        if (this.#placed.has(number)) {
          this.#check.bodies.own(body, key);
          continue;
        }
        row.delete(number);
        const what = `Message ${id} is in no folder; --repair removes it`;
        await this.#check.report({ where: this.#where, what }, [
          row.size === 0 ? { type: "delete", key } : { type: "set", key, value: packObjects(row) },
        ]);
        if (!this.#check.repair) this.#check.bodies.own(body, key);
      }
    }
  }

  async #leftFacts(rows: ReadonlySet<number>): Promise<void> {
    const left: Deno.KvMutation[] = [];
    for await (const { key } of this.#check.kv.list(keys.mailFactsOf(this.#address), { batchSize: 8 })) {
      if (!rows.has(key[2] as number)) left.push({ type: "delete", key });
    }
    if (left.length === 0) return;
    await this.#check.report({ where: this.#where, what: "Facts of messages are kept that are gone" }, left);
  }

  #place(object: number): void {
    this.#placed.set(object, (this.#placed.get(object) ?? 0) + 1);
  }
}
