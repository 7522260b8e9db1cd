/**
 * A KV Connect server for tests: Deno's own KV behind the protocol that `Deno.openKv` speaks with an
 * `https://` address. It is what several servers share in the tests, and it can be made to fail in the ways a network
 * fails: an answer that is lost after the write happened is the one that matters.
 *
 * Of the protocol (version 3) it leaves out what dinopost has no use for: sums of values that are no `KvU64`, and keys
 * that end in a versionstamp. Queues are no part of the protocol.
 */

import { Fields, MessageWriter } from "./protobuf.ts";

/** How the server is started. */
export interface KvConnectOptions {
  /** The file that Deno's KV is in; default: memory. */
  readonly path?: string;
  /** Default: a free port. */
  readonly port?: number;
}

/** What becomes of one request: it is carried out, or fails before or after that. */
export type Fault = "none" | "refused" | "answerLost";

const DATABASE = "3f0c7a52-5a0e-4c5b-9d0c-64696e6f706f";
const PROTOCOL = 3;
/** A commit takes no more, here as on denokv. */
const MAX_CHECKS = 10;
/** How often an open watch says that it is there. */
const PING_MS = 5000;

/** What `status` says of a read or a watch, and of a write. */
const READ_SUCCESS = 1;
const WRITE = { success: 1, checkFailed: 2 } as const;
const ENCODING_LE64 = 2;
const MUTATION = { set: 1, delete: 2, sum: 3, max: 4, min: 5 } as const;

/** A value: its encoding in the first byte, then its bytes. A `KvU64` is kept as one, since KV counts with it. */
type Stored = Uint8Array<ArrayBuffer> | Deno.KvU64;

/** A running server. */
export class KvConnectServer implements AsyncDisposable {
  /** What a client gives to `Deno.openKv`. */
  readonly url: string;
  /** The access token that it has to be given in `DENO_KV_ACCESS_TOKEN`. */
  readonly token = "a token for tests";
  /** Decides of each request by the last part of its path, `atomic_write` for example. Default: nothing fails. */
  fault: (call: string) => Fault = () => "none";
  /** How many requests there were, by the last part of their paths. */
  readonly calls = new Map<string, number>();

  /** Whether it takes the access token and what it gave for it. */
  letsIn = true;
  /** How far its clock is ahead of this machine's. */
  clockAheadMs = 0;
  /** How many writes were refused for what they are. */
  refused = 0;

  readonly #kv: Deno.Kv;
  readonly #server: Deno.HttpServer;
  readonly #watches = new Set<Watch>();
  /** Clients exchange the access token for this one. */
  readonly #session = crypto.randomUUID();

  private constructor(kv: Deno.Kv, options: KvConnectOptions) {
    this.#kv = kv;
    const { port = 0 } = options;
    const quiet = () => {};
    this.#server = Deno.serve({ hostname: "127.0.0.1", port, onListen: quiet }, (r) => this.#answer(r));
    this.url = `http://127.0.0.1:${(this.#server.addr as Deno.NetAddr).port}`;
  }

  /** Starts a server. */
  static async start(options: KvConnectOptions = {}): Promise<KvConnectServer> {
    return new KvConnectServer(await Deno.openKv(options.path ?? ":memory:"), options);
  }

