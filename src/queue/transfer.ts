/**
 * The transfer of a queue to another server, as one file: a line of JSON that says what it is, for each message a line of
 * JSON and then its content as it is, and a line of JSON at the end, which tells that nothing is missing.
 */

import { z } from "zod";
import { decode, encode } from "../base/bytes.ts";
import { type Clock, sleep } from "../base/clock.ts";
import { type IdMaker, isId } from "../base/ids.ts";
import { OctetReader } from "../base/octet_reader.ts";
import { type BodyDraft, BodyMissing, type BodyRef, BodyWriter, readBody } from "../storage/bodies/bodies.ts";
import { expiring } from "../storage/expiry.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import { together, type Write } from "../storage/write.ts";
import type { Operator } from "./operator.ts";
import { queueWrites } from "./queue_store.ts";
import type { QueueRecord } from "./record.ts";

/** What the first line says. */
const FORMAT = "dinopost queue";
const VERSION = 1;

/** What can't be imported: the file is cut off, or of another kind. What came before it stays imported. */
export class TransferBroken extends Error {
  /** The class, as it is shown in front of the message. */
  override readonly name = "TransferBroken";

  /** `imported` messages were taken over before. */
  constructor(message: string, readonly imported: number = 0) {
    super(message);
  }
}

/** What {@linkcode exportQueue} works with. */
export interface ExportOptions {
  readonly operator: Operator;
  readonly store: Store;
  readonly clock: Clock;
  readonly hostname: string;
}

/** So many messages are held at a time. */
const AT_ONCE = 20;
/** A delivery that is under way is waited for so often, with a pause of so many milliseconds. */
const [WAITS, PAUSE_MS] = [30, 1000];

/** Holds those messages and writes them as they were before; one that is gone meanwhile is left out. */
export async function* exportQueue(
  ids: readonly string[],
  { operator, store, clock, hostname }: ExportOptions,
): AsyncGenerator<Uint8Array> {
  yield line({ format: FORMAT, version: VERSION, hostname, at: new Date(clock.now()).toISOString() });
  let left = ids;
  let messages = 0;
  for (let waits = 0; left.length > 0 && waits < WAITS; waits++) {
    if (waits > 0) await sleep(clock, PAUSE_MS);
    const busy: string[] = [];
    for (let i = 0; i < left.length; i += AT_ONCE) {
      const taken = new Map<string, Map<number, QueueRecord>>(
        left.slice(i, i + AT_ONCE).map((id) => [id, new Map()]),
      );
      const results = await operator.holdForExport(
        [...taken.keys()],
        (record) => void taken.get(record.id)!.set(record.part, record),
      );
      for (const { id, refusal } of results) {
        if (refusal === "busy" || refusal === "partlyBusy") busy.push(id);
        const records = [...taken.get(id)!.values()];
        if (refusal !== undefined || records.length === 0) continue;
        if (yield* exported(store, records)) messages++;
      }
    }
    left = busy;
  }
  // of these the other server has nothing, whatever of them is held
  if (left.length > 0) await operator.keepAfterAll(left);
  yield line({ end: true, messages, busy: left });
}

/** Answers false when somebody deleted the message meanwhile. */
async function* exported(
  store: Store,
  records: readonly QueueRecord[],
): AsyncGenerator<Uint8Array, boolean> {
  const { id, body } = records[0]!;
  const content = readBody(store.kv, body);
  const first = await content.next().catch(async (error) => {
    if (error instanceof BodyMissing && !await isInQueue(store, id)) return undefined;
    throw error;
  });
  if (!first) return false;
  try {
    const warned = (await store.kv.get<string[]>(keys.queueWarned(id))).value;
    yield line({
      id,
      records: records.map(({ body: _, ...record }) => record),
      ...(warned && { warned }),
      size: body.size,
    });
    for (let next = first; !next.done; next = await content.next()) yield next.value;
    yield encode("\n");
    return true;
  } finally {
    await content.return(undefined);
  }
}

function line(value: unknown): Uint8Array {
  return encode(`${JSON.stringify(value)}\n`);
}

const recordSchema = z.looseObject({
  id: z.string(),
  part: z.int().min(0),
  sender: z.string(),
  domain: z.string().min(1),
  recipients: z.array(z.looseObject({ address: z.string().min(3), attempts: z.int().min(0) })).min(1),
  receivedAt: z.number(),
  dueAt: z.number(),
  source: z.enum(["smtp", "submission", "lmtp", "http", "release", "report", "notice"]),
});
const messageSchema = z.object({
  id: z.string().refine(isId),
  records: z.array(recordSchema).min(1),
  warned: z.array(z.string()).optional(),
  size: z.int().min(0),
});
const endSchema = z.object({ end: z.literal(true), messages: z.int() });

type TransferredMessage = z.infer<typeof messageSchema>;

/** What came of an import. */
export interface ImportedQueue {
  /** So many messages were taken over. */
  readonly imported: number;
  /** So many were here before, or had been. */
  readonly known: number;
}

