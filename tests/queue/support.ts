/** What the tests of the queue share: a queue on a store in memory, an agent with a script, invariants. */

import { assert, assertEquals } from "@std/assert";
import { concat, decode, encode } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { IdMaker } from "../../src/base/ids.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { Attempt, DeliveryAgent, DeliveryJob } from "../../src/delivery/delivery.ts";
import type { EnvelopeRecipient, Mailbox } from "../../src/mail/envelope.ts";
import type { Deferred, Delivered, Failed, Outcome } from "../../src/mail/outcome.ts";
import { Accounts } from "../../src/auth/accounts.ts";
import { type MailEntry, sizeOf } from "../../src/mailbox/mail_entry.ts";
import { unpackObjects } from "../../src/mailbox/object_row.ts";
import { MailStore } from "../../src/mailbox/mail_store.ts";
import { Quotas } from "../../src/mailbox/quotas.ts";
import { Journal, type JournalEvent } from "../../src/observe/journal.ts";
import { DeliveryQueue } from "../../src/queue/queue.ts";
import type { DeliveryQueueOptions } from "../../src/queue/options.ts";
import type { NewMessage } from "../../src/queue/message.ts";
import { type KeptTally, takeTally } from "../../src/queue/kept_tally.ts";
import type { DueMark } from "../../src/queue/queue_store.ts";
import type { QueueRecord } from "../../src/queue/record.ts";
import type { Schedule } from "../../src/queue/schedule.ts";
import { Suspensions } from "../../src/queue/suspensions.ts";
import { TimerWaker } from "../../src/queue/waker.ts";
import type { DeliveryTarget } from "../../src/recipients/expand.ts";
import { Router } from "../../src/recipients/router.ts";
import { type BodyRef, draftOf, readBody } from "../../src/storage/bodies/bodies.ts";
import type { Kv } from "../../src/storage/port.ts";
import { openStore, type Store } from "../../src/storage/store.ts";
import type { Write, WriteResult } from "../../src/storage/write.ts";
import { countedKv, StoreActivity } from "../support/busy_kv.ts";
import { drop, put } from "../support/raw_kv.ts";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** The default of the contract. */
export const SCHEDULE: Schedule = { retry: [15 * MINUTE], warnAfter: 4 * HOUR, giveUpAfter: 5 * DAY };

export const DELIVERED: Delivered = {
  kind: "delivered",
  status: "2.0.0",
  text: "Ok",
  code: 250,
  stage: "end",
};
export const DEFERRED: Deferred = {
  kind: "deferred",
  status: "4.4.1",
  text: "Connection refused",
  stage: "connect",
};
export const FAILED: Failed = {
  kind: "failed",
  status: "5.1.1",
  text: "No such user",
  code: 550,
  stage: "rcpt",
};

/** Answers one recipient of a job. */
export type Answer = (recipient: EnvelopeRecipient, job: DeliveryJob) => Outcome | Promise<Outcome>;

/** An agent that does what it is told, and reads each text as a real one does. */
export class ScriptedAgent implements DeliveryAgent {
  readonly jobs: DeliveryJob[] = [];
  readonly texts: string[] = [];
  active = 0;
  mostActive = 0;

  constructor(public answer: Answer = () => DELIVERED) {}