  /** Ends all watches that are open, as a proxy that is restarted does. */
  dropWatches(): void {
    for (const watch of this.#watches) watch.end();
  }

  /** Ends it, and its clients' connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.dropWatches();
    await this.#server.shutdown();
    this.#kv.close();
  }

  async #answer(request: Request): Promise<Response> {
    const call = new URL(request.url).pathname.split("/").at(-1)!;
    this.calls.set(call, (this.calls.get(call) ?? 0) + 1);
    const fault = this.fault(call);
    if (fault === "refused") {
      await request.body?.cancel();
      return new Response("Refused by the test", { status: 503 });
    }
    let response: Response;
    try {
      response = await this.#carryOut(call, request);
    } catch (error) {
      // the client may have died in the midst of its request
      return new Response(String(error), { status: 400 });
    }
    if (fault === "none") return response;
    await response.body?.cancel();
    return new Response("Lost by the test", { status: 503 });
  }

  async #carryOut(call: string, request: Request): Promise<Response> {
    const authorization = this.letsIn ? request.headers.get("authorization") : null;
    if (call === "") {
      return authorization === `Bearer ${this.token}`
        ? this.#exchange(await request.json())
        : new Response("The access token is wrong", { status: 401 });
    }
    const body = new Fields(await request.bytes());
    if (authorization !== `Bearer ${this.#session}`) {
      return new Response("The session's token is wrong", { status: 401 });
    }
    if (request.headers.get("x-denokv-database-id") !== DATABASE) {
      return new Response("There is no such database", { status: 404 });
    }
    if (call === "snapshot_read") return protobuf(await this.#read(body));
    if (call === "atomic_write") return await this.#write(body);
    if (call === "watch") return this.#watch(body);
    return new Response(`There is no call ${call}`, { status: 404 });
  }

  /** The metadata exchange: which version is spoken, where the calls go, and with which token. */
  #exchange({ supportedVersions }: { supportedVersions: number[] }): Response {
    if (!supportedVersions.includes(PROTOCOL)) {
      return new Response(`This server speaks version ${PROTOCOL} only`, { status: 400 });
    }
    const now = Date.now() + this.clockAheadMs;
    const date = new Date(now).toUTCString();
    return Response.json({
      version: PROTOCOL,
      databaseId: DATABASE,
      endpoints: [{ url: "/v2", consistency: "strong" }],
      token: this.#session,
      expiresAt: new Date(now + 3600_000).toISOString(),
    }, { headers: { date } });
  }

  /** `SnapshotRead`: ranges. Those of one key each, as `getMany` asks for, come from one instant. */
  async #read(body: Fields): Promise<MessageWriter> {
    const ranges = body.messages(1).map((range) => ({
      start: range.bytes(1),
      end: range.bytes(2),
      limit: range.number(3),
      reverse: range.number(4) !== 0,
    }));
    const output = new MessageWriter();
    if (ranges.every(({ start, end }) => isSuccessor(start, end))) {
      const entries = await this.#kv.getMany<Stored[]>(ranges.map(({ start }) => keyOf(start)));
      for (const entry of entries) {
        const values = new MessageWriter();
        if (entry.versionstamp !== null) values.message(1, entryMessage(entry));
        output.message(1, values);
      }
    } else {
      for (const { start, end, limit, reverse } of ranges) {
        const values = new MessageWriter();
        const selector = { start: keyOf(start), end: keyOf(end) };
        const options = { limit, reverse, batchSize: Math.min(limit, 500) };
        for await (const entry of this.#kv.list<Stored>(selector, options)) {
          values.message(1, entryMessage(entry));
        }
        output.message(1, values);
      }
    }
    return output.bool(4, true).number(8, READ_SUCCESS);
  }

  /** `AtomicWrite`: checks and mutations. */
  async #write(body: Fields): Promise<Response> {
    if (body.has(3)) return new Response("There are no queues here", { status: 400 });
    if (body.messages(1).length > MAX_CHECKS) return this.#refuse("There are too many checks");
    const operation = this.#kv.atomic();
    for (const check of body.messages(1)) {
      const versionstamp = check.bytes(2);
      operation.check({
        key: keyOf(check.bytes(1)),
        versionstamp: versionstamp.length === 0 ? null : versionstamp.toHex(),
      });
    }
    for (const mutation of body.messages(2)) {
      const problem = mutate(operation, mutation);
      if (problem !== undefined) return this.#refuse(problem);
    }
    let result: Deno.KvCommitResult | Deno.KvCommitError;
    try {
      result = await operation.commit();
    } catch (error) {
      return this.#refuse(String(error));
    }
    const output = new MessageWriter();
    if (!result.ok) return protobuf(output.number(1, WRITE.checkFailed));
    return protobuf(output.number(1, WRITE.success).bytes(2, Uint8Array.fromHex(result.versionstamp)));
  }

  #refuse(problem: string): Response {
    this.refused++;
    return new Response(problem, { status: 400 });
  }

  /** `Watch`: a stream of frames, each behind its length; the empty one only says that the watch is alive. */
  #watch(body: Fields): Response {
    const keys = body.messages(1).map((key) => key.bytes(1));
    const watch = new Watch(this.#kv, keys);
    this.#watches.add(watch);
    watch.ended.then(() => this.#watches.delete(watch));
    return new Response(watch.frames, { headers: { "content-type": "application/octet-stream" } });
  }
}

