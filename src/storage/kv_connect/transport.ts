/**
 * The requests of KV Connect: where they go and with which token, how long each may take, and what is known of a server
 * that does not answer.
 */

import { messageOf } from "../../base/errors.ts";
import { type Clock, sleep, systemClock } from "../../base/clock.ts";
import { OutcomeUnknown, StorageError } from "../storage_error.ts";

/** How long things may take, in milliseconds of real time. */
export interface NetworkTimes {
  /** One request. */
  readonly requestMs: number;
  /** A read is tried again for so long until the server is called silent. */
  readonly patienceMs: number;
  /** A silent server is asked this often whether it is back. */
  readonly probeMs: number;
  /** A watch on which nothing came for so long is dead: the server says each five seconds that it lives. */
  readonly watchMs: number;
}

/** The times, unless set otherwise. */
export const NETWORK_TIMES: NetworkTimes = {
  requestMs: 3000,
  patienceMs: 4000,
  probeMs: 1000,
  watchMs: 15_000,
};

/** What a transport needs. */
export interface TransportOptions {
  /** The address of the metadata. */
  readonly url: string;
  readonly token: string;
  /** Default: {@linkcode NETWORK_TIMES}. */
  readonly times?: Partial<NetworkTimes> | undefined;
  /** Told when the server is found silent (since when, in milliseconds since 1970), and when it answers again. */
  readonly onSilence?: ((since: number | undefined) => void) | undefined;
  /** Told when the clock here is not that of the server. */
  readonly onError?: ((what: string, error: unknown) => void) | undefined;
  /** Any read, for asking whether a silent server is back. */
  readonly probe: Uint8Array<ArrayBuffer>;
}

/** What the server said of itself. */
interface Metadata {
  readonly endpoint: string;
  readonly headers: HeadersInit;
  /** When it is to be asked for anew, by the clock that never goes back. */
  readonly renewAt: number;
}

type Call = "snapshot_read" | "atomic_write" | "watch";

/** Versions of the protocol that are spoken here; they don't differ in what is used. */
const VERSIONS = [2, 3];
/** A token is renewed so long before its end. */
const RENEW_MS = 5 * 60_000;
/** It is used for so long at least. */
const LEAST_MS = 10_000;
/** Leases are counted by the clocks of the servers, which may differ by some seconds; more is a warning. */
const TOLERATED_S = 60;
/** A request gets so long at least, also where the patience is at its end. */
const LEAST_REQUEST_MS = 500;
const PAUSE = { firstMs: 20, longestMs: 500 } as const;
/** The network's time is the real one, whatever clock the server runs by. */
const clock: Clock = systemClock;

/** No answer, or none that the server itself has given: what was asked may have happened or not. */
class NoAnswer extends Error {}

/** The server refused a request for what it is. */
export class RequestRefused extends StorageError {}

/** Sends requests to one database. */
export class Transport {
  readonly times: NetworkTimes;
  readonly #options: TransportOptions;
  readonly #closing = new AbortController();
  #client = newClient();
  /** Ends the requests that are under way. */
  readonly #underWay = new Set<AbortController>();
  #hasAnswered = false;
  #toldOfClock = false;
  #metadata: Promise<Metadata> | undefined;
  /** Since when the server has not answered, and what came instead the last time. */
  #silent: { readonly since: number; readonly why: string } | undefined;

  /** Nothing is sent yet. */
  constructor(options: TransportOptions) {
    this.#options = options;
    this.times = { ...NETWORK_TIMES, ...options.times };
  }