  async deliver(job: DeliveryJob): Promise<Attempt[]> {
    this.jobs.push(job);
    this.mostActive = Math.max(this.mostActive, ++this.active);
    try {
      const pieces: Uint8Array[] = [];
      for await (const piece of job.text()) pieces.push(piece.slice());
      this.texts.push(decode(concat(pieces)));
      return await Promise.all(job.recipients.map(async (recipient) => ({
        recipient: recipient.address,
        outcome: await this.answer(recipient, job),
        durationMs: 1,
      })));
    } finally {
      this.active--;
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A store whose writes can be made to fail. */
export class MoodyStore implements Store {
  /** Called with each write; what it throws is what the writer gets. */
  before: ((change: Write) => void | Promise<void>) | undefined;
  writes = 0;
  /** As on a full disk. */
  isFull = false;

  readonly kv: Kv;

  constructor(private readonly store: Store, private readonly activity: StoreActivity) {
    this.kv = countedKv(store.kv, activity);
  }
  get number(): number | undefined {
    return this.store.number;
  }
  get embedded(): boolean {
    return this.store.embedded;
  }
  get limits(): Store["limits"] {
    return this.store.limits;
  }
  write(change: Write): Promise<WriteResult> {
    return this.activity.during(this.#write(change));
  }
  async #write(change: Write): Promise<WriteResult> {
    this.writes++;
    // at once: between this and the store no process is killed
    if (this.before) await this.before(change);
    return await this.store.write(change);
  }
  close(): Promise<void> {
    return this.store.close();
  }
}

export interface HouseOptions extends Partial<Omit<DeliveryQueueOptions, "quotas">> {
  readonly accounts?: never;
  readonly names?: readonly string[];
  readonly quotas?: Readonly<Record<string, number>>;
  readonly aliases?: Readonly<Record<string, { targets: readonly string[]; owner?: string }>>;
  readonly answer?: Answer;
  readonly start?: boolean;
  /** Where the store is; default: in memory. */
  readonly location?: string;
  /** Of the ids; servers that share a store have different ones. */
  readonly seed?: number;
}

/** A queue with all it needs, for `here.example`. */
export class House {
  readonly quotas: Quotas;
  readonly suspensions: Suspensions;
  readonly events: JournalEvent[] = [];
  /** What a test counts. */
  readonly taken = new Map<string, number>();
  queue!: DeliveryQueue;

  private constructor(
    /** Of the queue that runs now. */
    public store: MoodyStore,
    private readonly underneath: Store,
    private readonly activity: StoreActivity,
    readonly clock: ManualClock,
    readonly agent: ScriptedAgent,
    readonly accounts: Accounts,
    readonly mailStore: MailStore,
    readonly router: Router,
    readonly ids: IdMaker,
    private readonly options: HouseOptions,
  ) {
    this.quotas = new Quotas({ accounts, mailStore });
    this.suspensions = new Suspensions(new MoodyStore(underneath, activity), clock);
  }

  static async open(options: HouseOptions = {}): Promise<House> {
    const clock = new ManualClock();
    const { location = ":memory:", seed = 7 } = options;
    // what happens on a network takes real time
    const underneath = await openStore({
      location,
      clock: location.startsWith("http") ? systemClock : clock,
    });
    const activity = new StoreActivity();
    const store = new MoodyStore(underneath, activity);
    const random = seededRandom(seed);
    const mailStore = new MailStore(store, { clock });
    const accounts = new Accounts(store, { clock, random, domains: ["here.example"], mailStore });
    await accounts.load();
    for (const name of options.names ?? ["postmaster", "brain", "pinky"]) {
      const quota = options.quotas?.[name];
      await accounts.add({ address: `${name}@here.example`, ...(quota === undefined ? {} : { quota }) });
    }
    const router = new Router({
      directory: {
        hasAccount: (address) => accounts.has(address) === true,
        firstAccount: () => accounts.first()?.address,
        alias: (address) => options.aliases?.[address],
        revision: () => `${accounts.revision} ${JSON.stringify(options.aliases)}`,
      },
      domains: ["here.example"],
      hostname: "mail.here.example",
      catchAll: {},
      subaddressSeparator: "+",
    });
    const agent = new ScriptedAgent(options.answer);
    const ids = new IdMaker(clock, random, () => store.number);
    const house = new House(
      store,
      underneath,
      activity,
      clock,
      agent,
      accounts,
      mailStore,
      router,
      ids,
      options,
    );
    house.#begin(options.start ?? true);
    return house;
  }

  #begin(start: boolean, kept?: KeptTally): void {
    const { store, clock, agent, mailStore, router, ids } = this;
    const journal = new Journal(undefined);
    journal.on((event) => void this.events.push(event));
    const {
      names: _,
      quotas: __,
      aliases: ___,
      answer: ____,
      start: _____,
      location: ______,
      seed: _______,
      ...given
    } = this.options;
    this.queue = new DeliveryQueue({
      store,
      clock,
      ids,
      journal,
      router,
      mailStore,
      quotas: this.quotas,
      agent,
      hostname: "mail.here.example",
      schedule: SCHEDULE,
      concurrency: 50,
      perDestination: () => 20,
      destinationOf: (of) => of.domain,
      historyMs: 7 * DAY,
      // the clock may be set, as for a server
      waker: (wake) => new TimerWaker(clock, () => wake(), 15 * MINUTE),
      suspensions: this.suspensions,
      // of every queue that is not empty, so that all steps of tests meet it
      tally: { kept, fewestKept: 1 },
      ...given,
      accounts: this.accounts,
    });
    if (start) this.queue.start();
  }

  /** Stops the queue and starts another one on the same store. */
  async restart(graceMs = 1000): Promise<void> {
    await this.queue.stop(graceMs);
    const last = (await this.queue.keep().catch(() => undefined))?.();
    if (last) await this.underneath.write(last);
    this.#begin(true, await takeTally(this.underneath));
  }

  /**
   * As when the process dies: nothing of what it does from now on is written, and another one starts. `gone` resolves
   * when what it had under way has come to nothing.
   */
  async kill(): Promise<{ gone: Promise<void> }> {
    const dead = this.queue;
    this.store.before = () => Promise.reject(new Error("dead"));
    // what it has written already is in the store before the next one begins
    await this.underneath.write({ mutations: [], size: 0 });
    this.store = new MoodyStore(this.underneath, this.activity);
    this.#begin(true, await takeTally(this.underneath));
    return { gone: dead.stop(0) };
  }

  count(name: string): void {
    this.taken.set(name, (this.taken.get(name) ?? 0) + 1);
  }

  message(
    to: readonly (string | DeliveryTarget)[],
    more: Partial<NewMessage> & { text?: string } = {},
  ): NewMessage {
    const id = this.ids.next();
    const { text = `Subject: ${id}\r\n\r\nHello\r\n`, ...given } = more;
    return {
      id,
      sender: "brain@here.example",
      parameters: {},
      body: draftOf(id, encode(text)),
      receivedAt: this.clock.now(),
      source: "smtp",
      targets: to.map((t) => typeof t === "string" ? remote(t) : t),
      ...given,
    };
  }

  /** Accepts a message and answers its id. */
  async accept(
    to: readonly (string | DeliveryTarget)[],
    more: Partial<NewMessage> & { text?: string } = {},
  ): Promise<string> {
    const message = this.message(to, more);
    assert(await this.queue.accept(message));
    return message.id;
  }

  /** Lets time pass, timer by timer; what each sets off ends before the next, or waits for the clock itself. */
  async pass(ms: number): Promise<void> {
    await this.settled();
    for (let left = ms; left > 0;) {
      const step = Math.min(left, this.clock.untilNext ?? left);
      this.clock.advance(step);
      left -= step;
      await this.settled();
    }
  }

  /**
   * Resolves when all has happened that does without the clock, or without what the test holds back: the queue says that
   * it rests, a delivery is under way, or a timer is set.
   */
  async settled(): Promise<void> {
    await this.activity.quiet();
    const waits = this.agent.active > 0 || this.clock.untilNext !== undefined;
    assert(this.queue.isIdle || waits, "the queue has work and does nothing");
  }

  /** What is in a mailbox, as text. */
  async mailbox(name: string): Promise<string[]> {
    const texts: string[] = [];
    for (const entry of await this.mailStore.list(`${name}@here.example`)) {
      const pieces: Uint8Array[] = [];
      for await (const piece of this.mailStore.read(entry)) pieces.push(piece);
      texts.push(decode(concat(pieces)));
    }
    return texts;
  }

  of<T extends JournalEvent["type"]>(type: T): (JournalEvent & { type: T })[] {
    return this.events.filter((e): e is JournalEvent & { type: T } => e.type === type);
  }

  /** All that is queued. */
  async records(): Promise<QueueRecord[]> {
    const all: QueueRecord[] = [];
    for await (const records of this.queue.messages()) all.push(...records);
    return all;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.queue.stop(1000);
    await this.store.close();
  }
}

/** Leases all that is due for so long (milliseconds), as a process on a shared store has it that is no more. */
export async function leaseToTheDead({ store: { kv }, clock }: House, ms: number): Promise<void> {
  for (const { key, value } of await Array.fromAsync(kv.list<DueMark>({ prefix: ["q", "due"] }))) {
    const lease = { owner: "dead", at: key[2] as number };
    await drop(kv, key);
    await put(kv, ["q", "due", clock.now() + ms, ...key.slice(3)], { ...value, lease });
  }
}

export function remote(address: Mailbox, recipient: Partial<EnvelopeRecipient> = {}): DeliveryTarget {
  return { kind: "queue", address, recipient: { address, ...recipient } };
}

export function local(name: string, recipient: Partial<EnvelopeRecipient> = {}): DeliveryTarget {
  const address = `${name}@here.example`;
  return { kind: "mailbox", address, recipient: { address, ...recipient } };
}

/**
 * What must be so in the store at any instant when nothing is being written:
 * - each record that isn't held has one due key, and a held one none; each due key has its record;
 * - each text that somebody owns is whole, and its counter is the number of its owners;
 * - no chunk is there that nobody owns and no mark tells of;
 * - counts and sizes of the mailboxes are right.
 */
export async function checkStore(kv: Kv): Promise<void> {
  const items = new Map<string, QueueRecord>();
  const owners = new Map<string, BodyRef[]>();
  const own = (ref: BodyRef) => owners.set(ref.id, [...owners.get(ref.id) ?? [], ref]);
  for await (const { key, value } of kv.list<QueueRecord>({ prefix: ["q", "item"] })) {
    assertEquals([value.id, value.part], [key[2], key[3]]);
    assert(value.recipients.length > 0, `${value.id}/${value.part} has nobody to serve`);
    items.set(`${value.id}/${value.part}`, value);
    own(value.body);
  }
  const due = new Map<string, number>();
  for await (const { key, value } of kv.list<DueMark>({ prefix: ["q", "due"] })) {
    const name = `${key[3] as string}/${key[4] as number}`;
    due.set(name, (due.get(name) ?? 0) + 1);
    const record = items.get(name);
    assert(record, `the due key of ${name} has no record`);
    assertEquals(value.domain, record.domain);
    assertEquals(value.lease ? value.lease.at : key[2], record.dueAt, name);
  }
  for (const [name, record] of items) {
    assertEquals(due.get(name) ?? 0, record.held ? 0 : 1, `due keys of ${name}`);
  }
  const usage = new Map<string, { count: bigint; bytes: bigint }>();
  for await (const { key, value } of kv.list<MailEntry>({ prefix: ["mail"] })) {
    own(value.body);
    const box = usage.get(key[1] as string) ?? { count: 0n, bytes: 0n };
    usage.set(key[1] as string, { count: box.count + 1n, bytes: box.bytes + BigInt(value.size) });
  }
  for await (const { key, value } of kv.list<Uint8Array>({ prefix: ["object"] })) {
    const box = usage.get(key[1] as string) ?? { count: 0n, bytes: 0n };
    for (const { body, prefix } of unpackObjects(value).values()) {
      own(body);
      box.count++;
      box.bytes += BigInt(sizeOf(prefix, body));
    }
    usage.set(key[1] as string, box);
  }
  for (const [address, { count, bytes }] of usage) {
    assertEquals((await kv.get<Deno.KvU64>(["mailcount", address])).value?.value, count);
    assertEquals((await kv.get<Deno.KvU64>(["mailbytes", address])).value?.value, bytes);
  }
  for (const [id, refs] of owners) {
    const counter = await kv.get<Deno.KvU64>(["bodyrefs", id]);
    for (const ref of refs) assertEquals(ref.shared, counter.versionstamp !== null, `body ${id} shared`);
    assertEquals(counter.value?.value ?? 1n, BigInt(refs.length), `owners of body ${id}`);
    let size = 0;
    for await (const piece of readBody(kv, refs[0]!)) size += piece.length;
    assertEquals(size, refs[0]!.size);
  }
  const marked = new Set<string>();
  for await (const { key } of kv.list({ prefix: ["bodypending"] })) marked.add(key[1] as string);
  // all its owners went at one instant, and none knew that it was the last one: it waits for the sweeper
  for await (const { key } of kv.list({ prefix: ["bodyrecount"] })) {
    const id = key[1] as string;
    if ((await kv.get<Deno.KvU64>(["bodyrefs", id])).value?.value === 0n) marked.add(id);
  }
  for await (const { key } of kv.list({ prefix: ["body"] })) {
    const id = key[1] as string;
    assert(owners.has(id) || marked.has(id), `body ${id} has no owner and no mark`);
  }
  for await (const { key } of kv.list({ prefix: ["bodyrefs"] })) {
    const id = key[1] as string;
    assert(owners.has(id) || marked.has(id), `the counter of body ${id} is left over`);
  }
}