class Watch {
  readonly frames: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #ended = Promise.withResolvers<void>();
  readonly #reader: ReadableStreamDefaultReader<Deno.KvEntryMaybe<Stored>[]>;
  readonly #ping: ReturnType<typeof setInterval>;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;

  constructor(kv: Deno.Kv, keys: readonly Uint8Array<ArrayBuffer>[]) {
    this.#reader = kv.watch<Stored[]>(keys.map(keyOf)).getReader();
    this.frames = new ReadableStream({
      start: (controller) => void (this.#controller = controller),
      cancel: () => this.end(),
    });
    this.#ping = setInterval(() => this.#send(new Uint8Array()), PING_MS);
    this.#pass(keys).catch(() => {}).then(() => this.end());
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  end(): void {
    clearInterval(this.#ping);
    const controller = this.#controller;
    this.#controller = undefined;
    try {
      controller?.close();
    } catch {
      // the client has gone already
    }
    this.#reader.cancel().catch(() => {}).then(() => this.#ended.resolve());
  }

  async #pass(keys: readonly Uint8Array<ArrayBuffer>[]): Promise<void> {
    const known: (string | null | undefined)[] = [];
    for (;;) {
      const { value: entries, done } = await this.#reader.read();
      if (done) return;
      const output = new MessageWriter().number(1, READ_SUCCESS);
      for (let i = 0; i < keys.length; i++) {
        const entry = entries[i]!;
        const key = new MessageWriter().bool(1, entry.versionstamp !== known[i]);
        if (entry.versionstamp !== null && entry.versionstamp !== known[i]) {
          key.message(2, entryMessage(entry));
        }
        known[i] = entry.versionstamp;
        output.message(2, key);
      }
      this.#send(output.finish());
    }
  }

  #send(message: Uint8Array): void {
    const frame = new Uint8Array(4 + message.length);
    new DataView(frame.buffer).setUint32(0, message.length, true);
    frame.set(message, 4);
    this.#controller?.enqueue(frame);
  }
}

/** Adds a mutation to the operation, or says what it can't do. */
function mutate(operation: Deno.AtomicOperation, mutation: Fields): string | undefined {
  const key = keyOf(mutation.bytes(1));
  const value = mutation.message(2);
  const kind = mutation.number(3);
  const expireAt = mutation.number(4);
  if (kind === MUTATION.set) {
    operation.set(key, stored(value), expireAt === 0 ? {} : { expireIn: Math.max(1, expireAt - Date.now()) });
  } else if (kind === MUTATION.delete) operation.delete(key);
  else {
    if (value.number(2) !== ENCODING_LE64) return "Only a KvU64 can be added to or compared";
    const number = le64(value.bytes(1));
    if (kind === MUTATION.sum) operation.sum(key, number);
    else if (kind === MUTATION.max) operation.max(key, number);
    else if (kind === MUTATION.min) operation.min(key, number);
    else return `There is no mutation ${kind} here`;
  }
  return undefined;
}

/** Keys come encoded, in an order by bytes; as one part of bytes they keep it. */
function keyOf(encoded: Uint8Array<ArrayBuffer>): Deno.KvKey {
  return ["k", encoded];
}

/** Is `end` the first key after `start`, so that the range is one key? */
function isSuccessor(start: Uint8Array, end: Uint8Array): boolean {
  return end.length === start.length + 1 && end[start.length] === 0 &&
    start.every((byte, i) => byte === end[i]);
}

function stored(value: Fields): Stored {
  const bytes = value.bytes(1);
  const encoding = value.number(2);
  if (encoding === ENCODING_LE64) return new Deno.KvU64(le64(bytes));
  const kept = new Uint8Array(1 + bytes.length);
  kept[0] = encoding;
  kept.set(bytes, 1);
  return kept;
}

/** A `KvEntry`. */
function entryMessage({ key, value, versionstamp }: Deno.KvEntry<Stored>): MessageWriter {
  const message = new MessageWriter().bytes(1, key[1] as Uint8Array);
  if (value instanceof Deno.KvU64) {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value.value, true);
    message.bytes(2, bytes).number(3, ENCODING_LE64);
  } else message.bytes(2, value.subarray(1)).number(3, value[0]!);
  return message.bytes(4, Uint8Array.fromHex(versionstamp));
}

function le64(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
}

function protobuf(message: MessageWriter): Response {
  return new Response(message.finish(), { headers: { "content-type": "application/x-protobuf" } });
}