  /** A request that may be sent again as often as it takes. */
  async read(body: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    const { requestMs, patienceMs } = this.times;
    const began = clock.now();
    let waited = 0;
    for (let pause: number = PAUSE.firstMs;; pause = Math.min(2 * pause, PAUSE.longestMs)) {
      this.#mustAnswer();
      const ms = Math.min(requestMs, Math.max(patienceMs - waited, LEAST_REQUEST_MS));
      const from = clock.monotonic();
      try {
        return await this.#request("snapshot_read", body, ms);
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        // what this process itself slept is not the server's fault
        waited += Math.min(clock.monotonic() - from, ms) + pause;
        if (waited >= patienceMs) this.#fallSilent(began, error);
      }
      await sleep(clock, pause, this.#closing.signal);
    }
  }

  /** A commit, sent once. Rejects with {@linkcode OutcomeUnknown} when no answer came. */
  async commit(body: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    this.#mustAnswer();
    try {
      return await this.#request("atomic_write", body);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      throw new OutcomeUnknown(`The store gave no answer to a commit (${error.message}).`, error);
    }
  }

  /** A watch: frames as they come, until the signal is aborted; throws when nothing comes any more. */
  async *watch(body: Uint8Array<ArrayBuffer>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const dead = new AbortController();
    this.#underWay.add(dead);
    const either = AbortSignal.any([signal, dead.signal]);
    let alarm = clock.schedule(this.times.watchMs, () => dead.abort());
    try {
      const response = await this.#send("watch", body, either);
      let rest = new Uint8Array();
      for await (const piece of response.body!) {
        alarm.cancel();
        alarm = clock.schedule(this.times.watchMs, () => dead.abort());
        const { frames, left } = cut(rest.length === 0 ? piece : join(rest, piece));
        yield* frames;
        rest = left;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      alarm.cancel();
      this.#underWay.delete(dead);
    }
  }

  /** Gives up what is under way. */
  close(): void {
    this.#closing.abort();
    for (const ending of this.#underWay) ending.abort();
    this.#client.close();
  }

  #mustAnswer(): void {
    if (this.#closing.signal.aborted) throw new StorageError("closed", "The store is closed.");
    if (this.#silent === undefined) return;
    const since = new Date(this.#silent.since).toISOString();
    throw new StorageError("away", `The store has not answered since ${since} (${this.#silent.why}).`);
  }

  /** From now on calls are refused at once, until the server answers again. */
  #fallSilent(since: number, error: Error): void {
    if (this.#silent !== undefined || this.#closing.signal.aborted) return;
    this.#silent = { since, why: error.message };
    this.#options.onSilence?.(since);
    void this.#probe();
  }

  async #probe(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await sleep(clock, this.times.probeMs, this.#closing.signal);
      try {
        await this.#request("snapshot_read", this.#options.probe);
        break;
      } catch {
        // it is asked again
      }
    }
    if (this.#closing.signal.aborted) return;
    this.#silent = undefined;
    this.#options.onSilence?.(undefined);
  }

  /** One request with its answer, in time. */
  async #request(
    call: Call,
    body: Uint8Array<ArrayBuffer>,
    ms = this.times.requestMs,
  ): Promise<Uint8Array> {
    const client = this.#client;
    const ending = new AbortController();
    let late = false;
    const timer = clock.schedule(ms, () => {
      late = true;
      ending.abort();
    });
    this.#underWay.add(ending);
    try {
      const response = await this.#send(call, body, ending.signal);
      const answer = await response.bytes();
      this.#hasAnswered = true;
      return answer;
    } catch (error) {
      if (error instanceof StorageError || error instanceof NoAnswer) throw error;
      // a connection whose other end has gone without a word is never used again
      if (late && client === this.#client) this.#renewClient();
      throw new NoAnswer(late ? `nothing came for ${Math.round(ms)} ms` : messageOf(error));
    } finally {
      timer.cancel();
      this.#underWay.delete(ending);
    }
  }

  async #send(call: Call, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Response> {
    for (let first = true;; first = false) {
      const { endpoint, headers } = await this.#whereTo(signal);
      const response = await fetch(`${endpoint}/${call}`, {
        method: "POST",
        headers,
        signal,
        client: this.#client,
        // what is sent as a stream is never sent a second time by fetch itself
        body: call === "atomic_write" ? ReadableStream.from([body]) : body,
      });
      if (response.ok) return response;
      const said = `${response.status} ${(await response.text()).slice(0, 200)}`.trim();
      if (response.status === 401 && first) {
        this.#metadata = undefined; // the token has run out early, or the server has another one since it started
        continue;
      }
      const refused = response.status >= 400 && response.status < 500;
      if (!refused || response.status === 408 || response.status === 429) throw new NoAnswer(said);
      throw new RequestRefused("failed", `The store refused a request: ${said}.`);
    }
  }

  #whereTo(signal: AbortSignal): Promise<Metadata> {
    const metadata = (this.#metadata ?? Promise.reject()).then((known) => {
      if (clock.monotonic() >= known.renewAt) throw undefined;
      return known;
    });
    return this.#metadata = metadata.catch(() => this.#exchange(signal));
  }

  /** Exchanges the access token for the addresses of the database and a token for them. */
  async #exchange(signal: AbortSignal): Promise<Metadata> {
    const response = await fetch(this.#options.url, {
      method: "POST",
      headers: { "authorization": `Bearer ${this.#options.token}`, "content-type": "application/json" },
      body: JSON.stringify({ supportedVersions: VERSIONS }),
      signal,
      client: this.#client,
    });
    if (!response.ok) {
      const said = `${response.status} ${(await response.text()).slice(0, 200)}`.trim();
      // who was let in before waits until that is mended
      if (response.status >= 500 || this.#hasAnswered) throw new NoAnswer(said);
      throw new StorageError("failed", `The store does not let this server in: ${said}.`);
    }
    const { version, databaseId, endpoints, token, expiresAt } = await response.json();
    const strong = endpoints?.find((e: { consistency: string }) => e.consistency === "strong");
    if (!VERSIONS.includes(version) || !strong) {
      throw new StorageError(
        "failed",
        `The store speaks version ${version} of KV Connect; ${VERSIONS} are known here.`,
      );
    }
    return {
      endpoint: new URL(strong.url, response.url).href.replace(/\/$/, ""),
      headers: {
        "authorization": `Bearer ${token}`,
        "content-type": "application/x-protobuf",
        "x-denokv-version": String(version),
        "x-denokv-database-id": databaseId,
      },
      renewAt: clock.monotonic() +
        Math.max(LEAST_MS, Date.parse(expiresAt) - this.#serverTime(response) - RENEW_MS),
    };
  }

  /** What time it is there: clocks differ, and by ours the token may be over before it is used. */
  #serverTime(response: Response): number {
    const now = clock.now();
    const there = Date.parse(response.headers.get("date") ?? "");
    if (Number.isNaN(there)) return now;
    const seconds = Math.round((now - there) / 1000);
    if (Math.abs(seconds) > TOLERATED_S && !this.#toldOfClock) {
      this.#toldOfClock = true;
      const how = seconds > 0 ? "ahead of" : "behind";
      const text = `The clock here is ${
        Math.abs(seconds)
      } seconds ${how} the store's; set both by the same time server.`;
      this.#options.onError?.("clocks differ", new Error(text));
    }
    return there;
  }

  #renewClient(): void {
    this.#client.close();
    this.#client = newClient();
  }
}

/** HTTP/1.1: each request under way has a connection of its own, so that a dead one stops no other. */
function newClient(): Deno.HttpClient {
  return Deno.createHttpClient({ http2: false });
}

/** Frames come behind their length in four bytes; an empty one only says that the server lives. */
function cut(bytes: Uint8Array<ArrayBuffer>): { frames: Uint8Array[]; left: Uint8Array<ArrayBuffer> } {
  const frames: Uint8Array[] = [];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const end = at + 4 + new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
    if (end > bytes.length) break;
    if (end > at + 4) frames.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return { frames, left: bytes.subarray(at) };
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