/** What {@linkcode importQueue} works with. */
export interface ImportOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** For the contents: one of a message's id may be here already, which a mailbox has. */
  readonly ids: IdMaker;
  /** Records are in the index, due at that time or later. */
  wake(dueAt: number): void;
}

/** That a message was imported is remembered for a year, that its sender was warned for a month: milliseconds. */
const REMEMBERED_MS = 365 * 24 * 3600_000;
const WARNED_MS = 30 * 24 * 3600_000;
/** So many records are written in one commit, which takes them also where each is as large as a value may be. */
const RECORDS_AT_ONCE = 10;
/** A line tells of all recipients of a message. */
const MAX_LINE = 16 * 1024 * 1024;

/** Takes over what another server exported, each message once. Throws {@linkcode TransferBroken}. */
export async function importQueue(
  source: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<ImportedQueue> {
  const reader = new OctetReader(source);
  const first = await readLine(reader);
  if (first?.format !== FORMAT) throw new TransferBroken("This is no exported queue");
  if (first.version !== VERSION) {
    const received = JSON.stringify(first.version);
    throw new TransferBroken(
      `The file is of version ${received} of its format; this server reads ${VERSION}`,
    );
  }
  const count = { imported: 0, known: 0 };
  for (;;) {
    const value = await readLine(reader);
    const where = `behind ${count.imported + count.known} messages`;
    if (value === undefined) {
      throw new TransferBroken(`The file is cut off ${where}; what came before is here`, count.imported);
    }
    if (endSchema.safeParse(value).success) return count;
    const { data } = messageSchema.safeParse(value);
    if (!data || data.records.some(({ id }) => id !== data.id)) {
      throw new TransferBroken(`A message is not described as it should be, ${where}`, count.imported);
    }
    const isNew = await importMessage(data, reader, { ...options, imported: count.imported });
    count[isNew ? "imported" : "known"]++;
    if ((await reader.line(0))?.length !== 0) {
      const text = `The message ${data.id} does not end where it should, ${where}`;
      throw new TransferBroken(text, count.imported);
    }
  }
}

async function readLine(reader: OctetReader): Promise<Record<string, unknown> | undefined> {
  const text = await reader.line(MAX_LINE);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(decode(text));
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
  } catch {
    return {};
  }
}

/** What is remembered of an import: how many of the message's records are written, and its content. */
interface ImportMark {
  readonly records: number;
  readonly body: BodyRef;
}

/** Answers false when it was here before. */
async function importMessage(
  message: TransferredMessage,
  reader: OctetReader,
  options: ImportOptions & { readonly imported: number },
): Promise<boolean> {
  const { store, clock, ids } = options;
  const { id, records: { length: total } } = message;
  const mark = await store.kv.get<ImportMark>(keys.queueImported(id));
  const { records: done = 0, body: known } = mark.value ?? {};
  const isHere = done >= total || (done === 0 && await isInQueue(store, id));
  const body = isHere || known ? undefined : new BodyWriter(store, { id: ids.next(), clock });
  try {
    let size = 0;
    for await (const piece of reader.octets(message.size)) {
      size += piece.length;
      await body?.append(piece);
    }
    if (size < message.size) {
      throw new TransferBroken(`The file is cut off in the message ${id}`, options.imported);
    }
    if (isHere) return false;
    const draft = body?.finish();
    return await writeRecords(message, {
      done,
      mark: mark.versionstamp,
      draft,
      ref: known ?? draft!.ref(total),
    }, options);
  } catch (error) {
    await body?.abort();
    throw error;
  }
}

async function isInQueue(store: Store, id: string): Promise<boolean> {
  for await (const _ of store.kv.list(keys.queueItems(id), { limit: 1 })) return true;
  return false;
}

/** Writes the records behind the first `done`: those of most messages in one commit, with the content. */
async function writeRecords(
  { id, records, warned }: TransferredMessage,
  of: { done: number; mark: string | null; draft: BodyDraft | undefined; ref: BodyRef },
  { store, clock, wake }: ImportOptions,
): Promise<boolean> {
  let { done, mark } = of;
  const key = keys.queueImported(id);
  const now = clock.now();
  while (done < records.length) {
    const some = records.slice(done, done + RECORDS_AT_ONCE)
      .map((record) => ({ ...record, body: of.ref }) as unknown as QueueRecord);
    const writes: Write[] = some.map((record) => queueWrites.insert(record));
    if (done === 0) writes.push(of.draft!.write(records.length));
    if (done === 0 && warned) {
      writes.push({ mutations: expiring(keys.queueWarned(id), warned, now + WARNED_MS), size: 300 });
    }
    done += some.length;
    const value: ImportMark = { records: done, body: of.ref };
    writes.push({
      checks: [{ key, versionstamp: mark }],
      mutations: expiring(key, value, now + REMEMBERED_MS),
      size: 400,
    });
    const result = await store.write(together(...writes));
    if (!result.ok) throw new Error(`The message ${id} is imported by somebody else at this moment`);
    mark = result.versionstamp;
    const free = some.filter(({ held }) => !held).map(({ dueAt }) => dueAt);
    if (free.length > 0) wake(Math.min(...free));
  }
  return true;
}
